//! The mean over the seeds of a configuration, epoch by epoch: a run of its own in TensorBoard.

use std::time::SystemTime;

use history::{
    EventFile, History,
    band::{self, Band},
};
use serde::Serialize;
use settings::Metric;
use statistics::describe;
use tuner::Outcome;

use crate::{
    Error,
    trial::{self, PlannedTrial},
};
use store::{KeyText, Work};

/// Kind of the artifact.
pub const MEAN: &str = "mean";
/// The same as a table.
const TABLE: &str = "mean.csv";
/// Bump it when equal trials give other means.
pub const MEAN_REVISION: u32 = 2;

/// The seeds of a configuration.
pub struct Mean<'a> {
    /// What names the mean over them.
    pub key_text: KeyText,
    seeds: Vec<&'a PlannedTrial>,
}

/// The mean over the finished ones of `seeds`; none where fewer than two have finished or one has diverged: a mean over
/// survivors would flatter the configuration.
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
    let key_text = KeyText::new(MEAN, MEAN_REVISION, &settings, &[("trials", &hasher.finalize().to_hex())])?;
    Ok(Some(Mean { key_text, seeds: finished }))
}

impl Mean<'_> {
    /// Writes event file and table into `work`.
    pub fn write(&self, work: &Work) -> Result<(), Error> {
        let artifacts = self.seeds.iter().filter_map(|seed| seed.artifact.as_ref());
        let histories: Vec<History> = artifacts.map(trial::history).collect::<Result<_, _>>()?;
        let epochs = epochs(&histories);
        let failed = |source| Error::History { path: work.path().into(), source };
        let now = SystemTime::now();
        let mut events = EventFile::create(work.path(), 1, now).map_err(failed)?;
        for (epoch, bands) in &epochs {
            events.append(&band::step(*epoch, now, bands)).map_err(failed)?;
        }
        events.finish().map_err(failed)?;
        Ok(work.write(TABLE, csv(&epochs).as_bytes())?)
    }
}

/// The epochs that every seed has reached, so that no step of a curve comes from a seed that stopped.
fn epochs(histories: &[History]) -> Vec<(u32, Vec<Band>)> {
    let [first, ..] = histories else { return Vec::new() };
    let in_all = |epoch: u32, metric: &Metric| -> Option<Vec<f64>> {
        let value = |history: &History| {
            let position = history.epochs().binary_search_by_key(&epoch, |measured| measured.epoch).ok()?;
            history.epochs()[position].value(metric)
        };
        histories.iter().map(value).collect()
    };
    let epoch = |measured: &history::Epoch| {
        let band = |metric: &Metric| {
            let summary = describe(&in_all(measured.epoch, metric)?)?;
            Some(Band { metric: metric.clone(), mean: summary.mean, deviation: summary.deviation? })
        };
        let bands: Vec<Band> = measured.values.iter().filter_map(|(metric, _)| band(metric)).collect();
        (!bands.is_empty()).then_some((measured.epoch, bands))
    };
    first.epochs().iter().filter_map(epoch).collect()
}

/// A row per epoch and metric.
fn csv(epochs: &[(u32, Vec<Band>)]) -> String {
    let rows = epochs.iter().flat_map(|(epoch, bands)| {
        bands
            .iter()
            .map(move |Band { metric, mean, deviation }| format!("{epoch},{metric},{mean},{deviation}\n"))
    });
    std::iter::once("epoch,metric,mean,sd\n".to_owned()).chain(rows).collect()
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
