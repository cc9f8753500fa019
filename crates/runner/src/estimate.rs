//! How long would what is missing take here? From steps that are taken and timed, not from a formula.

use std::time::{Duration, Instant};

use data::Dataset;
use engine::{DeviceError, HostBatch, Population};
use settings::{Algorithm, Configuration, Device, Trial};

use crate::{
    Context, Error,
    checkpoint::saved_epochs,
    grouping::{PopulationLimit, groups, population_of},
    images::load_images,
    memory::Budget,
};
use results::trial::PlannedTrial;
use spec::Train;

/// How long one rule's steps are timed; long enough to forget the first ones.
const TIMED: Duration = Duration::from_millis(300);
/// Steps whose losses are read together: a device works ahead of the program that asks it.
const STEPS_AT_A_TIME: usize = 4;
/// The forward pass's share of a step: one of its three products of each layer.
const FORWARD: f64 = 1.0 / 3.0;

/// How long trials would take.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// With all trials trained to their last epoch.
    pub at_most: Duration,
    /// What was timed, once for each rule.
    pub timed: Vec<TimedStep>,
}

/// A step that was taken and timed.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedStep {
    /// The rule.
    pub algorithm: Algorithm,
    /// Its network, in words.
    pub network: String,
    /// How many trials took it together.
    pub trials: usize,
    /// How long it took, of each trial; on the CPU on one core.
    pub each: Duration,
}

/// An epoch on `examples`, after which `evaluated` ones are looked at, as a number of training steps.
#[must_use]
pub fn steps_of_an_epoch(examples: usize, evaluated: usize, batch_size: u32) -> f64 {
    let steps = (examples / batch_size as usize) as f64;
    steps + evaluated as f64 / f64::from(batch_size) * FORWARD
}

/// How long the trials `missing` of `train` would take on this machine: one network of each rule is timed in a population as a
/// run would train it, and others by their numbers of weights in proportion, which on a GPU is too little for shapes with few
/// trials. `jobs` cores of a CPU work on trials; a GPU trains
/// one population after the other.
///
/// # Errors
/// If the images cannot be loaded, or the device cannot be used.
pub fn estimate(
    context: &Context<'_>,
    train: &Train,
    missing: &[&PlannedTrial],
    jobs: usize,
) -> Result<Estimate, Error> {
    let dataset = load_images(context, &train.dataset(), &|_| {})?;
    let (batch_size, examples) = (train.training.batch_size, dataset.train().len());
    if examples < batch_size as usize {
        return Err(Error::BatchTooLarge { stage: train.name.clone(), batch_size, examples });
    }
    let trials: Vec<Trial> = missing.iter().map(|planned| planned.trial.clone()).collect();
    let most = PopulationLimit::on(context.device, None, Budget::of(context.device, None, &dataset).total());
    let groups = groups(&trials, train, &dataset, context.device, most);
    let evaluated = dataset.validation().len() + dataset.test().map_or(0, |test| test.len());
    let mut timed: Vec<TimedStep> = Vec::new();
    let mut seconds_per_weight: Vec<f64> = Vec::new();
    let mut total = 0.0;
    let steps = steps_of_an_epoch(examples, evaluated, batch_size);
    for (planned, trial) in missing.iter().zip(&trials) {
        let Configuration { algorithm, .. } = trial.configuration;
        let known = match timed.iter().position(|step| step.algorithm == algorithm) {
            Some(known) => known,
            None => {
                let (members, step) =
                    time_some(context, largest_of_rule(&groups, &trials, algorithm), train, &dataset)?;
                let population = population_of(&members, train, &dataset);
                let each = step.div_f64(members.len() as f64);
                seconds_per_weight.push(each.as_secs_f64() / weights(&population));
                let network = members[0].configuration.to_string();
                timed.push(TimedStep { algorithm, network, trials: members.len(), each });
                timed.len() - 1
            }
        };
        let left = train.training.epochs - saved_epochs(&context.store, planned).min(train.training.epochs);
        let step = seconds_per_weight[known] * weights(&population_of(&[trial], train, &dataset));
        total += f64::from(left) * steps * step;
    }
    let at_a_time = match context.device {
        Device::Cpu => jobs.min(missing.len()).max(1),
        Device::Cuda => 1,
    };
    let at_most = Duration::try_from_secs_f64(total / at_a_time as f64).unwrap_or(Duration::MAX);
    Ok(Estimate { at_most, timed })
}

/// A step of as many of `members` as the device has room for, and them.
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

/// A step of `population`, alone on this thread.
fn time_step(context: &Context<'_>, population: &Population) -> Result<Duration, Error> {
    let (inputs, outputs) = (population.architecture.inputs, population.architecture.outputs);
    let mut target = vec![0.0; population.batch_size * outputs];
    target.iter_mut().step_by(outputs).for_each(|label| *label = 1.0);
    let batch = HostBatch { input: vec![0.5; population.batch_size * inputs], target };
    let mut rehearsal = engine::rehearse(context.device, population, &[batch])?;
    // The first step makes room.
    rehearsal.steps(1);
    let (started, mut count) = (Instant::now(), 0);
    while started.elapsed() < TIMED || count < 2 {
        rehearsal.steps(STEPS_AT_A_TIME);
        count += STEPS_AT_A_TIME as u32;
    }
    Ok(started.elapsed() / count)
}

/// The trials of `algorithm` in the group that has most of them.
fn largest_of_rule<'a>(groups: &[Vec<usize>], trials: &'a [Trial], algorithm: Algorithm) -> Vec<&'a Trial> {
    let of_group = |group: &Vec<usize>| -> Vec<&'a Trial> {
        let members = group.iter().map(|&index| &trials[index]);
        members.filter(|trial| trial.configuration.algorithm == algorithm).collect()
    };
    groups.iter().map(of_group).max_by_key(Vec::len).unwrap_or_default()
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
