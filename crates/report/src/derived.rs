//! Values that several tables and charts derive from a study.

use std::borrow::Cow;

use statistics::{Comparison, Description, Interval};

use crate::study::{
    AxisValue, Configuration, Criterion, Dropped, End, Expectation, Published, Row, Study, Trial,
};
use crate::words;

/// A quantity with its value in each row.
pub(crate) struct Quantity {
    pub(crate) criterion: Criterion,
    pub(crate) value: fn(&Row) -> Option<Description>,
}

impl Study {
    /// Returns the reported quantity, the one that ranks, and the one on the test split, if they are there.
    pub(crate) fn quantities(&self) -> Vec<Quantity> {
        let epoch = &self.reported.epoch;
        let test = self.test_metric.clone().map(|metric| Criterion { metric, epoch: epoch.clone() });
        let mut quantities = vec![Quantity { criterion: self.reported.clone(), value: |row| row.value }];
        quantities.extend(
            self.ranked_by.clone().map(|criterion| Quantity { criterion, value: |row| row.ranked_by }),
        );
        quantities.extend(test.map(|criterion| Quantity { criterion, value: |row| row.test }));
        quantities
    }

    /// Returns the datasets in the order of the rows.
    pub(crate) fn datasets(&self) -> Vec<&str> {
        each_once(self.rows.iter().map(|row| row.dataset.as_str()))
    }

    /// Returns a study of each dataset by itself, if there are several.
    pub(crate) fn by_dataset(&self) -> Vec<(&str, Self)> {
        let datasets = self.datasets();
        if datasets.len() < 2 {
            return Vec::new();
        }
        let of_dataset = |dataset: &str| {
            let of_dataset =
                |rows: &[Row]| rows.iter().filter(|row| row.dataset == dataset).cloned().collect();
            Self { rows: of_dataset(&self.rows), search: of_dataset(&self.search), ..self.clone() }
        };
        datasets.into_iter().map(|dataset| (dataset, of_dataset(dataset))).collect()
    }

    /// Returns the word for a group of configurations.
    pub(crate) fn group_word(&self) -> &'static str {
        let is_rule = |row: &Row| row.group == row.configuration.algorithm;
        if self.rows.iter().all(is_rule) { "learning rule" } else { "group" }
    }

    /// Returns the train stages in the order of their best rows.
    pub(crate) fn stages(&self) -> Vec<&str> {
        each_once(self.rows.iter().map(|row| row.stage.as_str()))
    }

    /// Returns the configuration's label, with its stage if there are several.
    pub(crate) fn label<'study>(&self, row: &'study Row) -> Cow<'study, str> {
        let label = &row.configuration.label;
        let is_only_stage = self.rows.iter().all(|other| other.stage == row.stage);
        if is_only_stage { Cow::Borrowed(label) } else { Cow::Owned(format!("{}: {label}", row.stage)) }
    }

    /// Returns the configuration that others are compared with: `the baseline`, `the baseline with the same activation`.
    pub(crate) fn baseline_in_words(&self) -> String {
        let axes: Vec<String> = self.compared_within.iter().map(|axis| words::spaced(axis)).collect();
        match axes.as_slice() {
            [] => "the baseline".to_owned(),
            axes => format!("the baseline with the same {}", axes.join(" and ")),
        }
    }

    pub(crate) fn has_comparisons(&self) -> bool {
        self.rows.iter().any(|row| row.versus.is_some())
    }
}

/// Returns each name once, in the order of their first places.
fn each_once<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut known = Vec::new();
    for name in names {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    known
}

impl Expectation {
    /// Returns `PASS`, or `NOT RUN: ` and the reason.
    pub(crate) fn verdict_in_words(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{}: {reason}", self.verdict.name()),
            None => self.verdict.name().to_owned(),
        }
    }

    /// Returns our value as [`Published::in_words`] returns the published one.
    pub(crate) fn ours_in_words(&self, number: impl Fn(f64) -> String) -> Option<String> {
        let Description { mean, deviation, count, .. } = self.ours?;
        Some(Published { mean, deviation, count: u32::try_from(count).ok() }.in_words(number))
    }
}

impl Published {
    /// Returns `1.72 ± 0.08 (10)`, without what is not known.
    pub(crate) fn in_words(&self, number: impl Fn(f64) -> String) -> String {
        let mut text = number(self.mean);
        if let Some(deviation) = self.deviation {
            text += &format!(" ± {}", number(deviation));
        }
        if let Some(count) = self.count {
            text += &format!(" ({count})");
        }
        text
    }
}

impl Row {
    /// Returns the number of seeds that gave a value.
    pub(crate) fn count(&self) -> usize {
        self.value.map_or(0, |value| value.count)
    }

    /// Returns `3`, or `2/3` where a seed gave no value.
    pub(crate) fn count_of_seeds(&self) -> String {
        let count = match self.dropped {
            // Its seeds had values at the rung.
            Some(_) => self.seeds - self.diverged,
            None => self.count(),
        };
        if count == self.seeds { count.to_string() } else { format!("{count}/{}", self.seeds) }
    }

    /// Returns the mean if every seed has a value and the mean is a finite number.
    pub(crate) fn complete_mean(&self) -> Option<f64> {
        self.value.filter(|_| self.rank.is_some()).map(|value| value.mean).filter(|mean| mean.is_finite())
    }

    /// Returns the 95 % interval of the mean.
    pub(crate) fn interval(&self) -> Option<Interval> {
        self.value?.interval
    }

    /// Returns the comparison with the baseline.
    pub(crate) fn comparison(&self) -> Option<Comparison> {
        Some(self.versus?.comparison)
    }

    /// Returns the number of training steps until the end of an epoch.
    pub(crate) fn step(&self, epoch: u32) -> Option<u64> {
        Some(self.steps_per_epoch? * u64::from(epoch))
    }

    /// Returns the mean over the trials that were trained, whether they diverged or not.
    pub(crate) fn mean_epochs(&self) -> Option<f64> {
        let epochs: Vec<f64> = self.trials.iter().filter_map(Trial::epochs_trained).map(f64::from).collect();
        (!epochs.is_empty()).then(|| epochs.iter().sum::<f64>() / epochs.len() as f64)
    }

    /// Returns `best dfa`, `baseline`, `1 diverged` and the like.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        remarks.extend(self.best_of.as_ref().map(|group| format!("best {group}")));
        remarks.extend(self.is_baseline.then(|| "baseline".to_owned()));
        remarks.extend(self.dropped.as_ref().map(Dropped::in_words));
        let counts = [(self.diverged, "diverged"), (self.failed, "failed"), (self.missing, "missing")];
        remarks.extend(
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, end)| format!("{count} {end}")),
        );
        remarks
    }
}

impl Dropped {
    /// Returns when and why it was dropped: `dropped after 3 epochs at 6.12, place 14 of 27, 9 went on`.
    fn in_words(&self) -> String {
        let Self { epochs, place, of, go_on } = self;
        let epochs = if *epochs == 1 { "1 epoch".to_owned() } else { format!("{epochs} epochs") };
        match place {
            Some((place, mean)) => {
                format!("dropped after {epochs} at {mean:.3}, place {place} of {of}, {go_on} went on")
            }
            None => format!("dropped after {epochs}: a seed has no value"),
        }
    }
}

impl Trial {
    /// Returns the number of epochs, or none if the trial has no result.
    pub(crate) fn epochs_trained(&self) -> Option<u32> {
        match self.end {
            End::Missing | End::Failed(_) => None,
            End::Finished | End::Stopped | End::Diverged(_) => Some(self.epochs),
        }
    }
}

impl Configuration {
    /// Returns the value on an axis, or none where the axis does not apply.
    pub(crate) fn axis(&self, name: &str) -> Option<&AxisValue> {
        self.axes.iter().find(|(axis, _)| *axis == name)?.1.as_ref()
    }
}
