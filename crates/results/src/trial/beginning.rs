//! The finished trials from which other trials begin.
//!
//! A trial is the continuation of another one that differs in nothing but the number of epochs and in trackers, which do not change
//! what is learned. Key texts tell which trials these are, so there is no record of them.

use std::{
    collections::{BTreeMap, HashMap},
    thread,
};

use settings::Tracker;
use store::{Key, Name, Store};
use tuner::Outcome;

use super::{
    key::TRIAL,
    result::{Beginning, PlannedTrial, STATE, TrialResult, read_result},
};
use crate::error::Error;

/// The fields in which a trial may differ from the one that it begins from.
#[derive(Debug, PartialEq)]
struct Free {
    epochs: u32,
    trackers: Vec<Tracker>,
    /// The revisions after the first of the rule and of trackers, by name.
    revisions: BTreeMap<String, String>,
}

/// The number of key texts that are worth a thread.
const WORTH_A_THREAD: usize = 500;

/// Finds for each of `trials` that is not finished the stored trial from which it would begin: one that is its result, or else the one with
/// most epochs.
///
/// # Errors
/// If the store cannot be listed.
pub fn find_beginnings(store: &Store, trials: &mut [PlannedTrial]) -> Result<(), Error> {
    let mut open: HashMap<String, Vec<usize>> = HashMap::new();
    let mut free_of_open: HashMap<usize, Free> = HashMap::new();
    for (index, planned) in trials.iter().enumerate().filter(|(_, planned)| planned.artifact.is_none()) {
        if let Some((fixed, free)) = split(planned.key_text.as_str()) {
            open.entry(fixed).or_default().push(index);
            free_of_open.insert(index, free);
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    let names = store.names()?.into_iter().filter(|name| name.kind == TRIAL);
    let names: Vec<Name> = names.collect();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = names.len().div_ceil(WORTH_A_THREAD).min(cores);
    let alike = threads::try_map(threads, names.into_iter(), |Name { key, .. }| {
        let text = store.key_text(TRIAL, &key);
        let alike = text.and_then(|text| split(&text)).filter(|(fixed, _)| open.contains_key(fixed));
        Ok::<_, Error>(alike.map(|(fixed, free)| (fixed, free, key)))
    })?;
    let mut candidates: HashMap<usize, Vec<(u32, Key)>> = HashMap::new();
    for (fixed, free, key) in alike.into_iter().flatten() {
        for &index in &open[&fixed] {
            let depends_on_length = trials[index].trial.configuration.depends_on_length();
            let wanted = &free_of_open[&index];
            if free.includes(wanted) && (free.epochs == wanted.epochs || !depends_on_length) {
                candidates.entry(index).or_default().push((free.epochs, key));
            }
        }
    }
    for (index, mut candidates) in candidates {
        candidates.sort_unstable_by(|one, other| other.cmp(one));
        let epochs = free_of_open[&index].epochs;
        let mut found: Option<Beginning> = None;
        for (_, key) in candidates {
            let Some(beginning) = beginning(store, &key, epochs) else { continue };
            let is_better = |known: &Beginning| {
                (beginning.is_whole, beginning.result.epochs) > (known.is_whole, known.result.epochs)
            };
            if found.as_ref().is_none_or(is_better) {
                found = Some(beginning);
            }
        }
        trials[index].beginning = found;
    }
    Ok(())
}

/// Returns the name of a trial's training, which is that of all trials that begin from each other, and whether longer ones would continue this
/// one.
pub fn training(planned: &PlannedTrial, result: Option<&TrialResult>) -> (String, bool) {
    let fixed = split(planned.key_text.as_str()).map(|(fixed, _)| fixed);
    match fixed.filter(|_| !planned.trial.configuration.depends_on_length()) {
        None => (planned.key.to_string(), false),
        Some(fixed) => {
            let has_state =
                planned.artifact.as_ref().is_some_and(|artifact| artifact.manifest().file(STATE).is_some());
            let ended_early = result.is_some_and(|result| result.outcome != Outcome::Finished);
            (Key::of_bytes(fixed.as_bytes()).to_string(), has_state || ended_early)
        }
    }
}

/// Returns the stored trial as the beginning of one that is alike and has this number of `epochs`. A damaged one is none: `verify` tells.
fn beginning(store: &Store, key: &Key, epochs: u32) -> Option<Beginning> {
    let artifact = store.look_up(TRIAL, key).ok()?.0?;
    let result = read_result(&artifact).ok()?;
    let is_whole = match result.outcome {
        Outcome::Finished => result.epochs == epochs,
        Outcome::Stopped { .. } | Outcome::Diverged { .. } => result.epochs <= epochs,
    };
    let goes_on = result.outcome == Outcome::Finished
        && result.epochs < epochs
        && artifact.manifest().file(STATE).is_some();
    (is_whole || goes_on).then_some(Beginning { artifact, result, is_whole })
}

/// Splits the key text of a trial into the fields that are equal in all alike trials, and the others. None for a text that is no trial's.
fn split(text: &str) -> Option<(String, Free)> {
    let mut fixed = String::new();
    let mut epochs = None;
    let mut free = Free { epochs: 0, trackers: Vec::new(), revisions: BTreeMap::new() };
    for (path, value) in store::fields(text) {
        match path.as_str() {
            "settings.epochs" => epochs = value.parse().ok(),
            "settings.trackers" => free.trackers = ron::from_str(&value).ok()?,
            "settings.revisions" => {}
            _ => match path.strip_prefix("settings.revisions.") {
                Some(name) => drop(free.revisions.insert(name.to_owned(), value)),
                None => fixed += &format!("{path}: {value}\n"),
            },
        }
    }
    Some((fixed, Free { epochs: epochs?, ..free }))
}

impl Free {
    /// Whether a trial with these fields measured everything that one with `wanted` measures, in the same way.
    fn includes(&self, wanted: &Self) -> bool {
        let concerns = |name: &str| {
            let is_tracker = Tracker::all().iter().any(|tracker| tracker.name() == name);
            !is_tracker || wanted.trackers.iter().any(|tracker| tracker.name() == name)
        };
        let of = |revisions: &BTreeMap<String, String>| -> BTreeMap<String, String> {
            revisions.clone().into_iter().filter(|(name, _)| concerns(name)).collect()
        };
        // Other trackers would slow down what these measure.
        let depends_on_others = |tracker: &Tracker| matches!(tracker, Tracker::Throughput | Tracker::Energy);
        wanted.trackers.iter().all(|tracker| self.trackers.contains(tracker))
            && (!wanted.trackers.iter().any(depends_on_others) || self.trackers == wanted.trackers)
            && of(&self.revisions) == of(&wanted.revisions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(epochs: u32, fields: &str) -> String {
        format!(
            "(\n    kind: \"trial\",\n    settings: (\n        configuration: (\n            algorithm: Dfa,\n        ),\n        \
             epochs: {epochs},\n{fields}        device: Cpu,\n    ),\n)\n"
        )
    }

    #[test]
    fn trials_that_differ_in_epochs_and_trackers_are_alike() {
        let (fixed, free) = split(&text(6, "")).expect("a trial");
        let tracked = text(
            7,
            "        trackers: [BpCosine(()), Memory((\n            every: 2,\n        ))],\n        \
             revisions: {\n            \"BpCosine\": 2,\n        },\n",
        );
        let (same, tracked) = split(&tracked).expect("a trial");
        assert_eq!(fixed, same);
        assert_eq!((free.epochs, tracked.epochs, tracked.trackers.len()), (6, 7, 2));
        assert!(tracked.includes(&free) && !free.includes(&tracked));
        assert_ne!(split(&text(6, "").replace("Dfa", "Drtp")).expect("a trial").0, fixed);
        assert!(split("(").is_none());
    }

    #[test]
    fn what_is_measured_differently_is_not_included() {
        let free = |trackers: &str, revisions: &[(&str, &str)]| Free {
            epochs: 1,
            trackers: ron::from_str(trackers).expect("trackers"),
            revisions: revisions.iter().map(|(name, to)| ((*name).to_owned(), (*to).to_owned())).collect(),
        };
        let both = free("[BpCosine(()), Memory(())]", &[("BpCosine", "2")]);
        assert!(both.includes(&free("[Memory(())]", &[])));
        assert!(both.includes(&free("[BpCosine(())]", &[("BpCosine", "2")])));
        assert!(!both.includes(&free("[BpCosine(())]", &[("BpCosine", "3")])), "another revision");
        assert!(!both.includes(&free("[BpCosine(())]", &[])), "an earlier revision");
        assert!(!both.includes(&free("[Memory((every: 1))]", &[])), "other steps");
        assert!(!both.includes(&free("[]", &[("dfa", "2")])), "another revision of the rule");
        let speed = free("[Memory(()), Throughput]", &[]);
        assert!(
            speed.includes(&speed) && !speed.includes(&free("[Throughput]", &[])),
            "measured next to others"
        );
    }
}
