//! The decision after each epoch whether a trial continues.

use history::Epoch;
use serde::{Deserialize, Serialize};
use settings::{Metric, Split};

use crate::{EarlyStopping, Patience};

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// The trial trained all its epochs.
    Finished,
    /// Early stopping ended the trial with this epoch.
    Stopped { epoch: u32 },
    /// The trial ended with this epoch because its loss became NaN, infinite or too large.
    Diverged { epoch: u32, reason: String },
}

/// Decides after each epoch of one trial whether it continues.
#[derive(Clone, Debug)]
pub struct Judge<'a> {
    patience: Option<Patience<'a>>,
    divergence_factor: f64,
    /// The loss that `divergence_factor` multiplies.
    reference_loss: f64,
}

impl<'a> Judge<'a> {
    /// Creates the judge of a trial before its first epoch.
    ///
    /// A trial diverges when its training loss is above `divergence_factor` times that of the first epoch, or times
    /// `chance_loss`, the loss of an untrained network, if that is smaller: a network may explode within its first epoch.
    pub fn new(early_stopping: Option<&'a EarlyStopping>, divergence_factor: f64, chance_loss: f64) -> Self {
        let patience = early_stopping.map(Patience::new);
        Self { patience, divergence_factor, reference_loss: chance_loss }
    }

    /// Takes the next epoch and returns the outcome if the trial ends with it.
    ///
    /// # Panics
    /// If the epoch lacks the metric of early stopping.
    pub fn verdict(&mut self, epoch: &Epoch) -> Option<Outcome> {
        if let Some(reason) = self.divergence(epoch) {
            return Some(Outcome::Diverged { epoch: epoch.epoch, reason });
        }
        let patience = self.patience.as_mut()?;
        let value = epoch.value(&patience.rule.metric);
        let value = value.expect("a pipeline's check compares this metric with the measured ones");
        patience.is_exhausted_by(value).then_some(Outcome::Stopped { epoch: epoch.epoch })
    }

    fn divergence(&mut self, epoch: &Epoch) -> Option<String> {
        // The training loss is measured before the epoch's last update, the validation loss after it, so both are checked.
        // Values of trackers are ignored: a trial ends the same with and without them.
        let mut losses_and_errors = epoch.values.iter().filter(|(metric, _)| metric.split().is_some());
        if let Some((metric, value)) = losses_and_errors.find(|(_, value)| !value.is_finite()) {
            return Some(format!("{metric} is {value}"));
        }
        let loss = epoch.value(&Metric::Loss(Split::Train))?;
        if epoch.epoch == 1 {
            self.reference_loss = self.reference_loss.min(loss);
        }
        // A DRTP network with an unbounded activation explodes without ever leaving the finite numbers.
        let (factor, reference) = (self.divergence_factor, self.reference_loss);
        (loss > reference * factor).then(|| {
            format!("loss/train {loss:.4} is more than {factor} times {reference:.4}, where it began")
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
        let mut judge = Judge::new(Some(&rule), 100.0, 10_f64.ln());
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
    fn an_explosion_within_the_first_epoch_is_divergence() {
        assert!(matches!(outcomes(&[97_218.0])[0], Some(Outcome::Diverged { epoch: 1, .. })));
        // The losses of DRTP with ReLU on glyphs at a learning rate of 1e-3.
        let outcomes = outcomes(&[94.0, 622.0]);
        assert!(outcomes[0].is_none() && matches!(outcomes[1], Some(Outcome::Diverged { epoch: 2, .. })));
    }

    #[test]
    fn a_validation_loss_that_is_no_number_is_divergence_too() {
        let mut judge = Judge::new(None, 100.0, 1.0);
        let values = vec![(Metric::Loss(Split::Train), 0.5), (Metric::Loss(Split::Validation), f64::NAN)];
        let outcome = judge.verdict(&Epoch { epoch: 1, values });
        assert!(matches!(outcome, Some(Outcome::Diverged { epoch: 1, .. })), "{outcome:?}");
    }

    #[test]
    fn values_of_trackers_are_ignored() {
        let mut judge = Judge::new(None, 100.0, 1.0);
        let tracked: Metric = "layer_1/effective_rank".parse().expect("a metric");
        let values = vec![(Metric::Loss(Split::Train), 0.5), (tracked, f64::NAN)];
        assert_eq!(judge.verdict(&Epoch { epoch: 1, values }), None);
    }

    #[test]
    fn patience_ends_a_trial_that_does_not_improve() {
        assert_eq!(outcomes(&[1.0, 1.0, 1.0])[2], Some(Outcome::Stopped { epoch: 3 }));
        assert!(outcomes(&[1.0, 0.9, 0.8, 0.7]).iter().all(Option::is_none));
    }
}
