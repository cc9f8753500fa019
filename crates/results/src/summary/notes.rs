//! Notes under a table that warn of selection on the reported data.

use data::Source;
use settings::Split;
use spec::{EpochRule, Summarize, Train};

/// Returns a sentence for each way in which the table may look better than fresh data would.
/// `with_validation_part` are the sources whose files have a validation part.
pub(super) fn notes(summarize: &Summarize, with_validation_part: &[&Source]) -> Vec<String> {
    let facts = Facts { with_validation_part };
    let mut notes = Vec::new();
    let (reported, ranking) = (summarize.metric.split(), summarize.ranking_metric().split());
    let without_holdout = summarize.trains().any(|train| facts.validates_on_test(train));
    if ranking == Some(Split::Test) {
        notes.push(
            "This table is ranked by test data. Rank by a validation metric instead: that table also has a test column."
                .to_owned(),
        );
    }
    if without_holdout && ranking == Some(Split::Validation) {
        notes.push(
            "The dataset has no holdout: `validation` is the test split, so ranking by it selects on test data."
                .to_owned(),
        );
    } else if without_holdout && epoch_split(summarize) == Some(Split::Validation) {
        notes.push("The dataset has no holdout: the epoch of each trial was chosen on test data.".to_owned());
    } else if summarize.trains().any(|train| facts.stops_on_test(train)) {
        notes.push(
            "The dataset has no holdout: early stopping by a `validation` metric selects on test data."
                .to_owned(),
        );
    }
    let chosen_on_test = summarize.trains().find_map(|train| facts.chosen_on_test(train));
    if let Some(chooser) = chosen_on_test {
        notes.push(format!("`{chooser}` chose these configurations on test data."));
    }
    if !without_holdout && ranking == reported && reported == Some(Split::Validation) {
        let test = if chosen_on_test.is_none() { " The test column is not used for selection." } else { "" };
        notes.push(format!(
            "The table selects on the split that it reports, so the winner's value is slightly too good.{test}"
        ));
    }
    if epoch_split(summarize).is_some_and(|split| Some(split) == reported) {
        notes.push("The best epoch of each trial was chosen on the reported split.".to_owned());
    }
    notes
}

/// Returns the split that chooses the epoch of a trial, unless the file fixes the epoch or the epochs.
fn epoch_split(summarize: &Summarize) -> Option<Split> {
    match &summarize.epoch {
        EpochRule::Best => summarize.ranking_metric().split(),
        EpochRule::BestBy(metric) => metric.split(),
        EpochRule::Final | EpochRule::At { .. } | EpochRule::MeanOfLast(_) => None,
    }
}

struct Facts<'a> {
    with_validation_part: &'a [&'a Source],
}

impl Facts<'_> {
    fn validates_on_test(&self, train: &Train) -> bool {
        let settings = &train.dataset.settings;
        settings.holdout == 0.0 && !self.with_validation_part.contains(&&settings.source)
    }

    /// Whether early stopping ends trials of `train` by test images.
    fn stops_on_test(&self, train: &Train) -> bool {
        let stops_by = train.early_stopping.as_ref().and_then(|rule| rule.metric.split());
        self.validates_on_test(train) && stops_by == Some(Split::Validation)
    }

    /// Returns the summary that chose the configurations of `train`, or an earlier one that chose its candidates, if it used
    /// test images.
    fn chosen_on_test<'t>(&self, train: &'t Train) -> Option<&'t str> {
        let chooser = train.grid.points.chosen_by()?;
        let is_test = |split: Option<Split>| match split {
            Some(Split::Test) => true,
            Some(Split::Validation) => chooser.trains().any(|train| self.validates_on_test(train)),
            Some(Split::Train) | None => false,
        };
        if is_test(chooser.ranking_metric().split())
            || is_test(epoch_split(chooser))
            || chooser.trains().any(|train| self.stops_on_test(train))
        {
            return Some(&chooser.name);
        }
        chooser.trains().find_map(|train| self.chosen_on_test(train))
    }
}
