//! Those who look at training: what they read, and what they show.

use std::{collections::BTreeMap, mem};

use algorithms::RuleGroup;
use history::Exhibit;
use model::Kernels;
use settings::{Metric, Tracker};
use tracker::{Evaluation, Gauge, Held, Inspection, Pace, Reading, StepInEpoch, Value};

use crate::{Step, TrainState, epoch::host_rows};

/// The trackers of a population, and what they have seen since it was last read.
pub struct TrackerSet<B: Kernels> {
    gauges: Vec<Box<dyn Gauge<B>>>,
    /// What was read of each metric, with its weight in the mean.
    readings: BTreeMap<Metric, Vec<(Value<B>, f64)>>,
    /// What is shown of each trial.
    exhibits: Vec<Vec<Exhibit>>,
}

/// What was seen of a trial: means, and what is shown.
pub type Seen = (Vec<(Metric, f64)>, Vec<Exhibit>);

impl<B: Kernels> TrackerSet<B> {
    /// Of a population of so many `trials`.
    #[must_use]
    pub fn new(trackers: &[Tracker], trials: usize) -> Self {
        let gauges: Vec<Box<dyn Gauge<B>>> = trackers.iter().copied().map(tracker::gauge).collect();
        gauges.iter().for_each(|gauge| gauge.count(trials));
        Self { gauges, readings: BTreeMap::new(), exhibits: vec![Vec::new(); trials] }
    }

    /// Lets those who look at this step see it before its update; nobody else costs anything.
    pub fn before(&mut self, train_state: &TrainState<B>, step: &Step<'_, B>, occasion: StepInEpoch) {
        let mut looking = self.gauges.iter().filter(|gauge| gauge.looks_at(occasion)).peekable();
        if looking.peek().is_none() {
            return;
        }
        let decay = step.adam.weight_decay.as_ref();
        let RuleGroup { rule, feedback, .. } = train_state.only_class();
        let inspection = Inspection::new(&train_state.network, feedback, rule, step.pass(), decay);
        for gauge in looking {
            note(&mut self.readings, gauge.inspect(&inspection), 1.0);
            show(&mut self.exhibits, gauge.exhibit(&inspection));
        }
    }

    /// Tells those who look at this step what it held.
    pub fn after(&mut self, held: &Held, occasion: StepInEpoch) {
        for gauge in self.gauges.iter().filter(|gauge| gauge.looks_at(occasion)) {
            note(&mut self.readings, gauge.weigh(held), 1.0);
        }
    }

    /// Does anybody look at the validation split after `epoch`?
    pub(crate) fn looks_at_evaluation(&self, epoch: u32) -> bool {
        self.gauges.iter().any(|gauge| gauge.looks_at_evaluation(epoch))
    }

    /// A batch of the validation split after `epoch`.
    pub(crate) fn evaluated(&mut self, evaluation: &Evaluation<'_, B>, epoch: u32) {
        let [_, examples, _] = evaluation.input.dims();
        for gauge in self.gauges.iter().filter(|gauge| gauge.looks_at_evaluation(epoch)) {
            note(&mut self.readings, gauge.evaluate(evaluation), examples as f64);
            show(&mut self.exhibits, gauge.exhibit_evaluation(evaluation));
        }
    }

    /// The end of the epoch's training.
    pub(crate) fn timed(&mut self, pace: Pace) {
        for gauge in &self.gauges {
            note(&mut self.readings, gauge.time(pace), 1.0);
        }
    }

    /// What was seen of each trial since the last call. Reads everything from the device in one transfer.
    pub fn read(&mut self) -> Vec<Seen> {
        for gauge in &self.gauges {
            note(&mut self.readings, gauge.conclude(), 1.0);
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

    /// Only so many `trials` are left.
    pub(crate) fn keep(&mut self, trials: usize) {
        self.exhibits.truncate(trials);
        self.gauges.iter().for_each(|gauge| gauge.count(trials));
    }
}

fn note<B: Kernels>(
    readings: &mut BTreeMap<Metric, Vec<(Value<B>, f64)>>,
    read: Vec<Reading<B>>,
    weight: f64,
) {
    for Reading { metric, value } in read {
        readings.entry(metric).or_default().push((value, weight));
    }
}

fn show(exhibits: &mut [Vec<Exhibit>], shown: Vec<Vec<Exhibit>>) {
    for (exhibits, shown) in exhibits.iter_mut().zip(shown) {
        exhibits.extend(shown);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use burn::tensor::Tensor;
    use burn_flex::Flex;

    use super::*;

    #[test]
    fn an_epochs_value_is_the_weighted_mean_of_what_was_read() {
        let metric: Metric = "layer_1/bp_cosine".parse().expect("a metric");
        let common: Metric = "network/activation_bytes".parse().expect("a metric");
        let mut watch = TrackerSet::<Flex>::new(&[], 2);
        for (values, weight) in [([1.0, 2.0], 1.0), ([4.0, 8.0], 2.0)] {
            let value = Value::PerTrial(Tensor::from_data(values, &Default::default()));
            note(&mut watch.readings, vec![Reading { metric: metric.clone(), value }], weight);
            let reading = Reading { metric: common.clone(), value: Value::Common(weight) };
            note(&mut watch.readings, vec![reading], 1.0);
        }
        let means: Vec<Vec<f64>> = watch
            .read()
            .into_iter()
            .map(|(measured, _)| measured.into_iter().map(|(_, value)| value).collect())
            .collect();
        assert_eq!(means, [[1.5, 3.0], [1.5, 6.0]]);
        assert!(watch.read().iter().all(|(measured, _)| measured.is_empty()), "each value is read once");
    }

    /// Says at the end of an epoch how many trials were counted last.
    struct Counts(AtomicUsize);

    impl Gauge<Flex> for Counts {
        fn looks_at(&self, _: StepInEpoch) -> bool {
            false
        }

        fn count(&self, trials: usize) {
            self.0.store(trials, Ordering::Relaxed);
        }

        fn conclude(&self) -> Vec<Reading<Flex>> {
            let metric = "machine/trials".parse().expect("a metric");
            vec![Reading { metric, value: Value::Common(self.0.load(Ordering::Relaxed) as f64) }]
        }
    }

    #[test]
    fn gauges_know_how_many_trials_are_left_and_conclude_each_epoch_once() {
        let mut watch = TrackerSet::<Flex>::new(&[], 3);
        watch.gauges.push(Box::new(Counts(AtomicUsize::new(3))));
        let mut read = || -> Vec<f64> {
            let seen = watch.read().into_iter();
            let values = seen.flat_map(|(measured, _)| measured).map(|(_, value)| value).collect();
            watch.keep(2);
            values
        };
        assert_eq!(read(), [3.0; 3]);
        assert_eq!(read(), [2.0; 2]);
    }
}
