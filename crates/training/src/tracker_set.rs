//! The trackers of a population, and the values and exhibits that they collect over an epoch.

use std::{cell::LazyCell, collections::BTreeMap, mem};

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
    pub fn before(&mut self, train_state: &TrainState<B>, step: &Step<B>, step_in_epoch: StepInEpoch) {
        let inspection =
            LazyCell::new(|| step.inspection(&train_state.network, train_state.only_group().teacher()));
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
            Value::PerTrial(values) | Value::Cosine { values, .. } => Some(values.clone()),
            Value::Common(_) => None,
        });
        let on_device: Vec<_> = on_device.collect();
        let rows = if on_device.is_empty() { Vec::new() } else { host_rows(on_device, trials) };
        let mut rows = rows.into_iter();
        let mut means: BTreeMap<Metric, Vec<Mean>> = BTreeMap::new();
        let mut add = |metric: &Metric, trial: usize, value: f64, weight: f64| {
            let means = means.entry(metric.clone()).or_insert_with(|| vec![Mean::default(); trials]);
            means[trial].add(value, weight);
        };
        for (metric, values) in mem::take(&mut self.readings) {
            for (value, weight) in values {
                if let Value::Common(value) = value {
                    (0..trials).for_each(|trial| add(&metric, trial, value, weight));
                    continue;
                }
                let row = rows.next().expect("every tensor was read");
                for (trial, number) in row.into_iter().enumerate() {
                    match &value {
                        Value::Cosine { .. } if number.is_infinite() => {}
                        Value::Cosine { angle, .. } => {
                            add(&metric, trial, number.into(), weight);
                            add(angle, trial, degrees(number), weight);
                        }
                        _ => add(&metric, trial, number.into(), weight),
                    }
                }
            }
        }
        let mut measured: Vec<Vec<(Metric, f64)>> = vec![Vec::new(); trials];
        for (metric, means) in means {
            for (measured, mean) in measured.iter_mut().zip(means) {
                measured.extend(mean.value().map(|value| (metric.clone(), value)));
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

/// The weighted mean of some numbers.
#[derive(Clone, Copy, Default)]
struct Mean {
    sum: f64,
    weights: f64,
}

impl Mean {
    fn add(&mut self, value: f64, weight: f64) {
        self.sum += weight * value;
        self.weights += weight;
    }

    /// Returns the mean, or none if nothing was added.
    fn value(self) -> Option<f64> {
        (self.weights > 0.0).then(|| self.sum / self.weights)
    }
}

/// Returns the angle with this cosine in degrees, in single precision, because the last bits of `acos` differ from system to system.
fn degrees(cosine: f32) -> f64 {
    let angle = f64::from(cosine).clamp(-1.0, 1.0).acos().to_degrees();
    f64::from(angle as f32)
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

    #[test]
    fn a_cosine_that_does_not_exist_is_left_out_of_the_means_and_each_has_its_angle() {
        let [metric, angle] =
            ["layer_1/bp_cosine", "layer_1/bp_angle"].map(|text| text.parse::<Metric>().expect("a metric"));
        let mut tracker_set = TrackerSet::<Flex>::new(&[], 3);
        for values in [[1.0, f32::INFINITY, f32::INFINITY], [0.0, f32::NEG_INFINITY, -1.000_001]] {
            let values = Tensor::from_data(values, &Default::default());
            let value = Value::Cosine { values, angle: angle.clone() };
            add_readings(&mut tracker_set.readings, vec![Reading { metric: metric.clone(), value }], 1.0);
        }
        let [first, second, third]: [Measured; 3] = tracker_set.read().try_into().expect("three trials");
        assert_eq!(first.0, [(angle.clone(), 45.0), (metric, 0.5)]);
        assert_eq!(second.0, []);
        assert_eq!(third.0[0], (angle, 180.0));
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
