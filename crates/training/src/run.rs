//! The loop over epochs and steps.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use algorithms::{Batch, RuleGroup};
use data::{AugmentationKey, Dataset, View, batch_order};
use history::Epoch;
use kernels::{Kernels, OutputError, Sets};
use model::checkpoint::Array;
use settings::{Metric, Split};
use tracker::{Evaluation, Pace, StepInEpoch};

use crate::{
    Observer, Population, Step, TrainState, Verdict,
    batches::{Batches, Row},
    epoch::Tally,
    tracker_set::TrackerSet,
};

/// How a call of [`train`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Complete,
    /// The observer interrupted, and trials that had not finished have no result.
    Interrupted,
}

/// The number of examples in an evaluation batch. Results depend on it by rounding only.
pub(crate) const EVALUATION_BATCH: usize = 1000;

/// The point from which a population trains: the beginning, or a checkpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start {
    /// The number of finished epochs; 0 for the beginning.
    pub epochs: u32,
    /// The arrays of each trial that [`Observer::state`] was given after these epochs; empty for the beginning.
    pub states: Vec<Vec<Array>>,
}

/// Trains `population` on `dataset` from `start` until every trial has finished or `observer` interrupts.
///
/// # Panics
/// If `start` has a state that is not of this population.
pub fn train<B: Kernels>(
    population: &Population,
    dataset: &Dataset,
    device: &B::Device,
    start: &Start,
    observer: &mut dyn Observer,
) -> Ended {
    let mut trackers = TrackerSet::<B>::new(&population.trackers, population.trials.len());
    let mut train_state = TrainState::<B>::new(population, device);
    if start.epochs > 0 {
        train_state = train_state.restored(&start.states);
    }
    let splits = Splits::new(population, dataset, device);
    // Indices in the population of the trials that still train, in the order of the state's trials axis.
    let mut active: Vec<usize> = (0..population.trials.len()).collect();
    for epoch in start.epochs + 1..=population.epochs {
        let epoch_run = EpochRun { population, splits: &splits, epoch };
        let Some((trained, mut values)) = epoch_run.train(train_state, &mut trackers, observer) else {
            return Ended::Interrupted;
        };
        train_state = trained;
        epoch_run.evaluate(&train_state, &mut trackers, &mut values);
        // Asked once, so that all trials are saved or none.
        let is_over = observer.interrupted(Duration::ZERO);
        let mut staying = Vec::new();
        let measured = values.into_iter().zip(trackers.read());
        for ((position, &trial), (mut values, (tracked, exhibits))) in active.iter().enumerate().zip(measured)
        {
            values.extend(tracked);
            observer.exhibit(trial, epoch, exhibits);
            let verdict = observer.epoch(trial, Epoch { epoch, values });
            if observer.wants_arrays(trial) {
                observer.arrays(trial, &train_state.arrays(position));
            }
            if verdict == Verdict::Continue && epoch < population.epochs {
                staying.push(position);
                if is_over || observer.wants_state(trial) {
                    observer.state(trial, epoch, train_state.state(position));
                }
            } else {
                let keeps_state = verdict == Verdict::Continue && observer.keeps_state(trial);
                let state = keeps_state.then(|| train_state.state(position));
                observer.finished(trial, train_state.arrays(position), state);
            }
        }
        if staying.is_empty() {
            break;
        }
        if is_over {
            return Ended::Interrupted;
        }
        if staying.len() < active.len() {
            active = staying.iter().map(|&position| active[position]).collect();
            train_state = train_state.select(&staying);
            trackers.set_trials(staying.len());
            B::forget_kept_memory(device);
        }
    }
    drop((train_state, splits));
    B::forget_kept_memory(device);
    Ended::Complete
}

struct Splits<'a, B: Kernels> {
    train: Batches<'a, B>,
    validation: Batches<'a, B>,
    test: Option<Batches<'a, B>>,
    device: &'a B::Device,
    /// Channels, height and width of an image.
    image: [usize; 3],
}

impl<'a, B: Kernels> Splits<'a, B> {
    fn new(population: &Population, dataset: &'a Dataset, device: &'a B::Device) -> Self {
        let shape = dataset.shape();
        Self {
            train: batches(population, dataset.train(), device),
            validation: batches(population, dataset.validation(), device),
            test: dataset.test().map(|view| batches(population, view, device)),
            device,
            image: [shape.channels, shape.height, shape.width],
        }
    }
}

fn batches<'a, B: Kernels>(population: &Population, view: View<'a>, device: &'a B::Device) -> Batches<'a, B> {
    Batches::new(view, population.architecture.objective, population.architecture.outputs, device)
}

struct EpochRun<'a, B: Kernels> {
    population: &'a Population,
    splits: &'a Splits<'a, B>,
    epoch: u32,
}

/// The orders of examples in an epoch. Trials of one seed have the same order.
struct Orders<B: Kernels> {
    different: Vec<(u64, Vec<u32>)>,
    /// The index of each trial's order among them; absent where there is one for each, or one for all.
    of_trials: Option<Arc<Sets<B>>>,
}

/// The metrics of each trial that still trains.
type Values = Vec<Vec<(Metric, f64)>>;

impl<B: Kernels> EpochRun<'_, B> {
    /// Trains on all batches of the epoch; `None` if the observer interrupts.
    fn train(
        &self,
        mut train_state: TrainState<B>,
        trackers: &mut TrackerSet<B>,
        observer: &dyn Observer,
    ) -> Option<(TrainState<B>, Values)> {
        let started = Instant::now();
        let batches = &self.splits.train;
        let batch_size = self.population.batch_size;
        let orders = self.orders(&train_state);
        let steps = orders.different[0].1.len() / batch_size;
        let mut tally = Tally::new();
        for step in 0..steps {
            // Before the second step, the duration of an epoch is unknown.
            let each = started.elapsed().checked_div(step as u32);
            if let Some(each) = each
                && observer.interrupted(each * (steps - step) as u32)
            {
                return None;
            }
            let rows: Vec<Row<'_>> = orders
                .different
                .iter()
                .map(|(seed, order)| Row {
                    occasion: AugmentationKey { seed: *seed, epoch: self.epoch },
                    positions: &order[step * batch_size..][..batch_size],
                })
                .collect();
            let batch = batches.gather(&rows, orders.of_trials.as_ref());
            let step_in_epoch = StepInEpoch { epoch: self.epoch, step: step as u64, steps: steps as u64 };
            train_state = train_state.in_step(step_in_epoch);
            let step = Step::new(&train_state, &batch, step_in_epoch);
            trackers.before(&train_state, &step, step_in_epoch);
            let (updated, outcome) = step.take(train_state);
            trackers.after(&outcome.held_memory, step_in_epoch);
            train_state = updated;
            tally.add(outcome.loss, outcome.mistakes, batch_size);
        }
        let values = tally.read(Split::Train);
        trackers.timed(Pace { examples: steps * batch_size, seconds: started.elapsed().as_secs_f64() });
        Some((train_state, values))
    }

    fn orders(&self, train_state: &TrainState<B>) -> Orders<B> {
        let mut seeds: Vec<u64> = Vec::new();
        let of_trials: Vec<u32> = train_state
            .trials
            .iter()
            .map(|trial| {
                let known = seeds.iter().position(|seed| *seed == trial.seed).unwrap_or_else(|| {
                    seeds.push(trial.seed);
                    seeds.len() - 1
                });
                u32::try_from(known).expect("fewer than 2^32 trials")
            })
            .collect();
        let is_shared = seeds.len() > 1 && seeds.len() < of_trials.len();
        let examples = self.splits.train.view().len();
        Orders {
            different: seeds
                .into_iter()
                .map(|seed| (seed, batch_order(seed, self.epoch, examples)))
                .collect(),
            of_trials: is_shared.then(|| Arc::new(Sets::new(of_trials, self.splits.device))),
        }
    }

    /// Adds the metrics of the splits that are not trained on. Trackers measure the validation split only.
    fn evaluate(&self, train_state: &TrainState<B>, trackers: &mut TrackerSet<B>, values: &mut Values) {
        let Splits { validation, test, .. } = self.splits;
        let mut splits =
            vec![self.evaluate_split(train_state, validation, Split::Validation, Some(trackers))];
        splits.extend(test.as_ref().map(|test| self.evaluate_split(train_state, test, Split::Test, None)));
        for of_split in splits {
            for (values, added) in values.iter_mut().zip(of_split) {
                values.extend(added);
            }
        }
    }

    fn evaluate_split(
        &self,
        train_state: &TrainState<B>,
        batches: &Batches<'_, B>,
        split: Split,
        mut trackers: Option<&mut TrackerSet<B>>,
    ) -> Values {
        let network = &train_state.network;
        let count = u32::try_from(batches.view().len()).expect("fewer than 2^32 examples");
        let examples: Vec<u32> = (0..count).collect();
        // Only the view that is trained on is augmented, so this seed draws nothing.
        let occasion = AugmentationKey { seed: 0, epoch: self.epoch };
        let mut tally = Tally::new();
        for (index, positions) in examples.chunks(EVALUATION_BATCH).enumerate() {
            let batch = batches.gather(&[Row { occasion, positions }], None);
            let OutputError { loss, mistakes, .. } = match &mut trackers {
                Some(trackers) if trackers.measures_evaluation(self.epoch) => {
                    self.evaluate_tracked(train_state, &batch, index == 0, trackers)
                }
                _ => network.objective.error(&network.infer(&batch.input), &batch.target),
            };
            tally.add(loss, mistakes, positions.len());
        }
        tally.read(split)
    }
    fn evaluate_tracked(
        &self,
        train_state: &TrainState<B>,
        batch: &Batch<B>,
        is_first: bool,
        trackers: &mut TrackerSet<B>,
    ) -> OutputError<B> {
        let network = &train_state.network;
        let RuleGroup { rule, feedback, .. } = train_state.only_group();
        let (logits, activations) = network.infer_with_activations(&batch.input);
        let outcome = network.objective.error(&logits, &batch.target);
        let evaluation = Evaluation {
            network,
            feedback,
            rule,
            input: &batch.input.values,
            target: &batch.target,
            activations: &activations,
            logits: &logits,
            error: &outcome.error,
            training_batch: self.population.batch_size,
            image: self.splits.image,
            is_first,
        };
        trackers.evaluated(&evaluation, self.epoch);
        outcome
    }
}
