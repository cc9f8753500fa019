//! Does a trial go on after an epoch, and if not, why?

use serde::{Deserialize, Serialize};
use tracker::{Epoch, Metric, Split};

use crate::{EarlyStopping, Patience};

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// It trained all its epochs.
    Finished,
    /// Early stopping ended it.
    Stopped {
        /// Its last epoch.
        epoch: u32,
    },
    /// Its loss left the numbers or ran away.
    Diverged {
        /// Its last epoch.
        epoch: u32,
        /// What the loss did.
        reason: String,
    },
}

/// Watches the epochs of one trial.
#[derive(Clone, Debug)]
pub struct Judge<'a> {
    patience: Option<(&'a Metric, Patience<'a>)>,
    divergence_factor: f64,
    first_loss: Option<f64>,
}

impl<'a> Judge<'a> {
    /// Before the first epoch. A training loss above `divergence_factor` times the first epoch's counts as diverged.
    #[must_use]
    pub fn new(early_stopping: Option<&'a EarlyStopping>, divergence_factor: f64) -> Self {
        let patience = early_stopping.map(|rule| (&rule.metric, Patience::new(rule)));
        Self { patience, divergence_factor, first_loss: None }
    }

    /// Takes the next epoch; a reason to end the trial with it, if there is one.
    pub fn verdict(&mut self, epoch: &Epoch) -> Option<Outcome> {
        if let Some(reason) = self.divergence(epoch) {
            return Some(Outcome::Diverged { epoch: epoch.epoch, reason });
        }
        let (metric, patience) = self.patience.as_mut()?;
        let value = epoch.value(metric).unwrap_or(f64::NAN);
        patience.is_exhausted_by(value).then_some(Outcome::Stopped { epoch: epoch.epoch })
    }

    fn divergence(&mut self, epoch: &Epoch) -> Option<String> {
        let loss = epoch.value(&Metric::Loss(Split::Train))?;
        if !loss.is_finite() {
            return Some(format!("loss/train is {loss}"));
        }
        let first = *self.first_loss.get_or_insert(loss);
        // A DRTP network with an unbounded activation explodes without ever leaving the finite numbers.
        (loss > first * self.divergence_factor).then(|| {
            let factor = self.divergence_factor;
            format!("loss/train {loss:.4} is more than {factor} times the first epoch's {first:.4}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(losses: &[f64]) -> Vec<Option<Outcome>> {
        let rule = EarlyStopping {
            metric: Metric::Loss(Split::Train),
            min_delta: 0.0,
            patience: 2,
            start_from_epoch: 0,
        };
        let mut judge = Judge::new(Some(&rule), 100.0);
        let epochs = (1..).zip(losses);
        epochs
            .map(|(epoch, loss)| {
                judge.verdict(&Epoch { epoch, values: vec![(Metric::Loss(Split::Train), *loss)] })
            })
            .collect()
    }

    #[test]
    fn a_loss_that_is_no_number_diverges_at_once() {
        let [Some(Outcome::Diverged { epoch: 1, reason })] = &outcomes(&[f64::NAN])[..] else { panic!() };
        assert_eq!(reason, "loss/train is NaN");
    }

    #[test]
    fn a_finite_explosion_is_divergence_too() {
        let outcomes = outcomes(&[2.0, 100.0, 201.0]);
        assert_eq!(outcomes[1], None);
        assert!(matches!(outcomes[2], Some(Outcome::Diverged { epoch: 3, .. })), "{outcomes:?}");
    }

    #[test]
    fn patience_ends_a_trial_that_does_not_improve() {
        assert_eq!(outcomes(&[1.0, 1.0, 1.0])[2], Some(Outcome::Stopped { epoch: 3 }));
        assert!(outcomes(&[1.0, 0.9, 0.8, 0.7]).iter().all(Option::is_none));
    }
}
