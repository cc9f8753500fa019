//! The comparison of published values with ours.

use report::{Expectation, Published, Setting, Verdict};
use statistics::describe;

use super::candidate::Candidate;

/// Compares a published value with ours. `other_images` has the datasets that are not those of the publication, with the reason.
pub(super) fn compared(
    expected: &spec::Expectation,
    ordered: &[&Candidate<'_>],
    other_images: &[(&str, String)],
) -> Expectation {
    let is_selected = |candidate: &&Candidate<'_>| {
        expected.dataset.as_ref().is_none_or(|name| name == candidate.dataset())
            && expected.chosen.contains(&candidate.completed)
    };
    let selected: Vec<&Candidate<'_>> = ordered.iter().copied().filter(is_selected).collect();
    let best = selected.iter().find_map(|candidate| {
        let values: Option<Vec<f64>> = candidate.trials.iter().map(|trial| trial.value).collect();
        describe(&values?)
    });
    let of_other_images = |candidate: &&Candidate<'_>| {
        let known = other_images.iter().find(|(name, _)| *name == candidate.dataset());
        known.map(|(_, reason)| reason.clone())
    };
    let was_dropped = |candidate: &&Candidate<'_>| {
        let dropped = candidate.dropped.as_ref()?;
        Some(format!("dropped by halving after epoch {}", dropped.epochs))
    };
    let dropped = if best.is_none() { selected.iter().find_map(was_dropped) } else { None };
    let reason = selected.iter().find_map(of_other_images).or(dropped);
    // If all trials have ended and there is still no mean, the published value was not reproduced.
    let mut trials = selected.iter().flat_map(|candidate| &candidate.trials);
    let have_ended = !selected.is_empty() && trials.all(|trial| trial.done.is_some());
    Expectation {
        of: expected.chosen.to_string(),
        published: Published { mean: expected.value, deviation: expected.sd, count: expected.n },
        tolerance: expected.within,
        source: expected.source.clone(),
        ours: best,
        verdict: match best {
            _ if reason.is_some() => Verdict::NotRun,
            None if have_ended => Verdict::Fail,
            None => Verdict::NotRun,
            Some(ours) if is_near(ours.mean, expected) => Verdict::Pass,
            Some(_) => Verdict::Fail,
        },
        reason,
    }
}

/// Whether `ours` is within the tolerance, apart from rounding.
fn is_near(ours: f64, expected: &spec::Expectation) -> bool {
    (ours - expected.value).abs() <= expected.within * (1.0 + 1e-12)
}

/// Returns the name of a published table, and its provenance in words.
pub(super) fn in_words(publication: &spec::Publication) -> Setting {
    let spec::Publication { name, paper, table, read_from, settings, .. } = publication;
    let value = format!("{paper}; {table}. Read from {read_from}. Settings: {settings}.");
    Setting { name: name.clone(), value }
}
