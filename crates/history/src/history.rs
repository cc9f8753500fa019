//! The values of a trial, epoch by epoch.

use crate::Error;
use settings::Metric;

/// The values that were measured in one epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// The epoch's number, from 1.
    pub epoch: u32,
    /// The measured values, at most one per metric.
    pub values: Vec<(Metric, f64)>,
}

impl Epoch {
    pub fn value(&self, metric: &Metric) -> Option<f64> {
        self.values.iter().find(|(measured, _)| measured == metric).map(|(_, value)| *value)
    }
}

/// The epochs of one trial, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    epochs: Vec<Epoch>,
}

impl History {
    /// Adds the next epoch; its values are put into the order of [`Metric`].
    ///
    /// # Errors
    /// If the epoch is not later than the last one, or a metric occurs twice in it.
    pub fn push(&mut self, mut epoch: Epoch) -> Result<(), Error> {
        let last = self.epochs.last().map_or(0, |epoch| epoch.epoch);
        if epoch.epoch <= last {
            return Err(Error::EpochOrder { got: epoch.epoch, last });
        }
        epoch.values.sort_by(|(left, _), (right, _)| left.cmp(right));
        if let Some(pair) = epoch.values.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::RepeatedMetric { epoch: epoch.epoch, metric: pair[0].0.clone() });
        }
        self.epochs.push(epoch);
        Ok(())
    }

    /// Keeps the values of the metrics that `keeps` accepts.
    pub fn retain(&mut self, keeps: impl Fn(&Metric) -> bool) {
        for epoch in &mut self.epochs {
            epoch.values.retain(|(metric, _)| keeps(metric));
        }
    }

    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// Returns the value of a metric at an epoch, if it was measured there.
    pub fn at(&self, epoch: u32, metric: &Metric) -> Option<f64> {
        let position = self.epochs.binary_search_by_key(&epoch, |measured| measured.epoch).ok()?;
        self.epochs[position].value(metric)
    }

    /// Returns the values of a metric as (epoch, value), over the epochs that measured it.
    pub fn series(&self, metric: &Metric) -> impl DoubleEndedIterator<Item = (u32, f64)> {
        self.epochs.iter().filter_map(|epoch| Some((epoch.epoch, epoch.value(metric)?)))
    }

    /// Returns the latest (epoch, value) of a metric.
    pub fn last(&self, metric: &Metric) -> Option<(u32, f64)> {
        self.series(metric).next_back()
    }

    /// Returns the (epoch, value) with the smallest value of a metric, the earliest of equal ones. NaN is never
    /// the best.
    pub fn best(&self, metric: &Metric) -> Option<(u32, f64)> {
        self.series(metric)
            .filter(|(_, value)| !value.is_nan())
            .min_by(|left, right| left.1.total_cmp(&right.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use settings::Split;

    const LOSS: Metric = Metric::Loss(Split::Train);
    const ERROR_RATE: Metric = Metric::ErrorRate(Split::Train);

    fn history(losses: &[f64]) -> History {
        let mut history = History::default();
        for (epoch, loss) in (1..).zip(losses) {
            history.push(Epoch { epoch, values: vec![(LOSS, *loss)] }).expect("epochs in order");
        }
        history
    }

    #[test]
    fn best_is_the_earliest_minimum_and_never_nan() {
        let history = history(&[f64::NAN, 3.0, 1.0, 1.0, f64::NAN]);
        assert_eq!(history.best(&LOSS), Some((3, 1.0)));
        assert_eq!(history.last(&LOSS).map(|(epoch, loss)| (epoch, loss.is_nan())), Some((5, true)));
    }

    #[test]
    fn a_metric_without_a_number_has_no_best() {
        assert_eq!(history(&[f64::NAN]).best(&LOSS), None);
        assert_eq!(history(&[1.0]).best(&ERROR_RATE), None);
        assert_eq!(history(&[1.0]).last(&ERROR_RATE), None);
        assert_eq!(history(&[f64::INFINITY]).best(&LOSS), Some((1, f64::INFINITY)));
    }

    #[test]
    fn series_skips_the_epochs_that_did_not_measure() {
        let mut history = history(&[3.0, 2.0]);
        history.push(Epoch { epoch: 3, values: vec![(ERROR_RATE, 0.5)] }).expect("in order");
        history.push(Epoch { epoch: 9, values: vec![(ERROR_RATE, 0.4), (LOSS, 1.0)] }).expect("in order");
        assert_eq!(history.series(&LOSS).collect::<Vec<_>>(), [(1, 3.0), (2, 2.0), (9, 1.0)]);
    }

    #[test]
    fn an_epoch_out_of_order_is_refused() {
        let mut history = history(&[3.0, 2.0]);
        for got in [0, 1, 2] {
            let error = history.push(Epoch { epoch: got, values: vec![] }).expect_err("too early");
            let message = format!("history: epoch {got} cannot follow epoch 2, allowed: 3 or later");
            assert_eq!(error.to_string(), message);
        }
        let zero = History::default().push(Epoch { epoch: 0, values: vec![] });
        assert!(zero.is_err(), "epochs count from 1");
    }

    #[test]
    fn a_metric_twice_in_one_epoch_is_refused() {
        let values = vec![(LOSS, 1.0), (ERROR_RATE, 0.5), (LOSS, 1.0)];
        let error = History::default().push(Epoch { epoch: 1, values }).expect_err("twice");
        assert_eq!(
            error.to_string(),
            "history: epoch 1 has more than one value for `loss/train`, allowed: one"
        );
    }
}
