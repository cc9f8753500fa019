//! The loop over epochs and steps.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use algorithms::{Batch, RuleGroup};
use data::{AugmentationKey, Dataset, batch_order};
use history::Epoch;
use model::{Kernels, OutputError, Sets, checkpoint::Array};
use settings::{Metric, Split};
use tracker::{Evaluation, Pace, StepInEpoch};

use crate::{
    Observer, Population, Step, StepIndex, TrainState, Verdict,
    batches::{Batches, Row},
    epoch::Tally,
    tracker_set::TrackerSet,
};

/// How a call of [`train`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every trial has finished.
    Complete,
    /// The observer interrupted; trials that had not finished are lost.
    Interrupted,
}

/// Examples of an evaluation batch; no result depends on it beyond rounding.
pub(crate) const EVALUATION_BATCH: usize = 1000;

/// Where a population goes on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start {
    /// Epochs that are done; 0 for the beginning.
    pub epochs: u32,
    /// What [`Observer::state`] was given after them, of each trial; none at the beginning.
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
    let mut watch = TrackerSet::<B>::new(&population.trackers, population.trials.len());
    let mut train_state = TrainState::<B>::new(population, device);
    if start.epochs > 0 {
        train_state = train_state.restored(&start.states);
    }
    let splits = Splits::new(population, dataset, device);
    // Indices in the population of the trials that still train, in the order of the train_state's trials axis.
    let mut active: Vec<usize> = (0..population.trials.len()).collect();
    for epoch in start.epochs + 1..=population.epochs {
        let course = Course { population, splits: &splits, epoch };
        let Some((trained, mut measured)) = course.train(train_state, &mut watch, observer) else {
            return Ended::Interrupted;
        };
        train_state = trained;
        course.evaluate(&train_state, &mut watch, &mut measured);
        // Asked once, so that all trials are saved or none.
        let is_over = observer.interrupted(Duration::ZERO);
        let mut staying = Vec::new();
        let seen = measured.into_iter().zip(watch.read());
        for ((position, &trial), (mut values, (tracked, exhibits))) in active.iter().enumerate().zip(seen) {
            values.extend(tracked);
            observer.exhibit(trial, epoch, exhibits);
            let verdict = observer.epoch(trial, Epoch { epoch, values });
            if verdict == Verdict::Continue && epoch < population.epochs {
                staying.push(position);
                if is_over || observer.wants_state(trial) {
                    observer.state(trial, epoch, train_state.state(position));
                }
            } else {
                observer.finished(trial, train_state.arrays(position));
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
            watch.keep(staying.len());
            B::forget_kept_memory(device);
        }
    }
    drop((train_state, splits));
    B::forget_kept_memory(device);
    Ended::Complete
}

/// What a population is trained and evaluated on.
struct Splits<'a, B: Kernels> {
    train: Batches<'a, B>,
    validation: Batches<'a, B>,
    test: Option<Batches<'a, B>>,
    device: &'a B::Device,
    /// Channels, height and width.
    image: [usize; 3],
}

impl<'a, B: Kernels> Splits<'a, B> {
    fn new(population: &Population, dataset: &'a Dataset, device: &'a B::Device) -> Self {
        let architecture = &population.architecture;
        let batches = |view| Batches::new(view, architecture.objective, architecture.outputs, device);
        let shape = dataset.shape();
        Self {
            train: batches(dataset.train()),
            validation: batches(dataset.validation()),
            test: dataset.test().map(batches),
            device,
            image: [shape.channels, shape.height, shape.width],
        }
    }
}

/// One epoch of a population.
struct Course<'a, B: Kernels> {
    population: &'a Population,
    splits: &'a Splits<'a, B>,
    epoch: u32,
}

/// In which order trials see the examples: trials of one seed in the same.
struct Orders<B: Kernels> {
    /// Seed and order of examples.
    different: Vec<(u64, Vec<u32>)>,
    /// Which of them is each trial's; absent where there is one for each, or one for all.
    of_trials: Option<Arc<Sets<B>>>,
}

/// The metrics of each trial still training.
type Measured = Vec<Vec<(Metric, f64)>>;

impl<B: Kernels> Course<'_, B> {
    /// All training batches of the epoch; `None` if the observer interrupts.
    fn train(
        &self,
        mut train_state: TrainState<B>,
        watch: &mut TrackerSet<B>,
        observer: &dyn Observer,
    ) -> Option<(TrainState<B>, Measured)> {
        let started = Instant::now();
        let batches = &self.splits.train;
        let batch_size = self.population.batch_size;
        let orders = self.orders(&train_state);
        let steps = orders.different[0].1.len() / batch_size;
        let mut tally = Tally::new();
        for step in 0..steps {
            // Before the second step nothing is known of how long an epoch takes.
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
            let occasion = StepInEpoch { epoch: self.epoch, step: step as u64, steps: steps as u64 };
            let number = u64::from(self.epoch - 1) * occasion.steps + occasion.step + 1;
            let moment = StepIndex { epoch: self.epoch, step: occasion.step, number };
            let step = Step::new(&train_state, &batch, moment);
            watch.before(&train_state, &step, occasion);
            let (taught, outcome) = step.take(train_state);
            watch.after(&outcome.held, occasion);
            train_state = taught;
            tally.add(outcome.loss, outcome.mistakes, batch_size);
        }
        let measured = tally.read(Split::Train);
        watch.timed(Pace { examples: steps * batch_size, seconds: started.elapsed().as_secs_f64() });
        Some((train_state, measured))
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

    /// Adds the metrics of the splits that are not trained on. Only the validation split is watched.
    fn evaluate(&self, train_state: &TrainState<B>, watch: &mut TrackerSet<B>, measured: &mut Measured) {
        let Splits { validation, test, image, .. } = self.splits;
        let mut spectators = Spectators { watch, training_batch: self.population.batch_size, image: *image };
        let mut splits =
            vec![self.evaluate_split(train_state, validation, Split::Validation, Some(&mut spectators))];
        splits.extend(test.as_ref().map(|test| self.evaluate_split(train_state, test, Split::Test, None)));
        for of_split in splits {
            for (values, added) in measured.iter_mut().zip(of_split) {
                values.extend(added);
            }
        }
    }

    fn evaluate_split(
        &self,
        train_state: &TrainState<B>,
        batches: &Batches<'_, B>,
        split: Split,
        mut spectators: Option<&mut Spectators<'_, B>>,
    ) -> Measured {
        let network = &train_state.network;
        let count = u32::try_from(batches.view().len()).expect("fewer than 2^32 examples");
        let examples: Vec<u32> = (0..count).collect();
        // Only the view that is trained on is augmented, so this seed draws nothing.
        let occasion = AugmentationKey { seed: 0, epoch: self.epoch };
        let mut tally = Tally::new();
        for (index, positions) in examples.chunks(EVALUATION_BATCH).enumerate() {
            let batch = batches.gather(&[Row { occasion, positions }], None);
            let OutputError { loss, mistakes, .. } = match &mut spectators {
                Some(spectators) if spectators.watch.looks_at_evaluation(self.epoch) => {
                    spectators.watch(train_state, &batch, self.epoch, index == 0)
                }
                _ => network.objective.error(&network.infer(batch.input), &batch.target),
            };
            tally.add(loss, mistakes, positions.len());
        }
        tally.read(split)
    }
}

/// Those who look at an evaluation.
struct Spectators<'a, B: Kernels> {
    watch: &'a mut TrackerSet<B>,
    training_batch: usize,
    /// Channels, height and width.
    image: [usize; 3],
}

impl<B: Kernels> Spectators<'_, B> {
    /// Evaluates `batch` before their eyes.
    fn watch(
        &mut self,
        train_state: &TrainState<B>,
        batch: &Batch<B>,
        epoch: u32,
        is_first: bool,
    ) -> OutputError<B> {
        let network = &train_state.network;
        let RuleGroup { rule, feedback, .. } = train_state.only_class();
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
            training_batch: self.training_batch,
            image: self.image,
            is_first,
        };
        self.watch.evaluated(&evaluation, epoch);
        outcome
    }
}
