//! Trials of a population that learn by one rule.

use std::{mem, ops::Range, sync::Arc};

use burn::tensor::{Int, Tensor};
use kernels::{Kernels, OptimizerStep, Parameter, PerTrial, Squash, WeightUpdate, Weights};
use settings::{Algorithm, OptimizerKind, Precision};

use crate::Rule;

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
}

impl<B: Kernels> Clone for RuleGroup<B> {
    fn clone(&self) -> Self {
        Self {
            rule: Arc::clone(&self.rule),
            trials: self.trials.clone(),
            feedback: self.feedback.clone(),
            feedback_states: self.feedback_states.clone(),
        }
    }
}

impl<B: Kernels> RuleGroup<B> {
    /// Creates a group at these `trials` of `algorithm`. `optimizer` is the kind of all parameters.
    pub fn new(
        algorithm: Algorithm,
        squash: Squash,
        trials: Range<usize>,
        feedback: Vec<Weights<B>>,
        optimizer: OptimizerKind,
    ) -> Self {
        let states = if algorithm.trains_feedback() { optimizer.states().len() } else { 0 };
        let changes = algorithm.trains_feedback() || algorithm.keeps_offsets();
        let changing = feedback.iter().take(if changes { feedback.len() } else { 0 });
        let feedback_states = changing.map(|matrix| vec![matrix.zeros_like(); states]).collect();
        Self { rule: Arc::new(crate::rule(algorithm, squash)), trials, feedback, feedback_states }
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
        })
    }
}
