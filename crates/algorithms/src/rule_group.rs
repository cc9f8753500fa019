//! Which trials of a population does a rule teach?

use std::{ops::Range, sync::Arc};

use burn::tensor::{Int, Tensor};
use model::Kernels;

use crate::Rule;

/// Trials of a population that one rule teaches: neighbours on the trials axis.
pub struct RuleGroup<B: Kernels> {
    /// What teaches them.
    pub rule: Arc<Rule<B>>,
    /// Which of the population they are.
    pub trials: Range<usize>,
    /// `[trials of the class, units, outputs]` of each hidden layer; empty where the rule has none.
    pub feedback: Vec<Tensor<B, 3>>,
}

impl<B: Kernels> Clone for RuleGroup<B> {
    fn clone(&self) -> Self {
        Self { rule: Arc::clone(&self.rule), trials: self.trials.clone(), feedback: self.feedback.clone() }
    }
}

impl<B: Kernels> RuleGroup<B> {
    /// Is the trial at `position` of the population one of them?
    #[must_use]
    pub fn holds(&self, position: usize) -> bool {
        self.trials.contains(&position)
    }

    /// Keeps only the trials at `positions` of the population, which ascend; they are the population's from `first` on.
    /// `None` if none of the class is kept.
    #[must_use]
    pub fn select(&self, positions: &[usize], first: usize) -> Option<Self> {
        let kept: Vec<i32> = positions
            .iter()
            .filter(|&&position| self.holds(position))
            .map(|&position| i32::try_from(position - self.trials.start).expect("fewer than 2^31 trials"))
            .collect();
        if kept.is_empty() {
            return None;
        }
        let feedback = self.feedback.iter().map(|matrix| {
            let kept: Tensor<B, 1, Int> = Tensor::from_data(kept.as_slice(), &matrix.device());
            matrix.clone().select(0, kept)
        });
        Some(Self {
            rule: Arc::clone(&self.rule),
            trials: first..first + kept.len(),
            feedback: feedback.collect(),
        })
    }
}
