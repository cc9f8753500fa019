//! The cost of trackers: ten steps with each of them, next to ten steps without.

use std::num::NonZeroU32;

use engine::{Population, rehearse};
use settings::{Algorithm, Device, Sampled, Tracker};

use crate::{
    case::{Case, RULES, Shape},
    rounds::Contestant,
    session::Session,
};

/// The steps of a piece of work: at the default `every`, one of them is sampled.
const STEPS: usize = 10;

/// Measures every tracker with DFA, and the alignment trackers with every rule.
pub fn measure(session: &mut Session) -> anyhow::Result<()> {
    let shape = Shape::cifar10();
    for algorithm in RULES {
        let title = format!("{STEPS} steps with trackers, {}, {}", algorithm.name(), shape.describe());
        if !session.begins(&title) {
            continue;
        }
        let mut sets = alignment();
        if algorithm == Algorithm::Dfa {
            sets.splice(0..0, each());
        }
        let case = Case::new(shape.clone(), algorithm);
        let backprop = Case::new(shape.clone(), Algorithm::Backprop);
        let mut contestants =
            vec![steps(&case, "no tracker", vec![])?, steps(&backprop, "backprop, no tracker", vec![])?];
        for (name, trackers) in sets {
            contestants.push(steps(&case, &name, trackers)?);
        }
        session.compare(title, contestants)?;
    }
    Ok(())
}

fn steps(case: &Case, name: &str, trackers: Vec<Tracker>) -> anyhow::Result<Contestant<'static>> {
    let population = Population { trackers, ..case.population() };
    let mut rehearsal = rehearse(Device::Cpu, &population, &case.shape.batches())?;
    Ok(Contestant::here(name, move |times| {
        rehearsal.steps(times * STEPS);
        rehearsal.measured();
    }))
}

/// Returns every tracker that measures steps.
fn each() -> Vec<(String, Vec<Tracker>)> {
    let trackers = Tracker::all().into_iter();
    let per_step = trackers.filter(|tracker| !matches!(tracker, Tracker::Histograms(_) | Tracker::Images(_)));
    per_step.map(|tracker| (tracker.name().to_owned(), vec![tracker])).collect()
}

/// Returns the trackers of alignment studies, at their defaults and at every step.
fn alignment() -> Vec<(String, Vec<Tracker>)> {
    let [usual, every_step] = [Sampled::default(), Sampled { every: NonZeroU32::MIN }]
        .map(|sampled| vec![Tracker::BpCosine(sampled), Tracker::WeightAlignment(sampled)]);
    vec![
        ("BpCosine and WeightAlignment".to_owned(), usual),
        ("BpCosine and WeightAlignment, every step".to_owned(), every_step),
    ]
}
