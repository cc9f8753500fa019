//! What a reader of a table has to know before believing it.

use tracker::Split;

use crate::stages::{EpochRule, Summarize};

/// A sentence for each doubt.
pub(super) fn notes(summarize: &Summarize) -> Vec<String> {
    let mut notes = Vec::new();
    let (reported, ranking) = (summarize.metric.split(), summarize.ranking_metric().split());
    let without_holdout = summarize.of.iter().any(|train| train.dataset.holdout == 0.0);
    let chooses_by = |split: Split| {
        summarize
            .of
            .iter()
            .any(|train| train.early_stopping.as_ref().is_some_and(|rule| rule.metric.split() == Some(split)))
    };
    if ranking == Some(Split::Test) {
        notes.push(
            "This table is ranked by test data. Choose by a validation metric: its table has a test column beside it."
                .to_owned(),
        );
    }
    if without_holdout && ranking == Some(Split::Validation) {
        notes.push(
            "The dataset has no holdout: `validation` is the official test split, and ranking by it selects on test data."
                .to_owned(),
        );
    } else if without_holdout && chooses_by(Split::Validation) {
        notes.push(
            "The dataset has no holdout: early stopping by `validation` selects on test data.".to_owned(),
        );
    } else if ranking == reported && reported == Some(Split::Validation) {
        notes.push(
            "The table selects on the split that it reports on: the winner's value is a little too good. The test column is not \
             selected on."
                .to_owned(),
        );
    }
    match &summarize.epoch {
        EpochRule::Best if summarize.rank_by.is_none() => {
            notes.push("The best epoch of each trial was chosen by the metric that is reported.".to_owned());
        }
        EpochRule::BestBy(metric) if *metric == summarize.metric => {
            notes.push("The best epoch of each trial was chosen by the metric that is reported.".to_owned());
        }
        _ => {}
    }
    notes
}
