//! The state of a population: its networks, their feedback and the configurations of its trials.

use std::sync::Arc;

use algorithms::{RuleGroup, feedback};
use burn::tensor::{Int, Tensor, TensorData};
use kernels::{AdamStep, Kernels, PerTrial, Weights, bias_correction};
use model::{
    Architecture, Network,
    checkpoint::{self, Array},
    initialization::Matrix,
};
use settings::{Configuration, Initialization, Trial, WeightInitialization};

use crate::Population;

#[derive(Clone)]
pub struct TrainState<B: Kernels> {
    pub network: Network<B>,
    /// The trials of each rule, in the order of the trials axis.
    pub groups: Vec<RuleGroup<B>>,
    /// The configuration and the seed of each trial, in the order of the trials axis.
    pub trials: Vec<Trial>,
    /// Learning rates before bias correction, `[trials, 1, 1]`.
    pub(crate) rates: Tensor<B, 3>,
    pub(crate) weight_decay: Option<Tensor<B, 3>>,
}

impl<B: Kernels> TrainState<B> {
    pub fn new(population: &Population, device: &B::Device) -> Self {
        let trials = &population.trials;
        let (weights, of_trials) = drawn_once(trials, have_same_initial_weights, |trial| {
            initial_weights(&population.architecture, trial)
        });
        let mut network = population.architecture.build(&weights, device).in_precision(population.precision);
        if weights.len() < trials.len() {
            network = network.select(&on_device(&of_trials, device));
        }
        let mut first = 0;
        let groups = trials
            .chunk_by(|one, next| one.configuration.algorithm == next.configuration.algorithm)
            .map(|members| {
                let start = first;
                first += members.len();
                RuleGroup {
                    rule: Arc::new(algorithms::rule(members[0].configuration.algorithm, population.squash)),
                    trials: start..first,
                    feedback: feedback_of(&population.architecture, members, device),
                }
            });
        Self::from_parts(network, groups.collect(), trials.clone())
    }

    pub fn from_parts(network: Network<B>, groups: Vec<RuleGroup<B>>, trials: Vec<Trial>) -> Self {
        let device = network.output.weight.value.values.device();
        let has_decay = trials.iter().any(|trial| trial.configuration.weight_decay > 0.0);
        Self {
            rates: per_trial(&trials, |configuration| configuration.learning_rate, &device),
            weight_decay: has_decay
                .then(|| per_trial(&trials, |configuration| configuration.weight_decay, &device)),
            network,
            groups,
            trials,
        }
    }

    /// Returns the optimizer's settings of the step with this number, counted from 1 over the whole training.
    pub fn adam_step(&self, number: u64) -> AdamStep<B> {
        AdamStep {
            rate: self.rates.clone().mul_scalar(bias_correction(number)),
            weight_decay: self.weight_decay.clone(),
        }
    }

    /// Returns every array of the trial at `position`, feedback matrices included.
    pub fn arrays(&self, position: usize) -> Vec<Array> {
        let mut arrays = self.network.arrays(position);
        for group in self.groups.iter().filter(|group| group.trials.contains(&position)) {
            arrays.extend((1..).zip(&group.feedback).map(|(layer, matrix)| {
                let position = position - group.trials.start;
                let plain = matrix.part(&(position..position + 1)).plain();
                checkpoint::array(format!("layer_{layer}/feedback"), &plain, 0)
            }));
        }
        arrays
    }

    /// Returns the only group of a population with one rule. Panics if there are several.
    pub(crate) fn only_group(&self) -> &RuleGroup<B> {
        let [group] = self.groups.as_slice() else { panic!("trackers measure trials of one rule") };
        group
    }

    /// Keeps only the trials at `positions`, which ascend.
    pub fn select(self, positions: &[usize]) -> Self {
        let trials = positions.iter().map(|&position| self.trials[position].clone()).collect();
        let indices = on_device(positions, &self.rates.device());
        let mut first = 0;
        let groups = self.groups.iter().filter_map(|group| {
            let group = group.select(positions, first)?;
            first = group.trials.end;
            Some(group)
        });
        let groups = groups.collect();
        Self::from_parts(self.network.select(&indices), groups, trials)
    }
}

/// Returns a number of each configuration as a tensor, `[trials, 1, 1]`.
fn per_trial<B: Kernels>(
    trials: &[Trial],
    value: fn(&Configuration) -> f64,
    device: &B::Device,
) -> Tensor<B, 3> {
    let values: Vec<f32> = trials.iter().map(|trial| value(&trial.configuration) as f32).collect();
    Tensor::from_data(TensorData::new(values, [trials.len(), 1, 1]), device)
}

/// Returns the feedback matrices of the trial, first layer first.
fn feedback_matrices(architecture: &Architecture, trial: &Trial) -> Vec<Matrix> {
    match trial.configuration.feedback {
        Some(initialization) => feedback::draw(architecture, initialization, trial.seed),
        None => Vec::new(),
    }
}

/// Returns the initial forward weights of the trial, the output layer's last.
fn initial_weights(architecture: &Architecture, trial: &Trial) -> Vec<Matrix> {
    let initialization = match trial.configuration.weights {
        WeightInitialization::Orthogonal => Initialization::Orthogonal,
        WeightInitialization::LecunNormal => Initialization::LecunNormal,
        WeightInitialization::Aligned => {
            let feedback = feedback_matrices(architecture, trial);
            return feedback::aligned_weights(architecture, &feedback, trial.seed);
        }
    };
    feedback::independent_weights(architecture, initialization, trial.seed)
}

fn have_same_initial_weights(one: &Trial, other: &Trial) -> bool {
    let weights = one.configuration.weights;
    one.seed == other.seed
        && weights == other.configuration.weights
        && (weights != WeightInitialization::Aligned
            || one.configuration.feedback == other.configuration.feedback)
}

fn have_same_feedback(one: &Trial, other: &Trial) -> bool {
    (one.seed, one.configuration.feedback) == (other.seed, other.configuration.feedback)
}

/// Returns the results of `draw`, one for all trials that are `alike`, and the index of each trial's result among them.
fn drawn_once<T>(
    trials: &[Trial],
    alike: impl Fn(&Trial, &Trial) -> bool,
    draw: impl Fn(&Trial) -> T,
) -> (Vec<T>, Vec<usize>) {
    let mut different: Vec<&Trial> = Vec::new();
    let of_trials = trials.iter().map(|trial| {
        different.iter().position(|known| alike(known, trial)).unwrap_or_else(|| {
            different.push(trial);
            different.len() - 1
        })
    });
    let of_trials = of_trials.collect();
    (different.into_iter().map(draw).collect(), of_trials)
}

fn on_device<B: Kernels>(indices: &[usize], device: &B::Device) -> Tensor<B, 1, Int> {
    let indices: Vec<i32> =
        indices.iter().map(|&at| i32::try_from(at).expect("fewer than 2^31 trials")).collect();
    Tensor::from_data(indices.as_slice(), device)
}

/// Returns the feedback of each hidden layer, `[members, units, outputs]`; empty where the members have no feedback.
fn feedback_of<B: Kernels>(
    architecture: &Architecture,
    members: &[Trial],
    device: &B::Device,
) -> Vec<Weights<B>> {
    let (matrices, of_members) =
        drawn_once(members, have_same_feedback, |trial| feedback_matrices(architecture, trial));
    let of_members = on_device::<B>(&of_members, device);
    (0..matrices[0].len())
        .map(|layer| {
            let different: Vec<&Matrix> = matrices.iter().map(|layers| &layers[layer]).collect();
            let stacked = Weights::new(model::stack(&different, device));
            if different.len() < members.len() { stacked.select(&of_members) } else { stacked }
        })
        .collect()
}
