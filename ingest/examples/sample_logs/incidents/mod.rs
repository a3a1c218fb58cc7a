//! What goes wrong: a file for each family of rules. The stories are told in `sample-logs/README.md`.

mod root;
mod region;
mod massdelete;
mod exfil;
mod network;
mod login;
mod iam;
mod dataprotect;
mod evasion;
mod execution;
mod discovery;
mod abuse;
mod ransom;
pub(crate) mod meta;

use super::org;
use super::random::Random;
use super::record::{Call, Event, Second, call, clock, on, time};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The events of the incidents and near misses, and which rule must, or must not, find them.
#[derive(Default)]
pub(crate) struct Planted {
    pub(crate) events: Vec<Event>,
    pub(crate) stories: Vec<Story>,
    pub(crate) must_stay_silent: BTreeMap<&'static str, Vec<String>>,
}

/// One incident: which rules must find which of its events, and everything that belongs to it.
#[derive(Default)]
pub(crate) struct Story {
    pub(crate) family: &'static str,
    pub(crate) title: &'static str,
    pub(crate) must_fire: BTreeMap<&'static str, Vec<String>>,
    pub(crate) events: Vec<String>,
    /// When the first of them happens, as AWS writes times.
    pub(crate) begins: String,
    /// Who acts in it. A finding about findings has no events, and is told by its actor.
    pub(crate) actors: BTreeSet<String>,
}

impl Planted {
    /// Begins a story; what is planted from now on belongs to it.
    fn begin(&mut self, family: &'static str, title: &'static str) {
        self.stories.push(Story { family, title, ..Story::default() });
    }

    /// Begins a story of which there is nothing to see: from when on, and whom it is about.
    fn begin_unseen(&mut self, family: &'static str, title: &'static str, at: Second, actor: String) {
        self.stories.push(Story {
            family,
            title,
            begins: time(at),
            actors: [actor].into(),
            ..Story::default()
        });
    }

    /// Adds a call that each of `rules` must find.
    fn plant(&mut self, rules: &[&'static str], made: Call, random: &mut Random) {
        let event = made.record(random);
        if let Some(story) = self.stories.last_mut() {
            for &rule in rules {
                story.must_fire.entry(rule).or_default().push(event.id());
            }
            story.events.push(event.id());
            if story.begins.is_empty() || time(event.at) < story.begins {
                story.begins = time(event.at);
            }
            story.actors.insert(actor(&event.record["userIdentity"]));
        }
        self.events.push(event);
    }

    /// Adds a call that no rule may find.
    pub(crate) fn silent(&mut self, name: &'static str, made: Call, random: &mut Random) {
        let event = made.record(random);
        self.must_stay_silent.entry(name).or_default().push(event.id());
        self.events.push(event);
    }

    /// The events that each rule must find, in whatever story.
    pub(crate) fn must_fire(&self) -> BTreeMap<&'static str, Vec<String>> {
        let mut all = BTreeMap::<_, Vec<String>>::new();
        for (rule, ids) in self.stories.iter().flat_map(|story| &story.must_fire) {
            all.entry(*rule).or_default().extend(ids.iter().cloned());
        }
        all
    }
}

/// Who acts, as findings name it: the role behind a session, or the user.
fn actor(identity: &Value) -> String {
    let issuer = &identity["sessionContext"]["sessionIssuer"]["arn"];
    issuer.as_str().or(identity["arn"].as_str()).unwrap_or_default().to_owned()
}

/// The incidents of the day.
pub(crate) fn day(random: &mut Random) -> Planted {
    let mut planted = Planted::default();
    root::stolen_root(&mut planted, random);
    region::miners_abroad(&mut planted, random);
    massdelete::the_last_afternoon(&mut planted, random);
    exfil::the_quiet_copy(&mut planted, random);
    planted
}

/// The incidents of the other days of the week. Each has its own numbers, so that changing one leaves the others alone.
pub(crate) fn week(planted: &mut Planted, seed: u64) {
    let stories = [
        network::the_open_door,
        login::the_guessed_password,
        iam::the_second_door,
        dataprotect::the_short_cut,
        evasion::lights_out,
        execution::the_maintenance,
        discovery::the_mapped_house,
        abuse::other_peoples_questions,
        ransom::the_note,
    ];
    for (seed, story) in (seed..).zip(stories) {
        story(planted, &mut Random::new(seed));
    }
    meta::the_account_that_fell_silent(planted);
}
