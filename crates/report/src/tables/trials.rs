//! What `trials.csv` holds: a row for each configuration and seed.

use super::column::{Column, Table};
use crate::study::{End, Row, Study, Trial};

/// A trial, and the configuration it belongs to.
type Cell<'study> = (&'study Row, &'study Trial);

pub(super) fn trials(study: &Study) -> Table<'_, impl Iterator<Item = Cell<'_>> + Clone> {
    let rows = study.rows.iter().flat_map(|row| row.trials.iter().map(move |trial| (row, trial)));
    let columns = vec![
        Column::text("stage", |(row, _): &Cell| Some(&row.stage)),
        Column::text("configuration", |(row, _): &Cell| Some(&row.configuration.slug)),
        Column::count("seed", |(_, trial): &Cell| Some(trial.seed)),
        Column::text("outcome", |(_, trial): &Cell| Some(outcome(&trial.end))),
        Column::count("epochs", |(_, trial): &Cell| trial.epochs_trained().map(u64::from)),
        Column::count("epoch", |(_, trial): &Cell| trial.epoch.map(u64::from)),
        Column::number("value", |(_, trial): &Cell| trial.value),
        Column::number("ranked_by", |(_, trial): &Cell| trial.ranked_by),
        Column::number("test", |(_, trial): &Cell| trial.test),
        Column::number("seconds", |(_, trial): &Cell| trial.seconds),
        Column::text("key", |(_, trial): &Cell| Some(&trial.key)),
        Column::text("reason", |(_, trial): &Cell| reason(&trial.end)),
    ];
    Table { columns, rows }
}

fn outcome(end: &End) -> &'static str {
    match end {
        End::Missing => "missing",
        End::Failed(_) => "failed",
        End::Finished => "finished",
        End::Stopped => "stopped",
        End::Diverged(_) => "diverged",
    }
}

fn reason(end: &End) -> Option<&str> {
    match end {
        End::Failed(reason) | End::Diverged(reason) => Some(reason),
        End::Missing | End::Finished | End::Stopped => None,
    }
}
