//! The mean over the seeds of a configuration, epoch by epoch: a run of its own in TensorBoard.

use std::time::SystemTime;

use history::{
    EventFile, History,
    band::{self, Band},
};
use serde::Serialize;
use settings::Metric;
use statistics::describe;
use store::{KeyText, Work};
use tuner::Outcome;

use crate::{
    error::Error,
    trial::{self, PlannedTrial},
};

/// Kind of the artifact.
pub const MEAN: &str = "mean";
const TABLE: &str = "mean.csv";
/// Bump it when equal trials give other means.
const MEAN_REVISION: u32 = 2;

/// The finished seeds of a configuration and the key text of their mean.
pub struct Mean<'a> {
    pub key_text: KeyText,
    seeds: Vec<&'a PlannedTrial>,
}

/// Returns the mean over the finished ones of `seeds`. There is none if fewer than two have finished, or if one has diverged: a
/// mean over the other seeds would favor the configuration.
pub fn over(seeds: &[PlannedTrial]) -> Result<Option<Mean<'_>>, Error> {
    #[derive(Serialize)]
    struct Settings {
        seeds: Vec<u64>,
    }
    let finished: Vec<&PlannedTrial> = seeds.iter().filter(|seed| seed.artifact.is_some()).collect();
    for seed in &finished {
        if seed.result()?.is_some_and(|result| matches!(result.outcome, Outcome::Diverged { .. })) {
            return Ok(None);
        }
    }
    if finished.len() < 2 {
        return Ok(None);
    }
    let mut hasher = blake3::Hasher::new();
    for artifact in finished.iter().filter_map(|seed| seed.artifact.as_ref()) {
        hasher.update(format!("{}\n", artifact.manifest().content()).as_bytes());
    }
    let settings = Settings { seeds: finished.iter().map(|seed| seed.trial.seed).collect() };
    let key_text = KeyText::new(MEAN, MEAN_REVISION, &settings, &[("trials", &hasher.finalize().to_hex())]);
    Ok(Some(Mean { key_text, seeds: finished }))
}

impl Mean<'_> {
    /// Writes an event file and a table into `work`.
    pub fn write(&self, work: &Work) -> Result<(), Error> {
        let artifacts = self.seeds.iter().filter_map(|seed| seed.artifact.as_ref());
        let histories: Vec<History> = artifacts.map(trial::history).collect::<Result<_, _>>()?;
        let epochs = epochs(&histories);
        write_events(&epochs, work).map_err(|source| Error::History { path: work.path().into(), source })?;
        Ok(work.write(TABLE, csv(&epochs).as_bytes())?)
    }
}

fn write_events(epochs: &[(u32, Vec<Band>)], work: &Work) -> Result<(), history::Error> {
    let now = SystemTime::now();
    let mut events = EventFile::create(work.path(), 1, now)?;
    for (epoch, bands) in epochs {
        events.append(&band::step(*epoch, now, bands))?;
    }
    events.finish()
}

/// Returns the epochs that every seed has reached: a curve must not change because a seed has stopped.
fn epochs(histories: &[History]) -> Vec<(u32, Vec<Band>)> {
    let [first, ..] = histories else { return Vec::new() };
    let mut epochs = Vec::new();
    for measured in first.epochs() {
        let metrics = measured.values.iter().map(|(metric, _)| metric);
        let bands: Vec<Band> = metrics.filter_map(|metric| band(histories, measured.epoch, metric)).collect();
        if !bands.is_empty() {
            epochs.push((measured.epoch, bands));
        }
    }
    epochs
}

/// Returns the mean and deviation of `metric` at `epoch`, or none if one of the histories has no value.
fn band(histories: &[History], epoch: u32, metric: &Metric) -> Option<Band> {
    let values: Option<Vec<f64>> = histories.iter().map(|history| history.at(epoch, metric)).collect();
    let summary = describe(&values?)?;
    Some(Band { metric: metric.clone(), mean: summary.mean, deviation: summary.deviation? })
}

fn csv(epochs: &[(u32, Vec<Band>)]) -> String {
    let mut text = String::from("epoch,metric,mean,sd\n");
    for (epoch, bands) in epochs {
        for Band { metric, mean, deviation } in bands {
            text.push_str(&format!("{epoch},{metric},{mean},{deviation}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use history::Epoch;
    use settings::Split;

    use super::*;

    const LOSS: Metric = Metric::Loss(Split::Train);

    fn history(losses: &[f64]) -> History {
        let mut history = History::default();
        for (epoch, loss) in (1..).zip(losses) {
            history.push(Epoch { epoch, values: vec![(LOSS, *loss)] }).expect("in order");
        }
        history
    }

    #[test]
    fn a_mean_ends_where_the_first_seed_stops() {
        let epochs = epochs(&[history(&[1.0, 2.0, 3.0]), history(&[3.0, 6.0])]);
        let means: Vec<(u32, f64)> = epochs.iter().map(|(epoch, bands)| (*epoch, bands[0].mean)).collect();
        assert_eq!(means, [(1, 2.0), (2, 4.0)]);
        assert_eq!(csv(&epochs).lines().nth(1), Some("1,loss/train,2,1.4142135623730951"));
    }

    #[test]
    fn a_metric_that_a_seed_lacks_has_no_mean() {
        let mut other = History::default();
        other.push(Epoch { epoch: 1, values: vec![(Metric::Loss(Split::Test), 1.0)] }).expect("in order");
        assert!(epochs(&[history(&[1.0]), other]).is_empty());
    }
}
