//! The loop over epochs and steps.

use algorithms::Rule;
use data::{Dataset, View, batch_order};
use model::{Kernels, Network, OutputError};
use tracker::{Epoch, Metric, Split};

use crate::{
    Moment, Observer, Population, Step, StepOutcome, Student, Verdict, batches::Batches, epoch::Tally,
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
const EVALUATION_BATCH: usize = 1000;

/// Trains `population` on `dataset` until every trial has finished or `observer` interrupts.
pub fn train<B: Kernels>(
    population: &Population,
    dataset: &Dataset,
    device: &B::Device,
    observer: &mut dyn Observer,
) -> Ended {
    let rule = population.algorithm.rule::<B>(population.squash);
    let mut student = Student::<B>::new(population, device);
    // Indices in the population of the trials that still train, in the order of the student's trials axis.
    let mut active: Vec<usize> = (0..population.trials.len()).collect();
    for epoch in 1..=population.epochs {
        let course = Course { population, dataset, device, epoch };
        let Some((trained, mut measured)) = course.train(student, &rule, observer) else {
            return Ended::Interrupted;
        };
        student = trained;
        course.evaluate(&student.network, &mut measured);
        let mut staying = Vec::new();
        for ((position, &trial), values) in active.iter().enumerate().zip(measured) {
            let verdict = observer.epoch(trial, Epoch { epoch, values });
            if verdict == Verdict::Continue && epoch < population.epochs {
                staying.push(position);
            } else {
                observer.finished(trial, student.arrays(position));
            }
        }
        if staying.is_empty() {
            break;
        }
        if staying.len() < active.len() {
            active = staying.iter().map(|&position| active[position]).collect();
            student = student.select(&staying);
            B::forget_kept_memory();
        }
    }
    drop(student);
    B::forget_kept_memory();
    Ended::Complete
}

/// One epoch of a population.
struct Course<'a, B: Kernels> {
    population: &'a Population,
    dataset: &'a Dataset,
    device: &'a B::Device,
    epoch: u32,
}

/// The metrics of each trial still training.
type Measured = Vec<Vec<(Metric, f64)>>;

impl<B: Kernels> Course<'_, B> {
    /// All training batches of the epoch; `None` if the observer interrupts.
    fn train(
        &self,
        mut student: Student<B>,
        rule: &Rule<B>,
        observer: &dyn Observer,
    ) -> Option<(Student<B>, Measured)> {
        let batches = self.batches(self.dataset.train());
        let batch_size = self.population.batch_size;
        let orders = self.orders(&student);
        let steps = orders[0].1.len() / batch_size;
        let mut tally = Tally::new();
        for step in 0..steps {
            if observer.interrupted() {
                return None;
            }
            let rows: Vec<(u64, &[u32])> = orders
                .iter()
                .map(|(seed, order)| (*seed, &order[step * batch_size..][..batch_size]))
                .collect();
            let batch = batches.gather(&rows, self.device);
            let step = step as u64;
            let number = u64::from(self.epoch - 1) * steps as u64 + step + 1;
            let moment = Moment { epoch: self.epoch, step, number };
            let (taught, outcome) = Step::new(&student, &batch, moment).take(student, rule);
            student = taught;
            tally.add(outcome, batch_size);
        }
        Some((student, tally.read(Split::Train)))
    }

    /// Seed and order of examples of each trial, or one where all trials have one seed.
    fn orders(&self, student: &Student<B>) -> Vec<(u64, Vec<u32>)> {
        let mut seeds: Vec<u64> = student.trials.iter().map(|trial| trial.seed).collect();
        if seeds.iter().all(|seed| *seed == seeds[0]) {
            seeds.truncate(1);
        }
        let examples = self.dataset.train().len();
        seeds.into_iter().map(|seed| (seed, batch_order(seed, self.epoch, examples))).collect()
    }

    /// Adds the metrics of the splits that are not trained on.
    fn evaluate(&self, network: &Network<B>, measured: &mut Measured) {
        let splits =
            [(Split::Validation, Some(self.dataset.validation())), (Split::Test, self.dataset.test())];
        for (split, view) in splits {
            let Some(view) = view else { continue };
            for (values, added) in measured.iter_mut().zip(self.evaluate_split(network, view, split)) {
                values.extend(added);
            }
        }
    }

    fn evaluate_split(&self, network: &Network<B>, view: View<'_>, split: Split) -> Measured {
        let batches = self.batches(view);
        let examples: Vec<u32> = (0..u32::try_from(view.len()).expect("fewer than 2^32 examples")).collect();
        let mut tally = Tally::new();
        for positions in examples.chunks(EVALUATION_BATCH) {
            // Only the view that is trained on is augmented, so this seed draws nothing.
            let batch = batches.gather::<B>(&[(0, positions)], self.device);
            let logits = network.infer(batch.input);
            let OutputError { loss, mistakes, .. } = network.objective.error(&logits, &batch.target);
            tally.add(StepOutcome { loss, mistakes }, positions.len());
        }
        tally.read(split)
    }

    fn batches<'a>(&self, view: View<'a>) -> Batches<'a> {
        let architecture = &self.population.architecture;
        Batches {
            view,
            epoch: self.epoch,
            objective: architecture.objective,
            inputs: architecture.inputs,
            outputs: architecture.outputs,
        }
    }
}
