//! The trackers of a population, and the values and exhibits that they collect over an epoch.

use std::{cell::LazyCell, collections::BTreeMap, mem};

use algorithms::RuleGroup;
use history::Exhibit;
use kernels::Kernels;
use settings::{Metric, Sampled, Tracker};
use tracker::{Evaluation, HeldMemory, Measurement, Pace, Reading, StepInEpoch, Value};

use crate::{Step, TrainState, epoch::host_rows};

/// The trackers of a population, with everything that they have measured since the last [`TrackerSet::read`].
pub struct TrackerSet<B: Kernels> {
    measurements: Vec<Measurement<B>>,
    /// The values of each metric, with their weights in the mean.
    readings: BTreeMap<Metric, Vec<(Value<B>, f64)>>,
    exhibits: Vec<Vec<Exhibit>>,
}

/// The mean values of a trial's metrics, and its exhibits.
pub type Measured = (Vec<(Metric, f64)>, Vec<Exhibit>);

impl<B: Kernels> TrackerSet<B> {
    pub fn new(trackers: &[Tracker], trials: usize) -> Self {
        let measurements = trackers.iter().copied().flat_map(tracker::measurements).collect();
        let mut tracker_set =
            Self { measurements, readings: BTreeMap::new(), exhibits: vec![Vec::new(); trials] };
        tracker_set.set_trials(trials);
        tracker_set
    }

    /// Takes the measurements of a step before its update. A step that is not sampled costs nothing.
    pub fn before(&mut self, train_state: &TrainState<B>, step: &Step<'_, B>, step_in_epoch: StepInEpoch) {
        let inspection = LazyCell::new(|| {
            let RuleGroup { rule, feedback, .. } = train_state.only_group();
            step.inspection(&train_state.network, feedback, rule)
        });
        for measurement in &self.measurements {
            match measurement {
                Measurement::Step(sampled, measure) if sampled.includes(step_in_epoch.step) => {
                    add_readings(&mut self.readings, measure(&inspection), 1.0);
                }
                Measurement::LastStepExhibits(sampled, exhibits)
                    if step_in_epoch.is_last() && sampled.includes(step_in_epoch.epoch) =>
                {
                    add_exhibits(&mut self.exhibits, exhibits(&inspection));
                }
                Measurement::Meter(meter) if Sampled::default().includes(step_in_epoch.step) => {
                    meter.keep_up();
                }
                _ => {}
            }
        }
    }

    pub fn after(&mut self, held_memory: &HeldMemory, step_in_epoch: StepInEpoch) {
        for measurement in &self.measurements {
            if let Measurement::StepMemory(sampled, measure) = measurement
                && sampled.includes(step_in_epoch.step)
            {
                add_readings(&mut self.readings, measure(held_memory), 1.0);
            }
        }
    }

    /// Whether the validation split is measured after `epoch`.
    pub(crate) fn measures_evaluation(&self, epoch: u32) -> bool {
        self.measurements.iter().any(|measurement| match measurement {
            Measurement::Evaluation(_) => true,
            Measurement::EvaluationExhibits(sampled, _) => sampled.includes(epoch),
            _ => false,
        })
    }

    /// Takes the measurements of a batch of the validation split after `epoch`.
    pub(crate) fn evaluated(&mut self, evaluation: &Evaluation<'_, B>, epoch: u32) {
        let [_, examples, _] = evaluation.input.dims();
        for measurement in &self.measurements {
            match measurement {
                Measurement::Evaluation(measure) => {
                    add_readings(&mut self.readings, measure(evaluation), examples as f64);
                }
                Measurement::EvaluationExhibits(sampled, exhibits)
                    if evaluation.is_first && sampled.includes(epoch) =>
                {
                    add_exhibits(&mut self.exhibits, exhibits(evaluation));
                }
                _ => {}
            }
        }
    }

    pub(crate) fn timed(&mut self, pace: Pace) {
        for measurement in &self.measurements {
            if let Measurement::Pace(measure) = measurement {
                add_readings(&mut self.readings, vec![measure(pace)], 1.0);
            }
        }
    }

    /// Returns everything that was measured of each trial since the last call, at the end of an epoch. Values are read from
    /// the device in one transfer.
    pub fn read(&mut self) -> Vec<Measured> {
        for measurement in &self.measurements {
            if let Measurement::Meter(meter) = measurement {
                add_readings(&mut self.readings, meter.read(), 1.0);
            }
        }
        let trials = self.exhibits.len();
        let on_device = self.readings.values().flatten().filter_map(|(value, _)| match value {
            Value::PerTrial(values) => Some(values.clone()),
            Value::Common(_) => None,
        });
        let on_device: Vec<_> = on_device.collect();
        let rows = if on_device.is_empty() { Vec::new() } else { host_rows(on_device, trials) };
        let mut rows = rows.into_iter();
        let mut measured: Vec<Vec<(Metric, f64)>> = vec![Vec::new(); trials];
        for (metric, values) in mem::take(&mut self.readings) {
            let (mut sums, mut weights) = (vec![0.0; trials], 0.0);
            for (value, weight) in values {
                weights += weight;
                match value {
                    Value::Common(value) => sums.iter_mut().for_each(|sum| *sum += weight * value),
                    Value::PerTrial(_) => {
                        let row = rows.next().expect("every tensor was read");
                        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * f64::from(value));
                    }
                }
            }
            for (measured, sum) in measured.iter_mut().zip(sums) {
                measured.push((metric.clone(), sum / weights));
            }
        }
        let exhibits = mem::replace(&mut self.exhibits, vec![Vec::new(); trials]);
        measured.into_iter().zip(exhibits).collect()
    }

    /// Sets the number of `trials` that train from now on.
    pub(crate) fn set_trials(&mut self, trials: usize) {
        self.exhibits.truncate(trials);
        for measurement in &self.measurements {
            if let Measurement::Meter(meter) = measurement {
                meter.set_trials(trials);
            }
        }
    }
}

fn add_readings<B: Kernels>(
    readings: &mut BTreeMap<Metric, Vec<(Value<B>, f64)>>,
    added: Vec<Reading<B>>,
    weight: f64,
) {
    for Reading { metric, value } in added {
        readings.entry(metric).or_default().push((value, weight));
    }
}

fn add_exhibits(exhibits: &mut [Vec<Exhibit>], added: Vec<Vec<Exhibit>>) {
    for (exhibits, added) in exhibits.iter_mut().zip(added) {
        exhibits.extend(added);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use burn::tensor::Tensor;
    use burn_flex::Flex;
    use tracker::Meter;

    use super::*;

    #[test]
    fn an_epochs_value_is_the_weighted_mean_of_its_readings() {
        let metric: Metric = "layer_1/bp_cosine".parse().expect("a metric");
        let common: Metric = "network/activation_bytes".parse().expect("a metric");
        let mut tracker_set = TrackerSet::<Flex>::new(&[], 2);
        for (values, weight) in [([1.0, 2.0], 1.0), ([4.0, 8.0], 2.0)] {
            let value = Value::PerTrial(Tensor::from_data(values, &Default::default()));
            let reading = Reading { metric: metric.clone(), value };
            add_readings(&mut tracker_set.readings, vec![reading], weight);
            let reading = Reading { metric: common.clone(), value: Value::Common(weight) };
            add_readings(&mut tracker_set.readings, vec![reading], 1.0);
        }
        let means: Vec<Vec<f64>> = tracker_set
            .read()
            .into_iter()
            .map(|(measured, _)| measured.into_iter().map(|(_, value)| value).collect())
            .collect();
        assert_eq!(means, [[1.5, 3.0], [1.5, 6.0]]);
        assert!(
            tracker_set.read().iter().all(|(measured, _)| measured.is_empty()),
            "each value is read once"
        );
    }

    /// Measures the number of trials that was set last.
    struct TrialCount(AtomicUsize);

    impl Meter<Flex> for TrialCount {
        fn set_trials(&self, trials: usize) {
            self.0.store(trials, Ordering::Relaxed);
        }

        fn keep_up(&self) {}

        fn read(&self) -> Vec<Reading<Flex>> {
            let metric = "machine/trials".parse().expect("a metric");
            vec![Reading { metric, value: Value::Common(self.0.load(Ordering::Relaxed) as f64) }]
        }
    }

    #[test]
    fn a_meter_is_read_once_per_epoch_and_knows_how_many_trials_are_left() {
        let mut tracker_set = TrackerSet::<Flex>::new(&[], 3);
        tracker_set.measurements.push(Measurement::Meter(Box::new(TrialCount(AtomicUsize::new(3)))));
        for trials in [3, 2] {
            tracker_set.set_trials(trials);
            let measured = tracker_set.read().into_iter().flat_map(|(measured, _)| measured);
            let values: Vec<f64> = measured.map(|(_, value)| value).collect();
            assert_eq!(values, vec![trials as f64; trials]);
        }
    }
}
