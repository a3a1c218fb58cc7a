//! `--geoip FILE`: what `country`, `asn` and `as_org` know, as a flag of every verb.

use super::say;
use crate::functions::geoip::{Geoip, unmet};
use crate::rules::Rule;
use clap::Args;
use std::path::PathBuf;

/// Where addresses are.
#[derive(Clone, Debug, Args)]
pub(crate) struct GeoipFlags {
    /// Take countries and autonomous systems of addresses from this file in the format of `MaxMind`, such as
    /// `GeoLite2-Country`, `GeoLite2-City` or `GeoLite2-ASN`; can be given more than once. Without one, `country()`, `asn()` and `as_org()` are NULL.
    #[arg(long, global = true, value_name = "FILE", env = "TRAILHOUND_GEOIP", value_delimiter = ',')]
    geoip: Vec<PathBuf>,
}

impl GeoipFlags {
    /// Reads the files, and makes what is in them the knowledge of the process.
    ///
    /// # Errors
    /// One cannot be used.
    pub(crate) fn set(&self) -> Result<(), crate::Error> {
        if !self.geoip.is_empty() {
            Geoip::open(&self.geoip)?.set();
        }
        Ok(())
    }
}

/// Names the rules that need what no file was given for, and so find nothing.
pub(crate) fn tell_blind(rules: &[Rule]) {
    let blind = rules.iter().filter(|rule| unmet(&rule.needs).is_some()).map(|rule| rule.id.as_str());
    let blind = blind.collect::<Vec<_>>();
    if !blind.is_empty() {
        let (count, ids) = (blind.len(), blind.join(", "));
        say(&format!(
            "warning: {count} of {} rules are blind without a GeoIP file: {ids}\nhint: --geoip GeoLite2-Country.mmdb",
            rules.len()
        ));
    }
}
