//! `trailhound rules test`

use super::{Source, say};
use crate::cli::Outcome;
use crate::detect::harness;
use crate::functions::geoip::unmet;
use crate::rules::Pack;
use clap::Args;

/// Run the tests in the rule files.
#[derive(Debug, Args)]
pub(crate) struct Test {
    #[command(flatten)]
    source: Source,
    /// A term of a condition that no test proves is a failure too.
    #[arg(long)]
    strict: bool,
    /// Only these rules.
    ids: Vec<String>,
}

impl Test {
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let pack = Pack::load(&self.source.rules)?;
        let (mut passed, mut failed, mut terms, mut unproved) = (0, 0, 0, 0);
        let mut rules = pack.picked(&self.ids)?;
        rules.retain(|rule| match unmet(&rule.needs) {
            // What it needs is not there, so its tests say nothing.
            Some(need) => {
                say(&format!("SKIPPED: {} (needs {need}, and no file has it)", rule.id));
                false
            }
            None => true,
        });
        for (rule, proof) in rules.iter().zip(harness::prove(&rules).await?) {
            for verdict in proof.verdicts {
                match verdict.failure {
                    None => passed += 1,
                    Some(why) => {
                        failed += 1;
                        say(&format!("{}: {:?}: {why}", rule.place, verdict.test));
                    }
                }
            }
            terms += proof.terms;
            unproved += proof.unproved.len();
            for term in proof.unproved {
                say(&format!("{}: no test proves the term: {term}", rule.place));
            }
        }
        say(&format!("{passed} tests passed, {failed} failed; {unproved} of {terms} terms are not proved"));
        let is_fine = failed == 0 && !(self.strict && unproved > 0);
        Ok(if is_fine { Outcome::Done } else { Outcome::Failed })
    }
}
