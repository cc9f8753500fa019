//! The rows of TensorBoard's HPARAMS tab: a run for each ranked configuration, with the numbers of the table.

use std::{path::Path, time::SystemTime};

use history::{Event, EventFile, hparams};
use settings::{Configuration, Metric};
use spec::{Summarize, Train};
use store::Work;

use super::candidate::{Candidate, test_metric};
use crate::{
    error::Error,
    hyperparameters::{self, group},
};

/// The folder of the runs within a summary.
const FOLDER: &str = "hparams";

/// Writes an event file for each of the `candidates` whose seeds all have a value. It holds the mean of each quantity of the table.
pub(super) fn write(summarize: &Summarize, candidates: &[Candidate<'_>], work: &Work) -> Result<(), Error> {
    for candidate in candidates {
        if let Some(values) = means(summarize, candidate) {
            let slug = candidate.configuration.slug();
            let folder = work.path().join(FOLDER).join(candidate.stages()).join(slug);
            let written = write_run(summarize, candidate, &values, &folder);
            written.map_err(|source| Error::History { path: folder, source })?;
        }
    }
    Ok(())
}

fn write_run(
    summarize: &Summarize,
    candidate: &Candidate<'_>,
    values: &[(Metric, f64)],
    folder: &Path,
) -> Result<(), history::Error> {
    let now = SystemTime::now();
    let Candidate { train, configuration, .. } = candidate;
    let epoch = candidate.trials.iter().filter_map(|trial| Some(trial.done.as_ref()?.0.epochs)).max();
    let epoch = epoch.unwrap_or_default().max(1);
    // Two summaries of one pipeline are different rows.
    let group = format!("{}: {}", summarize.name, group(train, configuration));
    let mut events = EventFile::create(folder, epoch, now)?;
    events.append(&hparams::session_start(&group, &hyperparameters(summarize, train, configuration), now))?;
    events.append(&Event::scalars(epoch, now, values))?;
    events.append(&hparams::session_end(true, now))?;
    events.finish()
}

/// Returns the columns of a configuration, and the name of its summary.
pub(crate) fn hyperparameters(
    summarize: &Summarize,
    train: &Train,
    configuration: &Configuration,
) -> Vec<(String, hparams::Value)> {
    let mut hyperparameters = hyperparameters::hyperparameters(train, configuration);
    hyperparameters.push(("summary".to_owned(), hparams::Value::Text(summarize.name.clone())));
    hyperparameters
}

/// Returns the metrics of the table: the reported one, the ranking one, and that of the test split.
pub(crate) fn metrics(summarize: &Summarize) -> Vec<Metric> {
    let mut metrics = vec![summarize.metric.clone()];
    let others = [Some(summarize.ranking_metric().clone()), test_metric(summarize)];
    for metric in others.into_iter().flatten() {
        if !metrics.contains(&metric) {
            metrics.push(metric);
        }
    }
    metrics
}

/// Returns the mean of each metric over all seeds, or none if a seed has no value.
fn means(summarize: &Summarize, candidate: &Candidate<'_>) -> Option<Vec<(Metric, f64)>> {
    let trials = &candidate.trials;
    let mean = |values: Vec<Option<f64>>| tuner::ranking::complete_mean(&values);
    let reported = mean(trials.iter().map(|trial| trial.value).collect())?;
    let mut means = vec![(summarize.metric.clone(), reported)];
    let ranked_by = mean(trials.iter().map(|trial| trial.ranked_by).collect());
    let test = mean(trials.iter().map(|trial| trial.test).collect());
    for (metric, value) in
        [(Some(summarize.ranking_metric().clone()), ranked_by), (test_metric(summarize), test)]
    {
        if let (Some(metric), Some(value)) = (metric, value)
            && means.iter().all(|(known, _)| *known != metric)
        {
            means.push((metric, value));
        }
    }
    Some(means)
}
