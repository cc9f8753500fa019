//! Trials of a population that learn by one rule.

use std::{ops::Range, sync::Arc};

use burn::tensor::{Int, Tensor};
use kernels::{Kernels, PerTrial, Weights};

use crate::Rule;

/// Trials of a population that learn by one rule: neighbors on the trials axis.
pub struct RuleGroup<B: Kernels> {
    pub rule: Arc<Rule<B>>,
    pub trials: Range<usize>,
    /// The feedback of each hidden layer, `[trials of the group, units, outputs]`; empty for rules without feedback.
    pub feedback: Vec<Weights<B>>,
}

impl<B: Kernels> Clone for RuleGroup<B> {
    fn clone(&self) -> Self {
        Self { rule: Arc::clone(&self.rule), trials: self.trials.clone(), feedback: self.feedback.clone() }
    }
}

impl<B: Kernels> RuleGroup<B> {
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
        let feedback = self.feedback.iter().map(|matrix| {
            let kept: Tensor<B, 1, Int> = Tensor::from_data(kept.as_slice(), &matrix.values.device());
            matrix.clone().select(&kept)
        });
        Some(Self {
            rule: Arc::clone(&self.rule),
            trials: first..first + kept.len(),
            feedback: feedback.collect(),
        })
    }
}
