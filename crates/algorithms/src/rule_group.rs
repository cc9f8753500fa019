//! Trials of a population that learn by one rule.

use std::{mem, ops::Range, sync::Arc};

use burn::tensor::{Int, Tensor};
use kernels::{Kernels, OptimizerStep, Parameter, PerTrial, Squash, WeightUpdate, Weights};
use model::Network;
use settings::{Configuration, Precision};

use crate::{Rule, Teacher};

/// The running means before the first step.
const FIRST_MEAN: f64 = 0.5;

/// Trials of a population that learn by one rule: neighbors on the trials axis.
pub struct RuleGroup<B: Kernels> {
    pub rule: Arc<Rule<B>>,
    pub trials: Range<usize>,
    /// The feedback of each hidden layer, `[trials of the group, units, outputs or units above]`, or a single one to the input,
    /// `[trials of the group, inputs, outputs]`; empty for rules without feedback.
    pub feedback: Vec<Weights<B>>,
    /// The optimizer's state of each feedback matrix, in the order of [`OptimizerKind::states`]. There are none where feedback is
    /// fixed.
    pub feedback_states: Vec<Vec<Weights<B>>>,
    /// The running mean of each unit, `[trials of the group, 1, units]`, of each hidden layer; empty for rules without them.
    pub running_means: Vec<Tensor<B, 3>>,
}

impl<B: Kernels> Clone for RuleGroup<B> {
    fn clone(&self) -> Self {
        Self {
            rule: Arc::clone(&self.rule),
            trials: self.trials.clone(),
            feedback: self.feedback.clone(),
            feedback_states: self.feedback_states.clone(),
            running_means: self.running_means.clone(),
        }
    }
}

impl<B: Kernels> RuleGroup<B> {
    /// Creates a group at these `trials`, of the rule of `configuration`, for a `network` of the whole population.
    pub fn new(
        configuration: &Configuration,
        squash: Squash,
        trials: Range<usize>,
        feedback: Vec<Weights<B>>,
        network: &Network<B>,
    ) -> Self {
        let (algorithm, rule) = (configuration.algorithm, crate::rule(configuration, squash));
        let states = if algorithm.trains_feedback() { network.optimizer.states().len() } else { 0 };
        let changes = algorithm.trains_feedback() || algorithm.keeps_offsets();
        let changing = feedback.iter().take(if changes { feedback.len() } else { 0 });
        let feedback_states = changing.map(|matrix| vec![matrix.zeros_like(); states]).collect();
        let has_means = matches!(&rule, Rule::Contrast(rule) if rule.peer_normalization > 0.0);
        let layers = network.hidden.iter().take(if has_means { network.hidden.len() } else { 0 });
        let running_means = layers.map(|layer| {
            let [_, _, units] = layer.weight.value.dims();
            Tensor::full([trials.len(), 1, units], FIRST_MEAN, &network.device())
        });
        let running_means = running_means.collect();
        Self { rule: Arc::new(rule), trials, feedback, feedback_states, running_means }
    }

    pub fn teacher(&self) -> Teacher<'_, B> {
        Teacher { rule: &self.rule, feedback: &self.feedback, running_means: &self.running_means }
    }

    /// Changes the feedback of a rule that sees the layer above as the rule wants it after a step of the group's trials.
    pub fn finish_step(&mut self, step: &OptimizerStep<B>) {
        if let Rule::LayerAbove(Some(backward)) = self.rule.as_ref() {
            let feedback = mem::take(&mut self.feedback).into_iter();
            self.feedback = feedback.map(|matrix| backward.after_step(matrix, step)).collect();
        }
    }

    /// Updates the feedback of a hidden layer, which counts from 0, by its delta, for a group whose feedback learns. `activation` is the
    /// layer's output before dropout, `[trials of the group, batch, units]`, and `step` is that of the group's trials.
    pub fn learn_feedback(
        &mut self,
        layer: usize,
        activation: &Tensor<B, 3>,
        delta: &Tensor<B, 3>,
        step: &OptimizerStep<B>,
    ) {
        // Taken out, so that they are changed in place.
        let (value, states) = (self.feedback.remove(layer), self.feedback_states.remove(layer));
        let input = activation.clone().into();
        let update = WeightUpdate { weight: Parameter { value, states }, input: &input, delta };
        let mut learned = B::learn_weights(vec![update], step, Precision::Full);
        let Parameter { value, states } = learned.pop().expect("one was given");
        self.feedback.insert(layer, value);
        self.feedback_states.insert(layer, states);
    }

    /// Keeps the trials at `positions` of the population, which ascend. The group is then at the population's positions
    /// from `first` on. `None` if no trial of the group is kept.
    pub fn select(&self, positions: &[usize], first: usize) -> Option<Self> {
        let kept: Vec<i32> = positions
            .iter()
            .filter(|&position| self.trials.contains(position))
            .map(|position| i32::try_from(position - self.trials.start).expect("fewer than 2^31 trials"))
            .collect();
        if kept.is_empty() {
            return None;
        }
        let select_means = |mean: &Tensor<B, 3>| {
            let kept: Tensor<B, 1, Int> = Tensor::from_data(kept.as_slice(), &mean.device());
            mean.clone().select(0, kept)
        };
        let select = |matrix: &Weights<B>| {
            let kept: Tensor<B, 1, Int> = Tensor::from_data(kept.as_slice(), &matrix.values.device());
            matrix.clone().select(&kept)
        };
        Some(Self {
            rule: Arc::clone(&self.rule),
            trials: first..first + kept.len(),
            feedback: self.feedback.iter().map(select).collect(),
            feedback_states: self
                .feedback_states
                .iter()
                .map(|states| states.iter().map(select).collect())
                .collect(),
            running_means: self.running_means.iter().map(select_means).collect(),
        })
    }
}
