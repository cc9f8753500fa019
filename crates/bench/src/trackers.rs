//! What trackers cost: ten steps with each of them, beside ten steps with none.

use std::num::NonZeroU32;

use algorithms::{Algorithm, TargetLoss};
use engine::{Device, Population, rehearse};
use tracker::{Sampled, Tracker};

use crate::{
    Case, Effort, Group, Shape,
    rounds::{Contestant, Here, alternate, with_threads},
};

/// Every so many steps trackers look, by default: a piece of work holds one sampled step.
const STEPS: usize = 10;

pub(crate) fn measure(effort: &Effort, progress: &dyn Fn(&str)) -> Vec<Group> {
    let mut groups = Vec::new();
    let shape = Shape::cifar10();
    let describe = |algorithm: Algorithm| {
        format!("{STEPS} steps with trackers, {}, {}", algorithm.name(), shape.describe())
    };
    let title = describe(Algorithm::Dfa);
    if effort.includes(&title) {
        progress(&title);
        let per_step = |tracker: &Tracker| !matches!(tracker, Tracker::Histograms(_) | Tracker::Images(_));
        let each = Tracker::all().into_iter().filter(per_step);
        let mut sets: Vec<(String, Vec<Tracker>)> =
            each.map(|tracker| (tracker.name(), vec![tracker])).collect();
        sets.extend(pairs());
        groups.push(group(title, &Case::single(shape.clone(), Algorithm::Dfa), sets, effort));
    }
    let others = [Algorithm::Backprop, Algorithm::Drtp, Algorithm::LocalLoss(TargetLoss::CrossEntropy)];
    for algorithm in others {
        let title = describe(algorithm);
        if effort.includes(&title) {
            progress(&title);
            groups.push(group(title, &Case::single(shape.clone(), algorithm), pairs(), effort));
        }
    }
    groups
}

/// What alignment studies look at, now and then and at every step.
fn pairs() -> Vec<(String, Vec<Tracker>)> {
    let pair = |sampled| vec![Tracker::BpCosine(sampled), Tracker::WeightAlignment(sampled)];
    let every_batch = Sampled { every: NonZeroU32::MIN };
    vec![
        ("BpCosine and WeightAlignment".to_owned(), pair(Sampled::default())),
        ("BpCosine and WeightAlignment, every step".to_owned(), pair(every_batch)),
    ]
}

/// The case without trackers, with each set of them, and a backpropagation step as a yardstick.
fn group(title: String, case: &Case, sets: Vec<(String, Vec<Tracker>)>, effort: &Effort) -> Group {
    let plain = case.population();
    let backprop = Case { algorithm: Algorithm::Backprop, ..case.clone() }.population();
    let mut names = vec!["no tracker".to_owned(), "backprop, no tracker".to_owned()];
    let mut populations = vec![plain.clone(), backprop];
    for (name, trackers) in sets {
        names.push(name);
        populations.push(Population { trackers, ..plain.clone() });
    }
    let batches = case.shape.batches();
    let mut contestants: Vec<Box<dyn Contestant>> = populations
        .iter()
        .map(|population| {
            let mut rehearsal = rehearse(Device::Cpu, population, &batches).expect("the CPU is always there");
            let work = move |times: usize| {
                rehearsal.steps(times * STEPS);
                rehearsal.measured();
            };
            Box::new(Here(work)) as Box<dyn Contestant>
        })
        .collect();
    let samples = with_threads(effort.threads, || alternate(&mut contestants, effort));
    Group::new(title, None, names, samples.expect("nobody here is in another process"))
}
