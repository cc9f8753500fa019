//! The state of a population: its networks, their feedback and what their trials have of their own.

use std::collections::HashMap;

use algorithms::feedback;
use burn::tensor::{Int, Tensor, TensorData};
use model::{
    Adam, AdamStep, Initialization, Kernels, Network,
    checkpoint::{self, Array},
    initialization::Matrix,
};

use crate::{FirstWeights, Population, TrialSettings};

/// Networks that learn, one per trial.
#[derive(Clone, Debug)]
pub struct Student<B: Kernels> {
    /// The networks.
    pub network: Network<B>,
    /// `[trials, units, outputs]` of each hidden layer; empty where the rule has none.
    pub feedback: Vec<Tensor<B, 3>>,
    /// What each trial has of its own, in the order of the trials axis.
    pub trials: Vec<TrialSettings>,
    /// Learning rates before bias correction, `[trials, 1, 1]`.
    pub(crate) rates: Tensor<B, 3>,
    pub(crate) weight_decay: Option<Tensor<B, 3>>,
}

impl<B: Kernels> Student<B> {
    /// A population before its first step.
    #[must_use]
    pub fn new(population: &Population, device: &B::Device) -> Self {
        // Trials of one seed start from the same matrices, and drawing them takes longer than copying.
        let mut drawn: HashMap<u64, (Vec<Matrix>, Vec<Matrix>)> = HashMap::new();
        let mut draw = |seed| drawn.entry(seed).or_insert_with(|| first_matrices(population, seed)).clone();
        let draws: Vec<_> = population.trials.iter().map(|trial| draw(trial.seed)).collect();
        let (weights, matrices): (Vec<_>, Vec<_>) = draws.into_iter().unzip();
        let feedback = (0..matrices[0].len())
            .map(|layer| {
                let of_layer: Vec<&Matrix> = matrices.iter().map(|trial| &trial[layer]).collect();
                model::stack(&of_layer, device)
            })
            .collect();
        Self::from_parts(population.architecture.build(&weights, device), feedback, population.trials.clone())
    }

    /// A population of given networks; `feedback` is `[trials, units, outputs]` per hidden layer, or empty.
    #[must_use]
    pub fn from_parts(network: Network<B>, feedback: Vec<Tensor<B, 3>>, trials: Vec<TrialSettings>) -> Self {
        let device = network.output.weight.value.device();
        let per_trial = |value: fn(&TrialSettings) -> f64| {
            let values: Vec<f32> = trials.iter().map(|trial| value(trial) as f32).collect();
            Tensor::from_data(TensorData::new(values, [trials.len(), 1, 1]), &device)
        };
        let decays = trials.iter().any(|trial| trial.weight_decay > 0.0);
        Self {
            rates: per_trial(|trial| trial.learning_rate),
            weight_decay: decays.then(|| per_trial(|trial| trial.weight_decay)),
            network,
            feedback,
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
        let feedback = (1..)
            .zip(&self.feedback)
            .map(|(layer, matrix)| checkpoint::array(format!("layer_{layer}/feedback"), matrix, position));
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

    /// Keeps only the trials at `positions`, in that order.
    #[must_use]
    pub fn select(self, positions: &[usize]) -> Self {
        let trials = positions.iter().map(|&position| self.trials[position]).collect();
        let indices: Vec<i32> =
            positions.iter().map(|&at| i32::try_from(at).expect("fewer than 2^31 trials")).collect();
        let indices: Tensor<B, 1, Int> = Tensor::from_data(indices.as_slice(), &self.rates.device());
        let feedback = self.feedback.into_iter().map(|matrix| matrix.select(0, indices.clone())).collect();
        Self::from_parts(self.network.select(&indices), feedback, trials)
    }
}

/// The first forward weights and the feedback matrices of the trial with `seed`.
fn first_matrices(population: &Population, seed: u64) -> (Vec<Matrix>, Vec<Matrix>) {
    let architecture = &population.architecture;
    let feedback = population
        .feedback
        .map_or_else(Vec::new, |initialization| feedback::draw(architecture, initialization, seed));
    let independent = |initialization| feedback::independent_weights(architecture, initialization, seed);
    let weights = match population.first_weights {
        FirstWeights::Orthogonal => independent(Initialization::Orthogonal),
        FirstWeights::LecunNormal => independent(Initialization::LecunNormal),
        FirstWeights::Aligned => {
            feedback::aligned_weights(architecture, Initialization::Orthogonal, &feedback, seed)
        }
    };
    (weights, feedback)
}
