//! `trailhound demo`: sample logs → a lake → every rule → findings on screen, without AWS and without settings.

use super::local::{LocalFlag, ready};
use super::{Outcome, say};
use crate::detect::detect;
use crate::output::findings;
use crate::rules::Pack;
use anyhow::Context;
use clap::Args;
use include_dir::{Dir, include_dir};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trailhound_ingest::lake::Lake;
use trailhound_ingest::{IngestConfig, ingest};

static SAMPLE_LOGS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../sample-logs/AWSLogs");

/// Marks a folder as a demo's, so that a second run may begin by deleting it.
const MARK: &str = ".trailhound-demo";

/// Watch the whole path at work on the log files of an invented company.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The folder of the lake; one that an earlier demo made is deleted first.
    #[arg(long, default_value = "trailhound-demo")]
    lake: PathBuf,
    #[command(flatten)]
    local: LocalFlag,
}

impl Demo {
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let pack = Pack::built_in()?;
        let applied = self.local.apply(&pack)?;
        let logs = start_afresh(&self.lake)?;
        let place = self.lake.to_string_lossy().into_owned();
        say(&format!("reading one day of an invented company into the lake {place}"));
        let config = IngestConfig::new(vec![logs.to_string_lossy().into_owned()], place.clone());
        let report = ingest(&config, Arc::new(())).await?;
        say(&report.to_string());

        let detected = detect(&Lake::open(&place).await?, &ready(&applied)).await?;
        say(&format!(
            "{} rules over {} events: {:.2} s\n",
            detected.rules, detected.events, detected.seconds
        ));

        let mut out = anstream::stdout().lock();
        findings::write(&detected.findings, &mut out)?;
        writeln!(out)?;
        findings::write_summary(&detected.findings, pack.rules(), &mut out)?;
        write!(out, "{}", next(&place))?;
        Ok(Outcome::Done)
    }
}

/// Three questions to go on with.
fn next(lake: &str) -> String {
    let queries = [
        "SELECT eventTime, eventName, awsRegion, sourceIPAddress FROM cloudtrail WHERE userIdentity.type = 'Root' ORDER BY eventTime",
        "SELECT actor, count(*) AS calls, count(DISTINCT awsRegion) AS regions FROM cloudtrail WHERE errorCode = 'AccessDenied' GROUP BY actor ORDER BY calls DESC LIMIT 10",
        "SELECT severity, rule, firsttime, alert FROM findings ORDER BY firsttime",
    ];
    let lake = if lake.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c)) {
        lake.to_owned()
    } else {
        format!("'{}'", lake.replace('\'', "'\\''"))
    };
    let lines = queries.map(|query| format!("  trailhound sql --lake {lake} \"{query}\"\n"));
    format!("\nGo on with\n{}", lines.concat())
}

/// An empty folder with the sample logs in it; returns where they are.
fn start_afresh(lake: &Path) -> anyhow::Result<PathBuf> {
    let shown = lake.display();
    if shown.to_string().contains("://") {
        anyhow::bail!(
            "{shown} is not a folder\nhint: the demo's lake is a folder; `trailhound ingest` takes s3://bucket/prefix"
        );
    }
    let is_empty = match fs::read_dir(lake) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => anyhow::bail!("cannot read {shown}: {error}"),
    };
    if !is_empty {
        if !lake.join(MARK).is_file() {
            anyhow::bail!(
                "{shown} was not made by a demo, so it is left alone\nhint: --lake takes a folder that is new or empty"
            );
        }
        fs::remove_dir_all(lake).with_context(|| format!("cannot empty {shown}"))?;
    }
    let logs = lake.join("sample-logs").join("AWSLogs");
    fs::create_dir_all(&logs).map_err(|error| anyhow::anyhow!("cannot make {}: {error}", logs.display()))?;
    fs::write(lake.join(MARK), "the next demo may delete this folder\n")?;
    extract(&SAMPLE_LOGS, &logs)?;
    Ok(logs)
}

/// Writes what is in the binary below `to`.
fn extract(folder: &Dir<'_>, to: &Path) -> std::io::Result<()> {
    for file in folder.files() {
        let path = to.join(file.path());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, file.contents())?;
    }
    folder.dirs().try_for_each(|below| extract(below, to))
}
