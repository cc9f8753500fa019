//! Estimates how long missing trials would take on this machine, from training steps that are timed.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use data::{Dataset, Loading};
use engine::{DeviceError, HostBatch, Population};
use results::trial::PlannedTrial;
use settings::{Algorithm, Device, Trial};
use spec::Train;
use tuner::ranking;

use crate::{
    checkpoint::saved_epochs,
    context::Context,
    error::Error,
    grouping::{PopulationLimit, groups, population_of},
    images::{check_trials, load_images},
    memory::Budget,
};

/// The time for which the steps of one rule and batch size are timed, so that slow first steps do not count much.
const TIMED: Duration = Duration::from_millis(300);
/// The number of steps between reads of the losses. A device runs asynchronously between them.
const STEPS_PER_READ: usize = 4;
/// The forward pass's share of a step: one of its three products of each layer.
const FORWARD: f64 = 1.0 / 3.0;

#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The time if no trial stops early.
    pub at_most: Duration,
    /// The timed step of each rule and batch size.
    pub timed: Vec<TimedStep>,
}

/// A training step that was timed.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedStep {
    pub algorithm: Algorithm,
    /// The number of examples in the batch.
    pub batch_size: u32,
    /// The configuration in words.
    pub network: String,
    /// The number of trials in the population.
    pub trials: usize,
    /// The time per trial; on the CPU, on one core.
    pub each: Duration,
}

/// Returns the cost of an epoch with `examples` training examples and `evaluated` other ones, as a number of training steps.
pub fn steps_of_an_epoch(examples: usize, evaluated: usize, batch_size: u32) -> f64 {
    let steps = (examples / batch_size as usize) as f64;
    steps + evaluated as f64 / f64::from(batch_size) * FORWARD
}

/// Estimates how long the `missing` trials of `train` would take on `jobs` cores or on the GPU. One network of each rule and batch
/// size is timed in a population as a run would train it. Other networks are estimated in proportion to their numbers of weights,
/// which on a GPU is too little for shapes with few trials.
pub fn estimate(
    context: &Context<'_>,
    train: &Train,
    missing: &[&PlannedTrial],
    jobs: usize,
) -> Result<Estimate, Error> {
    let is_whole = |planned: &PlannedTrial| planned.beginning.as_ref().is_some_and(|it| it.is_whole);
    let missing: Vec<&PlannedTrial> = missing.iter().copied().filter(|planned| !is_whole(planned)).collect();
    let trials: Vec<Trial> = missing.iter().map(|planned| planned.trial.clone()).collect();
    let (epochs, timed) = seconds_of_an_epoch(context, train, &trials)?;
    let left = |planned: &PlannedTrial| {
        train.training.epochs - saved_epochs(&context.store, planned).min(train.training.epochs)
    };
    let total = epochs.iter().zip(&missing).map(|(epoch, planned)| f64::from(left(planned)) * epoch).sum();
    Ok(Estimate { at_most: shared(context, total, missing.len(), jobs), timed })
}

/// Estimates how long the trials of `train` would take at most, whose configurations are not chosen yet: the largest ones of each group, which
/// go on from the rung before.
pub fn estimate_most(context: &Context<'_>, train: &Train, jobs: usize) -> Result<Estimate, Error> {
    let candidates = train.grid.points.candidates();
    let trials: Vec<Trial> = candidates
        .iter()
        .map(|&configuration| Trial { configuration: configuration.clone(), seed: 0 })
        .collect();
    let (epochs, timed) = seconds_of_an_epoch(context, train, &trials)?;
    let before = train.rung_before();
    let mut groups: HashMap<String, Vec<f64>> = HashMap::new();
    let per = train.grid.points.chosen_by().map_or(&[][..], |chooser| &chooser.best_per);
    for (configuration, epoch) in candidates.into_iter().zip(epochs) {
        let goes_on = !configuration.depends_on_length();
        let done = before.filter(|_| goes_on).map_or(0, |rung| rung.training.epochs);
        let seconds = f64::from(train.training.epochs - done) * epoch * train.seeds.len() as f64;
        groups.entry(ranking::group(configuration, per)).or_default().push(seconds);
    }
    let mut total = 0.0;
    for (group, most) in train.grid.points.at_most_per(per) {
        let seconds = groups.entry(group).or_default();
        seconds.sort_by(|one, other| other.total_cmp(one));
        total += seconds.iter().take(most).sum::<f64>();
    }
    Ok(Estimate { at_most: shared(context, total, train.most_trials(), jobs), timed })
}

/// Returns the time of this number of trials that take `total` seconds one after the other.
fn shared(context: &Context<'_>, total: f64, trials: usize, jobs: usize) -> Duration {
    let workers = match context.device {
        Device::Cpu => jobs.min(trials).max(1),
        Device::Cuda => 1,
    };
    Duration::try_from_secs_f64(total / workers as f64).unwrap_or(Duration::MAX)
}

/// Returns the seconds of an epoch of each of `trials` on one core or on the GPU, and the steps that were timed.
fn seconds_of_an_epoch(
    context: &Context<'_>,
    train: &Train,
    trials: &[Trial],
) -> Result<(Vec<f64>, Vec<TimedStep>), Error> {
    let dataset = load_images(context, &train.dataset, Loading::from(context.data))?;
    check_trials(train, trials.iter(), &dataset)?;
    let limit = PopulationLimit::on(context.device, None, Budget::of(context.device, None, &dataset).total());
    let groups = groups(trials, train, &dataset, context.device, limit);
    let evaluated = dataset.validation().len() + dataset.test().map_or(0, |test| test.len());
    let mut timed: Vec<TimedStep> = Vec::new();
    let mut seconds_per_weight: Vec<f64> = Vec::new();
    let mut seconds = Vec::new();
    for trial in trials {
        let (algorithm, batch_size) = kind(trial, train);
        let is_alike = |step: &TimedStep| (step.algorithm, step.batch_size) == (algorithm, batch_size);
        let known = match timed.iter().position(is_alike) {
            Some(known) => known,
            None => {
                let alike = largest_group_alike(&groups, trials, |other| {
                    kind(other, train) == (algorithm, batch_size)
                });
                let (members, step) = time_some(context, alike, train, &dataset)?;
                let population = population_of(&members, train, &dataset);
                let each = step.div_f64(members.len() as f64);
                seconds_per_weight.push(each.as_secs_f64() / weights(&population));
                let network = members[0].configuration.to_string();
                timed.push(TimedStep { algorithm, batch_size, network, trials: members.len(), each });
                timed.len() - 1
            }
        };
        let step = seconds_per_weight[known] * weights(&population_of(&[trial], train, &dataset));
        seconds.push(step * steps_of_an_epoch(dataset.train().len(), evaluated, batch_size));
    }
    Ok((seconds, timed))
}

/// Times a step of as many of `members` as fit the device's memory, and returns these members.
fn time_some<'a>(
    context: &Context<'_>,
    mut members: Vec<&'a Trial>,
    train: &Train,
    dataset: &Dataset,
) -> Result<(Vec<&'a Trial>, Duration), Error> {
    loop {
        let population = population_of(&members, train, dataset);
        match engine::within_memory(context.device, || time_step(context, &population)) {
            Ok(timed) => return Ok((members, timed?)),
            Err(DeviceError::OutOfMemory { .. }) if members.len() > 1 => {
                members.truncate(members.len() / 2);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// A rate at which no value of the timed steps grows without bound or vanishes. Processors take many times as long for numbers too small to be
/// normal, which a network has that learns one batch by heart.
const CALM_RATE: f64 = 1e-6;

/// Returns the time of a training step of `population` on this thread.
fn time_step(context: &Context<'_>, population: &Population) -> Result<Duration, Error> {
    let mut population = population.clone();
    population.trials.iter_mut().for_each(|trial| trial.configuration.learning_rate = CALM_RATE);
    let (inputs, outputs) = (population.architecture.inputs, population.architecture.outputs);
    let mut target = vec![0.0; population.batch_size * outputs];
    for (example, target) in target.chunks_exact_mut(outputs).enumerate() {
        target[example % outputs] = 1.0;
    }
    // Examples that differ: batch norm of equal ones has no variance.
    let input = (0..population.batch_size * inputs).map(|index| (index % 101) as f32 / 101.0).collect();
    let batch = HostBatch { input, target };
    let mut rehearsal = engine::rehearse(context.device, &population, &[batch])?;
    // The first step allocates memory.
    rehearsal.steps(1);
    let (started, mut count) = (Instant::now(), 0);
    while started.elapsed() < TIMED || count < 2 {
        rehearsal.steps(STEPS_PER_READ);
        count += STEPS_PER_READ as u32;
    }
    Ok(started.elapsed() / count)
}

/// Returns the rule and the batch size of a trial. Steps of other rules or batch sizes tell little about its steps.
fn kind(trial: &Trial, train: &Train) -> (Algorithm, u32) {
    (trial.configuration.algorithm, train.training.batch_size_of(&trial.configuration))
}

/// Returns the trials for which `is_alike` is true, in the group that has most of them.
fn largest_group_alike<'a>(
    groups: &[Vec<usize>],
    trials: &'a [Trial],
    is_alike: impl Fn(&Trial) -> bool,
) -> Vec<&'a Trial> {
    let mut largest = Vec::new();
    for group in groups {
        let members = group.iter().map(|&index| &trials[index]);
        let members: Vec<&Trial> = members.filter(|trial| is_alike(trial)).collect();
        if members.len() >= largest.len() {
            largest = members;
        }
    }
    largest
}

/// Returns the number of weights of one trial's network.
fn weights(population: &Population) -> f64 {
    let shapes = population.architecture.weight_shapes();
    shapes.into_iter().map(|[inputs, outputs]| (inputs * outputs) as f64).sum()
}
