//! How long would what is missing take here? From steps that are taken and timed, not from a formula.

use std::time::{Duration, Instant};

use algorithms::Algorithm;
use engine::{HostBatch, Population};
use tuner::{Configuration, Trial, population};

use crate::{Error, plan::Laboratory, stages::Train, trial::PlannedTrial};

/// How long one rule's steps are timed; long enough to forget the first ones.
const TIMED: Duration = Duration::from_millis(300);
/// The forward pass's share of a step: one of its three products of each layer.
const FORWARD: f64 = 1.0 / 3.0;

/// How long trials would take.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// With all trials trained to their last epoch.
    pub at_most: Duration,
    /// What was timed: a rule, its network, and a step of one trial on one core.
    pub timed: Vec<(Algorithm, String, Duration)>,
}

/// An epoch on `examples`, after which `evaluated` ones are looked at, as a number of training steps.
#[must_use]
pub fn steps_of_an_epoch(examples: usize, evaluated: usize, batch_size: u32) -> f64 {
    let steps = (examples / batch_size as usize) as f64;
    steps + evaluated as f64 / f64::from(batch_size) * FORWARD
}

impl Laboratory<'_> {
    /// How long the trials `missing` of `train` would take on `jobs` cores of this machine: one network of each rule is timed, and
    /// others by their numbers of weights in proportion.
    ///
    /// # Errors
    /// If the images cannot be loaded, or the device cannot be used.
    pub fn estimate(&self, train: &Train, missing: &[&PlannedTrial], jobs: usize) -> Result<Estimate, Error> {
        let dataset = self.load_images(&train.dataset_name, &train.dataset, &|_| {})?;
        let (batch_size, examples) = (train.schedule.batch_size, dataset.train().len());
        if examples < batch_size as usize {
            return Err(Error::BatchTooLarge { stage: train.name.clone(), batch_size, examples });
        }
        let of = |trial: &Trial| {
            population(&[trial], &train.schedule, dataset.shape(), dataset.classes(), dataset.scaling())
        };
        let mut timed: Vec<(Algorithm, String, Duration)> = Vec::new();
        let mut seconds_per_weight: Vec<f64> = Vec::new();
        let mut total = 0.0;
        let evaluated = dataset.validation().len() + dataset.test().map_or(0, |test| test.len());
        let steps = steps_of_an_epoch(dataset.train().len(), evaluated, batch_size);
        for planned in missing {
            let Configuration { algorithm, .. } = planned.trial.configuration;
            let population = of(&planned.trial);
            let known = timed.iter().position(|(rule, ..)| *rule == algorithm);
            let known = match known {
                Some(known) => known,
                None => {
                    let step = self.time_step(&population)?;
                    seconds_per_weight.push(step.as_secs_f64() / weights(&population));
                    timed.push((algorithm, planned.trial.configuration.to_string(), step));
                    timed.len() - 1
                }
            };
            let left = train.schedule.epochs - planned.saved_epochs(&self.store).min(train.schedule.epochs);
            let step = seconds_per_weight[known] * weights(&population);
            total += f64::from(left) * steps * step;
        }
        let at_most = Duration::try_from_secs_f64(total / jobs.min(missing.len()).max(1) as f64)
            .unwrap_or(Duration::MAX);
        Ok(Estimate { at_most, timed })
    }

    /// A step of `population` on this thread alone.
    fn time_step(&self, population: &Population) -> Result<Duration, Error> {
        let (inputs, outputs) = (population.architecture.inputs, population.architecture.outputs);
        let mut target = vec![0.0; population.batch_size * outputs];
        target.iter_mut().step_by(outputs).for_each(|label| *label = 1.0);
        let batch = HostBatch { input: vec![0.5; population.batch_size * inputs], target };
        let mut rehearsal = engine::rehearse(self.device, population, &[batch])?;
        // The first step makes room.
        rehearsal.steps(1);
        let (started, mut count) = (Instant::now(), 0);
        while started.elapsed() < TIMED || count < 2 {
            rehearsal.steps(1);
            count += 1;
        }
        Ok(started.elapsed() / count)
    }
}

/// The weights of one trial's network.
fn weights(population: &Population) -> f64 {
    let architecture = &population.architecture;
    let widths: Vec<usize> = [architecture.inputs]
        .into_iter()
        .chain(architecture.hidden.iter().copied())
        .chain([architecture.outputs])
        .collect();
    widths.windows(2).map(|pair| (pair[0] * pair[1]) as f64).sum()
}
