//! Where findings are sent, as flags.

use super::{say, stop};
use crate::detect::notify::sns::{self, Topic};
use crate::detect::notify::webhook::{self, Webhook};
use crate::detect::notify::{Delivered, Notify, Stop, deliver_all};
use crate::error::Error;
use crate::rules::Rule;
use clap::Args;
use trailhound_ingest::lake::Lake;

/// Where findings are sent.
#[derive(Debug, Args)]
#[command(next_help_heading = "Destinations")]
pub(crate) struct Destinations {
    /// Publish each finding to this SNS topic, also those that an earlier run could not deliver; can be given more than
    /// once. In a variable, spaces stand between several.
    #[arg(long, value_name = "ARN", env = "TRAILHOUND_SNS_TOPIC", value_delimiter = ' ')]
    sns_topic: Vec<String>,
    /// What the messages of topics look like.
    #[arg(long, value_name = "FORMAT", env = "TRAILHOUND_SNS_FORMAT", default_value = "json")]
    sns_format: sns::Format,
    /// POST each finding to this URL, in the same way; https, or http on this machine. It is a secret: other users of a
    /// machine see flags, but not variables.
    #[arg(
        long,
        value_name = "URL",
        env = "TRAILHOUND_WEBHOOK",
        value_delimiter = ' ',
        hide_env_values = true,
        hide_default_value = true
    )]
    webhook: Vec<String>,
    /// What webhooks get.
    #[arg(long, value_name = "FORMAT", env = "TRAILHOUND_WEBHOOK_FORMAT", default_value = "auto")]
    webhook_format: webhook::Format,
}

impl Destinations {
    /// Whether there is one.
    pub(crate) fn any(&self) -> bool {
        !self.sns_topic.is_empty() || !self.webhook.is_empty()
    }

    /// Ready to be sent to; one that cannot be is an error.
    pub(crate) async fn open(&self) -> Result<Vec<Box<dyn Notify>>, Error> {
        let mut all = Vec::<Box<dyn Notify>>::new();
        for arn in &self.sns_topic {
            all.push(Box::new(Topic::new(arn, self.sns_format).await?));
        }
        for url in &self.webhook {
            all.push(Box::new(Webhook::new(url, self.webhook_format)?));
        }
        // One that is named twice gets nothing twice.
        let mut names = std::collections::HashSet::new();
        all.retain(|to| names.insert(to.destination().to_owned()));
        Ok(all)
    }
}

/// Sends what is due to all of them, until it is done or somebody asks us to end.
pub(crate) async fn send(
    lake: &Lake,
    all: &[Box<dyn Notify>],
    rules: &[&Rule],
) -> anyhow::Result<Vec<Delivered>> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    Ok(deliver_all(lake, all, rules, &Stop::when(stop::asked()?)).await?)
}

/// A line for each destination that did not get everything.
pub(crate) fn say_problems(delivered: &[Delivered]) {
    let mut any = false;
    for Delivered { destination, unsent, problem, .. } in delivered {
        let Some(why) = problem.as_ref().filter(|_| *unsent > 0) else { continue };
        let findings = if *unsent == 1 { "1 finding was" } else { &format!("{unsent} findings were") };
        say(&format!("error: {findings} not sent to {destination}: {}", why.replace('\n', " ")));
        any = true;
    }
    if any {
        say("hint: the next run tries again");
    }
}
