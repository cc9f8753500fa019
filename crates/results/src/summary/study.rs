//! The content of a summary's tables and report.

use std::collections::{BTreeMap, BTreeSet};

use history::History;
use report::{
    AxisValue, Criterion, End, Images, Picture, Provenance, Row, Series, Setting, Study, Versus,
    unequal_budgets,
};
use settings::{Axis, AxisPoint, Configuration, Metric};
use spec::{Asked, EpochRule, Summarize, Train};
use statistics::{Comparison, compare, describe, holm};
use store::Store;
use tuner::{Outcome, ranking};

use super::{
    candidate::{Candidate, Measured, Ranked, test_metric},
    expectations,
    notes::notes,
    trials::Searched,
};
use crate::{
    dataset_artifact::Stated,
    error::Error,
    hyperparameters,
    trial::{self, DATASET, PlannedTrial, TRIAL, TrialResult},
};

pub(super) fn of(
    summarize: &Summarize,
    ranked: &Ranked<'_>,
    searched: &[Searched<'_>],
    asked: Asked<'_>,
    store: &Store,
) -> Result<Study, Error> {
    let Ranked { candidates, ranking, left_out } = ranked;
    let ordered: Vec<&Candidate<'_>> = ranking.order.iter().map(|&index| &candidates[index]).collect();
    let mut rows = Vec::new();
    for of_dataset in
        ranking.order.chunk_by(|&one, &other| candidates[one].dataset() == candidates[other].dataset())
    {
        let baselines: Vec<Option<usize>> =
            of_dataset.iter().map(|&index| baseline(summarize, candidates, of_dataset, index)).collect();
        let comparisons = comparisons(candidates, of_dataset, &baselines);
        for (((rank, &index), baseline), versus) in (1..).zip(of_dataset).zip(baselines).zip(comparisons) {
            rows.push(Row {
                rank: ranking.means[index].is_some().then_some(rank),
                best_of: ranking.best_of[index].clone(),
                is_baseline: baseline == Some(index),
                versus,
                ..row(summarize, &candidates[index], store)?
            });
        }
    }
    let (mut stated_of_trains, mut with_validation_part) = (Vec::new(), Vec::new());
    let mut other_images: Vec<(&str, String)> = Vec::new();
    for train in &summarize.of {
        let stated = stated(train, candidates, store)?;
        if stated.as_ref().is_some_and(Stated::has_validation_part) {
            with_validation_part.push(&train.dataset.settings.source);
        }
        let examples = stated.as_ref().map(Stated::training_examples);
        let other = stated.as_ref().and_then(|stated| stated.other_images.clone());
        other_images.extend(other.map(|reason| (train.dataset.name.as_str(), reason)));
        stated_of_trains.push((train.dataset.name.as_str(), stated));
        for (row, candidate) in rows.iter_mut().zip(&ordered).filter(|(_, candidate)| candidate.is_of(train))
        {
            let batch_size = train.training.batch_size_of(candidate.configuration);
            row.steps_per_epoch = examples.map(|examples| examples / u64::from(batch_size));
        }
    }
    let search =
        searched.iter().map(|searched| search_row(searched, store)).collect::<Result<Vec<_>, _>>()?;
    let notes = notes(summarize, &with_validation_part).into_iter();
    let notes =
        notes.chain(budget_note(summarize, *left_out)).chain(unequal_budgets(&rows, &search)).collect();
    let epoch = epoch_in_words(summarize);
    // Only the files decide whether a source with a validation part has a test split.
    let has_holdout = summarize.trains().all(|train| train.dataset.settings.holdout > 0.0);
    let has_test = has_holdout || rows.iter().any(|row| row.test.is_some());
    Ok(Study {
        pipeline: asked.pipeline.to_owned(),
        stage: summarize.name.clone(),
        settings: settings(summarize, candidates),
        images: images(&stated_of_trains),
        ranked_by: summarize
            .rank_by
            .as_ref()
            .map(|metric| Criterion { metric: metric.to_string(), epoch: epoch.clone() }),
        reported: Criterion { metric: summarize.metric.to_string(), epoch },
        test_metric: test_metric(summarize).filter(|_| has_test).map(|metric| metric.to_string()),
        halved_by: summarize.of.iter().find_map(|train| {
            let (chooser, _) = train.goes_on_from(train.rungs.last()?)?;
            Some(chooser.metric.to_string())
        }),
        pivot: summarize.pivot.map(Axis::name),
        compared_within: summarize.compare_within.iter().map(|axis| axis.name()).collect(),
        notes,
        expectations: summarize
            .expect
            .iter()
            .map(|expected| expectations::compared(expected, &ordered, &other_images))
            .collect(),
        publications: summarize.publications.iter().map(expectations::in_words).collect(),
        pictures: pictures(&rows, &ordered)?,
        rows,
        search,
        provenance: provenance(summarize, candidates, asked),
    })
}

/// Returns the configuration that the one at `index` is compared with: the first in the `order` of its dataset that the baseline trains and
/// that has the same values on the axes of `compare_within`, as far as both have one.
fn baseline(
    summarize: &Summarize,
    candidates: &[Candidate<'_>],
    order: &[usize],
    index: usize,
) -> Option<usize> {
    let rule = summarize.baseline?;
    let own = &candidates[index].completed;
    order.iter().copied().find(|&other| {
        let other = &candidates[other].completed;
        let agree = |axis: &Axis| match (axis.of(own), axis.of(other)) {
            (Some(own), Some(other)) => own == other,
            _ => true,
        };
        other.algorithm == rule && summarize.compare_within.iter().all(agree)
    })
}

fn row(summarize: &Summarize, candidate: &Candidate<'_>, store: &Store) -> Result<Row, Error> {
    let mut trials = Vec::new();
    for measured in &candidate.trials {
        trials.push(trial(summarize, measured, store)?);
    }
    Ok(Row {
        stage: candidate.stages(),
        dataset: candidate.dataset().to_owned(),
        group: match summarize.best_per.as_slice() {
            [] => candidate.configuration.algorithm.name().to_owned(),
            axes => ranking::group(&candidate.completed, axes),
        },
        configuration: configuration(candidate),
        rank: None,
        seeds: trials.len(),
        diverged: count(&trials, |end| matches!(end, End::Diverged(_))),
        failed: count(&trials, |end| matches!(end, End::Failed(_))),
        missing: count(&trials, |end| matches!(end, End::Missing)),
        value: describe(&values(&trials, |trial| trial.value)),
        ranked_by: describe(&values(&trials, |trial| trial.ranked_by)),
        test: describe(&values(&trials, |trial| trial.test)),
        versus: None,
        is_baseline: false,
        best_of: None,
        dropped: candidate.dropped.as_ref().map(|dropped| report::Dropped {
            epochs: dropped.epochs,
            place: dropped.place,
            of: dropped.of,
            go_on: dropped.go_on,
        }),
        steps_per_epoch: None,
        trials,
    })
}

/// Returns a configuration of a search with its trials, without values and histories.
fn search_row(searched: &Searched<'_>, store: &Store) -> Result<Row, Error> {
    let Searched { dataset, candidate } = searched;
    let mut trials = Vec::new();
    for Measured { planned, .. } in &candidate.trials {
        let result = planned.result()?;
        trials.push(report::Trial { end: end(planned, result, store), ..trained(planned, result) });
    }
    Ok(Row {
        stage: candidate.stages(),
        dataset: (*dataset).to_owned(),
        configuration: configuration(candidate),
        seeds: trials.len(),
        trials,
        ..Row::default()
    })
}

/// Returns a sentence about the configurations beyond the budget.
fn budget_note(summarize: &Summarize, left_out: usize) -> Option<String> {
    // Configurations of a halving all count.
    let is_cut = summarize.of.iter().any(|train| train.rungs.is_empty());
    let budget = summarize.budget.filter(|_| is_cut)?.get();
    let configurations = if budget == 1 { "configuration" } else { "configurations" };
    let others = match left_out {
        0 => String::new(),
        1 => "; 1 more was trained and is left out".into(),
        count => format!("; {count} more were trained and are left out"),
    };
    Some(format!("Budget: the first {budget} {configurations} of each rule{others}."))
}

fn count(trials: &[report::Trial], has_this_end: fn(&End) -> bool) -> usize {
    trials.iter().filter(|trial| has_this_end(&trial.end)).count()
}

fn values(trials: &[report::Trial], value: fn(&report::Trial) -> Option<f64>) -> Vec<f64> {
    trials.iter().filter_map(value).collect()
}

/// Returns the description of the dataset of `train`, or none if the store does not have the dataset's artifact.
fn stated(train: &Train, candidates: &[Candidate<'_>], store: &Store) -> Result<Option<Stated>, Error> {
    let candidate = candidates.iter().find(|candidate| candidate.is_of(train));
    let Some(trial) = candidate.and_then(|candidate| candidate.trials.first()) else { return Ok(None) };
    let Some(artifact) = store.find(DATASET, &trial.planned.dataset)? else { return Ok(None) };
    Ok(Stated::read(&artifact)?)
}

/// Returns the account of each dataset and its warnings, each dataset once.
fn images(stated: &[(&str, Option<Stated>)]) -> Vec<Images> {
    let is_one = stated.iter().all(|(dataset, _)| *dataset == stated[0].0);
    let mut images: Vec<Images> = Vec::new();
    for (dataset, stated) in stated {
        let Some(Stated { account: Some(account), warnings, .. }) = stated else { continue };
        let account = if is_one { account.to_string() } else { format!("{dataset}: {account}") };
        let of_dataset = Images { account, warnings: warnings.clone() };
        if !images.contains(&of_dataset) {
            images.push(of_dataset);
        }
    }
    images
}

fn trial(summarize: &Summarize, measured: &Measured<'_>, store: &Store) -> Result<report::Trial, Error> {
    let planned = measured.planned;
    let result = measured.done.as_ref().map(|(result, _)| result);
    let mut series = Vec::new();
    if let (Some((_, history)), Some(artifact)) = (&measured.done, &planned.artifact) {
        series = all_series(history);
        if artifact.manifest().file(trial::MACHINE).is_some() {
            series.extend(all_series(&trial::machine(artifact)?));
        }
    }
    Ok(report::Trial {
        end: end(planned, result, store),
        epoch: measured.epoch,
        value: measured.value,
        ranked_by: summarize.rank_by.as_ref().and(measured.ranked_by),
        test: measured.test,
        series,
        ..trained(planned, result)
    })
}

/// Returns the facts of a trial that do not depend on the summary.
fn trained(planned: &PlannedTrial, result: Option<&TrialResult>) -> report::Trial {
    let (training, is_continued) = trial::training(planned, result);
    report::Trial {
        training,
        is_continued,
        seed: planned.trial.seed,
        epochs: result.map_or(0, |result| result.epochs),
        seconds: planned.artifact.as_ref().map(|artifact| artifact.manifest().made.duration_seconds),
        key: planned.key.to_string(),
        ..report::Trial::default()
    }
}

fn end(planned: &PlannedTrial, result: Option<&TrialResult>, store: &Store) -> End {
    match (result, store.failure(TRIAL, &planned.key)) {
        (Some(result), _) => match &result.outcome {
            Outcome::Finished => End::Finished,
            Outcome::Stopped { .. } => End::Stopped,
            Outcome::Diverged { reason, .. } => End::Diverged(reason.clone()),
        },
        (None, Some(reason)) => End::Failed(reason.lines().next().unwrap_or_default().to_owned()),
        (None, None) => End::Missing,
    }
}

/// Returns a series for each metric, in the order of metrics.
fn all_series(history: &History) -> Vec<Series> {
    let mut series: BTreeMap<&Metric, Vec<(u32, f64)>> = BTreeMap::new();
    for epoch in history.epochs() {
        for (metric, value) in &epoch.values {
            series.entry(metric).or_default().push((epoch.epoch, *value));
        }
    }
    series.into_iter().map(|(metric, points)| Series { metric: metric.to_string(), points }).collect()
}

fn configuration(candidate: &Candidate<'_>) -> report::Configuration {
    let Candidate { configuration, completed, .. } = candidate;
    let mut axes = Vec::new();
    for axis in Axis::ALL {
        let value = axis.of(completed).map(|point| match point {
            AxisPoint::Number(number) => AxisValue::Number(number),
            text => AxisValue::Text(text.to_string()),
        });
        axes.push((axis.name(), value));
    }
    report::Configuration {
        slug: configuration.slug(),
        label: configuration.to_string(),
        algorithm: configuration.algorithm.name().to_owned(),
        rule: configuration.algorithm.title().to_owned(),
        axes,
    }
}

/// Compares every configuration with its baseline over their common seeds, in the order of a table.
fn comparisons(
    candidates: &[Candidate<'_>],
    order: &[usize],
    baselines: &[Option<usize>],
) -> Vec<Option<Versus>> {
    let mut comparisons: Vec<Option<Comparison>> = Vec::new();
    for (&index, baseline) in order.iter().zip(baselines) {
        let baseline = baseline.filter(|&baseline| baseline != index);
        comparisons
            .push(baseline.and_then(|baseline| compare_pairs(&candidates[index], &candidates[baseline])));
    }
    let p: Vec<Option<f64>> =
        comparisons.iter().map(|comparison| comparison.and_then(|comparison| comparison.t_test)).collect();
    let corrected = comparisons.into_iter().zip(holm(&p));
    corrected
        .map(|(comparison, corrected)| comparison.map(|comparison| Versus { comparison, corrected }))
        .collect()
}

/// Compares two configurations, unless one of them lacks a seed: a comparison over the other seeds would be biased.
fn compare_pairs(candidate: &Candidate<'_>, baseline: &Candidate<'_>) -> Option<Comparison> {
    let all = [candidate, baseline];
    if all.iter().any(|one| one.trials.is_empty() || one.trials.iter().any(|trial| trial.value.is_none())) {
        return None;
    }
    let mut pairs = Vec::new();
    for trial in &candidate.trials {
        let seed = trial.planned.trial.seed;
        let same_seed = baseline.trials.iter().find(|other| other.planned.trial.seed == seed);
        pairs.extend(trial.value.zip(same_seed.and_then(|other| other.value)));
    }
    compare(&pairs)
}

fn epoch_in_words(summarize: &Summarize) -> String {
    match (&summarize.epoch, &summarize.rank_by) {
        (EpochRule::Final, _) => "last epoch".into(),
        (EpochRule::Best, None) => "best epoch".into(),
        (EpochRule::Best, Some(metric)) | (EpochRule::BestBy(metric), _) => format!("best epoch by {metric}"),
        (EpochRule::At { epoch }, _) => format!("epoch {epoch}"),
        (EpochRule::MeanOfLast(1), _) => "last epoch".into(),
        (EpochRule::MeanOfLast(epochs), _) => format!("mean of the last {epochs} epochs"),
    }
}

/// Returns the settings of the trials in words, with a line for each train stage where stages differ. A setting without words is left out.
fn settings(summarize: &Summarize, candidates: &[Candidate<'_>]) -> Vec<Setting> {
    let of_stages: Vec<[(&str, String); 10]> =
        summarize.of.iter().map(|train| settings_of(train, candidates)).collect();
    let mut settings = Vec::new();
    for index in 0..10 {
        let (name, first) = &of_stages[0][index];
        if of_stages.iter().all(|stage| stage[index].1 == *first) {
            if !first.is_empty() {
                settings.push(Setting { name: (*name).into(), value: first.clone() });
            }
            continue;
        }
        for (train, stage) in
            summarize.of.iter().zip(&of_stages).filter(|(_, stage)| !stage[index].1.is_empty())
        {
            settings
                .push(Setting { name: format!("{name} ({})", train.name), value: stage[index].1.clone() });
        }
    }
    settings
}

/// Returns the rungs of a stage in words; nothing without halving.
fn halving_in_words(train: &Train) -> String {
    let Some((chooser, best)) = train.rungs.last().and_then(|rung| train.goes_on_from(rung)) else {
        return String::new();
    };
    let epochs: Vec<String> = train.rungs.iter().map(|rung| rung.training.epochs.to_string()).collect();
    format!("{best} of each group goes on after {} epochs, by {}", epochs.join(", "), chooser.metric)
}

fn settings_of(train: &Train, candidates: &[Candidate<'_>]) -> [(&'static str, String); 10] {
    let training = &train.training;
    let epochs = match &train.early_stopping {
        None => training.epochs.to_string(),
        Some(_) => {
            let rule = hyperparameters::early_stopping(train);
            format!("at most {}, early stopping by {rule}", training.epochs)
        }
    };
    let of_stage = candidates.iter().filter(|candidate| candidate.is_of(train));
    let configurations: Vec<&Configuration> = of_stage.map(|candidate| candidate.configuration).collect();
    let optimizers: BTreeSet<String> =
        configurations.iter().map(|configuration| configuration.optimizer.name()).collect();
    let optimizers: Vec<String> = optimizers.into_iter().collect();
    let batch_sizes: BTreeSet<u32> =
        configurations.iter().map(|configuration| training.batch_size_of(configuration)).collect();
    let batch_sizes: Vec<String> = batch_sizes.iter().map(u32::to_string).collect();
    let seeds: Vec<String> = train.seeds.iter().map(u64::to_string).collect();
    let trackers: Vec<&str> = training.trackers.iter().map(|tracker| tracker.name()).collect();
    [
        ("dataset", hyperparameters::describe(&train.dataset.settings)),
        ("task", training.task.name().into()),
        ("configurations", train.whole().grid.points.origin().unwrap_or_default()),
        ("halving", halving_in_words(train)),
        ("optimizer", optimizers.join(", ")),
        ("matrix products", training.precision.name().into()),
        ("epochs", epochs),
        ("batch size", batch_sizes.join(", ")),
        ("seeds", seeds.join(", ")),
        ("trackers", if trackers.is_empty() { "none".into() } else { trackers.join(", ") }),
    ]
}

/// Returns the last pictures of the first seed of each rule's best configuration.
fn pictures(rows: &[Row], ordered: &[&Candidate<'_>]) -> Result<Vec<Picture>, Error> {
    let mut pictures: Vec<Picture> = Vec::new();
    let mut shown: Vec<&str> = Vec::new();
    for (row, candidate) in rows.iter().zip(ordered) {
        let algorithm = row.configuration.algorithm.as_str();
        if row.rank.is_none() || shown.contains(&algorithm) {
            continue;
        }
        shown.push(algorithm);
        let Some(artifact) = &candidate.trials[0].planned.artifact else { continue };
        // A trial that was resumed has several event files. The latest picture of each tag counts.
        let mut latest: Vec<history::Shown> = Vec::new();
        for file in artifact.manifest().files.iter().filter(|file| file.path.starts_with(trial::EVENT_FILES))
        {
            let path = artifact.path().join(&file.path);
            let bytes = artifact.read(&file.path)?;
            for shown in history::pictures(&bytes).map_err(|source| Error::History { path, source })? {
                latest.retain(|known| known.tag != shown.tag);
                latest.push(shown);
            }
        }
        pictures.extend(latest.into_iter().map(|shown| Picture {
            caption: format!(
                "{} of {}, epoch {}",
                shown.tag.replace(['/', '_'], " "),
                row.configuration.label,
                shown.step
            ),
            algorithm: algorithm.to_owned(),
            png: shown.png,
        }));
    }
    Ok(pictures)
}

fn provenance(summarize: &Summarize, candidates: &[Candidate<'_>], asked: Asked<'_>) -> Provenance {
    let (mut builds, mut machines) = (Vec::new(), Vec::new());
    let trials = candidates.iter().flat_map(|candidate| &candidate.trials);
    for artifact in trials.filter_map(|trial| trial.planned.artifact.as_ref()) {
        let made = &artifact.manifest().made;
        let machine =
            format!("{}: {}, {}, {}", made.host, made.device, made.processor, made.operating_system);
        builds.push(made.build.clone());
        machines.push(machine);
    }
    for list in [&mut builds, &mut machines] {
        list.sort_unstable();
        list.dedup();
    }
    let mut datasets: Vec<Setting> = Vec::new();
    for candidate in candidates {
        let Some(trial) = candidate.trials.first() else { continue };
        if datasets.iter().all(|known| known.name != candidate.dataset()) {
            let value = trial.planned.dataset.to_string();
            datasets.push(Setting { name: candidate.dataset().to_owned(), value });
        }
    }
    let mut seeds: Vec<u64> = summarize.trains().flat_map(|train| train.seeds.iter().copied()).collect();
    seeds.sort_unstable();
    seeds.dedup();
    Provenance {
        command: format!("cargo xtask run {}", asked.file),
        text: asked.text.to_owned(),
        builds,
        datasets,
        machines,
        seeds,
    }
}
