//! The state of a population: its networks, their feedback and what their trials have of their own.

use std::sync::Arc;

use algorithms::{RuleGroup, feedback};
use burn::tensor::{Int, Tensor, TensorData};
use model::{
    Adam, AdamStep, Architecture, Kernels, Network,
    checkpoint::{self, Array},
    initialization::Matrix,
};

use settings::{Configuration, Initialization, Trial, WeightInitialization};

use crate::Population;

/// Networks that learn, one per trial.
#[derive(Clone)]
pub struct TrainState<B: Kernels> {
    /// The networks.
    pub network: Network<B>,
    /// Who teaches which trials, in the order of the trials axis.
    pub classes: Vec<RuleGroup<B>>,
    /// What each trial has of its own, in the order of the trials axis.
    pub trials: Vec<Trial>,
    /// Learning rates before bias correction, `[trials, 1, 1]`.
    pub(crate) rates: Tensor<B, 3>,
    pub(crate) weight_decay: Option<Tensor<B, 3>>,
}

impl<B: Kernels> TrainState<B> {
    /// A population before its first step.
    #[must_use]
    pub fn new(population: &Population, device: &B::Device) -> Self {
        let trials = &population.trials;
        let (weights, of_trials) =
            drawn_once(trials, start_alike, |trial| first_weights(&population.architecture, trial));
        let mut network = population.architecture.build(&weights, device).in_precision(population.precision);
        if weights.len() < trials.len() {
            network = network.select(&on_device(&of_trials, device));
        }
        let mut first = 0;
        let classes = trials
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
        Self::from_parts(network, classes.collect(), trials.clone())
    }

    /// A population of given networks.
    #[must_use]
    pub fn from_parts(network: Network<B>, classes: Vec<RuleGroup<B>>, trials: Vec<Trial>) -> Self {
        let device = network.output.weight.value.device();
        let per_trial = |value: fn(&Configuration) -> f64| {
            let values: Vec<f32> = trials.iter().map(|trial| value(&trial.configuration) as f32).collect();
            Tensor::from_data(TensorData::new(values, [trials.len(), 1, 1]), &device)
        };
        let decays = trials.iter().any(|trial| trial.configuration.weight_decay > 0.0);
        Self {
            rates: per_trial(|configuration| configuration.learning_rate),
            weight_decay: decays.then(|| per_trial(|configuration| configuration.weight_decay)),
            network,
            classes,
            trials,
        }
    }

    /// The optimizer's settings of the step with this number, counted from 1 over the whole training.
    #[must_use]
    pub fn adam_step(&self, number: u64) -> AdamStep<B> {
        AdamStep {
            rate: self.rates.clone().mul_scalar(Adam::bias_correction(number)),
            weight_decay: self.weight_decay.clone(),
        }
    }

    /// Every array of the trial at `position`, feedback matrices included.
    #[must_use]
    pub fn arrays(&self, position: usize) -> Vec<Array> {
        let feedback = self.classes.iter().filter(|class| class.holds(position)).flat_map(|class| {
            let array = move |(layer, matrix)| {
                checkpoint::array(format!("layer_{layer}/feedback"), matrix, position - class.trials.start)
            };
            (1..).zip(&class.feedback).map(array)
        });
        self.network.arrays(position).into_iter().chain(feedback).collect()
    }

    /// Everything of the trial at `position` that steps change.
    #[must_use]
    pub fn state(&self, position: usize) -> Vec<Array> {
        self.network.state(position)
    }

    /// The same population with each trial's [`state`](Self::state) put back.
    ///
    /// # Panics
    /// If a state is not of this population.
    #[must_use]
    pub fn restored(self, states: &[Vec<Array>]) -> Self {
        assert_eq!(states.len(), self.trials.len(), "a state for each trial");
        Self { network: self.network.restored(states), ..self }
    }

    /// The class of a population that one rule teaches, as trackers need it.
    ///
    /// # Panics
    /// If there are several.
    pub(crate) fn only_class(&self) -> &RuleGroup<B> {
        let [class] = self.classes.as_slice() else { panic!("trackers look at trials of one rule") };
        class
    }

    /// Keeps only the trials at `positions`, which ascend.
    #[must_use]
    pub fn select(self, positions: &[usize]) -> Self {
        let trials = positions.iter().map(|&position| self.trials[position].clone()).collect();
        let indices = on_device(positions, &self.rates.device());
        let mut first = 0;
        let classes = self.classes.iter().filter_map(|class| {
            let class = class.select(positions, first)?;
            first = class.trials.end;
            Some(class)
        });
        let classes = classes.collect();
        Self::from_parts(self.network.select(&indices), classes, trials)
    }
}

/// The feedback matrices of the trial, first layer first.
fn feedback_matrices(architecture: &Architecture, trial: &Trial) -> Vec<Matrix> {
    let draw = |initialization| feedback::draw(architecture, initialization, trial.seed);
    trial.configuration.feedback.map_or_else(Vec::new, draw)
}

/// The first forward weights of the trial, the output layer's last.
fn first_weights(architecture: &Architecture, trial: &Trial) -> Vec<Matrix> {
    let independent =
        |initialization| feedback::independent_weights(architecture, initialization, trial.seed);
    match trial.configuration.weights {
        WeightInitialization::Orthogonal => independent(Initialization::Orthogonal),
        WeightInitialization::LecunNormal => independent(Initialization::LecunNormal),
        WeightInitialization::Aligned => {
            let feedback = feedback_matrices(architecture, trial);
            feedback::aligned_weights(architecture, Initialization::Orthogonal, &feedback, trial.seed)
        }
    }
}

/// Do two trials start from the same weights?
fn start_alike(one: &Trial, other: &Trial) -> bool {
    let weights = one.configuration.weights;
    one.seed == other.seed
        && weights == other.configuration.weights
        && (weights != WeightInitialization::Aligned
            || one.configuration.feedback == other.configuration.feedback)
}

/// What `draw` gives for the trials, once for those that are `alike`; and which of it is each trial's.
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

/// `[members, units, outputs]` of each hidden layer; empty where the members have no feedback.
fn feedback_of<B: Kernels>(
    architecture: &Architecture,
    members: &[Trial],
    device: &B::Device,
) -> Vec<Tensor<B, 3>> {
    let alike = |one: &Trial, other: &Trial| {
        (one.seed, one.configuration.feedback) == (other.seed, other.configuration.feedback)
    };
    let (matrices, of_members) = drawn_once(members, alike, |trial| feedback_matrices(architecture, trial));
    let of_members = on_device::<B>(&of_members, device);
    let of_layer = |layer: usize| {
        let different: Vec<&Matrix> = matrices.iter().map(|layers| &layers[layer]).collect();
        let stacked: Tensor<B, 3> = model::stack(&different, device);
        if different.len() < members.len() { stacked.select(0, of_members.clone()) } else { stacked }
    };
    (0..matrices[0].len()).map(of_layer).collect()
}
