//! `trailhound report ENTITY --html FILE`

use super::range::moment;
use super::{Outcome, say};
use crate::engine::Engine;
use crate::report::entity::Kind;
use crate::report::{Wanted, report};
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};
use trailhound_ingest::lake::Lake;

/// Write one HTML page of everything that the lake knows of somebody or something.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// An access key, an IP address, an ARN, a name, an account, a bucket or another resource, the id of an event or of a
    /// finding; what it is shows in its form.
    entity: String,
    /// The file to write; `-` is stdout.
    #[arg(long, value_name = "FILE", required = true)]
    html: PathBuf,
    /// The lake: a folder, or `s3://bucket/prefix`.
    #[arg(long, env = "TRAILHOUND_LAKE", default_value = "trailhound-lake")]
    lake: String,
    /// What the entity is, where its form does not say.
    #[arg(long)]
    kind: Option<Kind>,
    /// Only events from then on: `7d`, `2026-03-17` or `2026-03-17T09:00Z`.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<i64>,
    /// Only events before then.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<i64>,
    /// Events that are in the page in full, at most; counts and pictures are of all.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(..=100_000))]
    max_events: u32,
}

impl Report {
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since >= until
        {
            anyhow::bail!("--since is not before --until, so there is nothing between them");
        }
        let engine = Engine::open(&Lake::open(&self.lake).await?).await?;
        let wanted = Wanted {
            entity: self.entity,
            kind: self.kind,
            since: self.since,
            until: self.until,
            max_events: usize::try_from(self.max_events)?,
            lake: self.lake,
        };
        let made = report(&engine, &wanted).await?;
        if self.html.as_os_str() == "-" {
            std::io::stdout().write_all(made.html.as_bytes())?;
        } else {
            put(&self.html, &made.html)?;
            say(&format!(
                "{} is a report on the {} {}: {} events, {} of them in full",
                self.html.display(),
                made.kind.name(),
                wanted.entity,
                made.events,
                made.embedded
            ));
        }
        Ok(Outcome::Done)
    }
}

/// Writes the file as a whole: who opens it while it is written sees the one before.
fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        // For nobody else to read, as a log is.
        let mut file = tempfile::Builder::new().prefix(".report-").suffix(".html").tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|error| anyhow::anyhow!("cannot write {}: {error}", path.display()))
}
