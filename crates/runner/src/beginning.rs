//! Reads the finished trial from which another one begins.

use history::{Event, Kind};
use model::checkpoint::{Array, from_bytes};
use results::trial::{self, Beginning, EVENT_FILES, MACHINE, STATE, WEIGHTS};
use settings::{Metric, Tracker};

use crate::{
    checkpoint::{Saved, state_form},
    error::Error,
};

/// The parts of a finished trial that another one takes.
pub(crate) struct Begun {
    /// The metrics that the other trial measures, and the state if it was stored.
    pub(crate) saved: Saved,
    /// The records of the event files about these metrics.
    pub(crate) events: Vec<Event>,
    /// The bytes of the weights that were kept.
    pub(crate) weights: Vec<u8>,
}

/// Reads `beginning` for a trial with these trackers.
///
/// # Errors
/// If a file cannot be read, or is damaged, or the state is of another version of the program.
pub(crate) fn read(beginning: &Beginning, trackers: &[Tracker]) -> Result<Begun, Error> {
    let artifact = &beginning.artifact;
    let has = |name: &str| artifact.manifest().file(name).is_some();
    let wanted = |metric: &Metric| metric.is_measured_with(trackers);
    let mut history = trial::history(artifact)?;
    history.retain(wanted);
    let mut machine = if has(MACHINE) { trial::machine(artifact)? } else { history.clone() };
    machine.retain(|metric| wanted(metric) && !metric.is_reproducible());
    let weights = artifact.read(WEIGHTS).map_err(results::Error::from)?;
    let state = if has(STATE) { state(beginning, &weights)? } else { Vec::new() };
    let seconds = artifact.manifest().made.duration_seconds;
    let events = events(beginning, trackers)?;
    Ok(Begun { saved: Saved { state, history, machine, seconds }, events, weights })
}

/// Returns the state after the last epoch: the arrays of its own file, and of the others those in the file of the weights.
fn state(beginning: &Beginning, weights: &[u8]) -> Result<Vec<Array>, Error> {
    let unreadable = || Error::UnreadableState { path: beginning.artifact.path().join(STATE) };
    let bytes = beginning.artifact.read(STATE).map_err(results::Error::from)?;
    let (mut state, form) = from_bytes(&bytes).ok_or_else(unreadable)?;
    if form != Some(state_form()) {
        return Err(unreadable());
    }
    let (weights, _) = from_bytes(weights).ok_or_else(unreadable)?;
    for array in weights {
        if state.iter().all(|known| known.name != array.name) {
            state.push(array);
        }
    }
    Ok(state)
}

fn events(beginning: &Beginning, trackers: &[Tracker]) -> Result<Vec<Event>, Error> {
    let artifact = &beginning.artifact;
    let has = |wanted: fn(&Tracker) -> bool| trackers.iter().any(wanted);
    let files = artifact.manifest().files.iter().filter(|file| file.path.starts_with(EVENT_FILES));
    let files = files.map(|file| artifact.read(&file.path)).collect::<Result<Vec<_>, _>>();
    let values = history::values(&files.map_err(results::Error::from)?, |kind, tag| match kind {
        Kind::Scalar => tag.parse::<Metric>().is_ok_and(|metric| metric.is_measured_with(trackers)),
        Kind::Histogram => has(|tracker| matches!(tracker, Tracker::Histograms(_))),
        Kind::Picture => has(|tracker| matches!(tracker, Tracker::Images(_))),
    });
    Ok(values.map_err(|source| results::Error::History { path: artifact.path().into(), source })?)
}
