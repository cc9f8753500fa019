//! From trials to what a report is told.

use std::collections::BTreeMap;

use history::History;
use report::{
    AxisValue, Criterion, End, Expectation, Picture, Provenance, Row, Series, Setting, Study, Verdict, Versus,
};
use serde::Deserialize;
use settings::{Axis, AxisPoint, Configuration, Metric, Task};
use statistics::{Comparison, compare, describe, holm};
use tuner::{Outcome, ranking};

use super::{
    candidate::{Candidate, Tried, test_metric},
    notes::notes,
};
use crate::{
    Error, board, dataset_artifact, hyperparameters,
    trial::{self, DATASET, TRIAL},
};
use spec::{Asked, EpochRule, Summarize, Train};
use store::Store;

/// Everything that the files of the summary say.
///
/// # Errors
/// If a trial's files cannot be read.
pub(super) fn of(
    summarize: &Summarize,
    candidates: &[Candidate<'_>],
    asked: Asked<'_>,
    store: &Store,
) -> Result<Study, Error> {
    let values: Vec<ranking::Values> = candidates.iter().map(Candidate::ranking_values).collect();
    let order = ranking::order(&values);
    let configurations: Vec<&Configuration> =
        candidates.iter().map(|candidate| candidate.configuration).collect();
    let best = ranking::best_of(&configurations, &values, &order, &summarize.best_per);
    let baseline = summarize.baseline.and_then(|baseline| {
        order.iter().copied().find(|&position| configurations[position].algorithm == baseline)
    });
    let comparisons = comparisons(candidates, &order, baseline);
    let mut rows = Vec::new();
    for ((rank, &position), versus) in (1..).zip(&order).zip(comparisons) {
        let is_complete = ranking::complete_mean(&values[position]).is_some();
        let mut row = row(summarize, &candidates[position], store)?;
        row.rank = is_complete.then_some(rank);
        row.best_of.clone_from(&best[position]);
        row.is_baseline = baseline == Some(position);
        row.versus = versus;
        rows.push(row);
    }
    for train in &summarize.of {
        let steps = steps_per_epoch(train, candidates, store)?;
        rows.iter_mut().filter(|row| row.stage == train.name).for_each(|row| row.steps_per_epoch = steps);
    }
    let epoch = epoch_in_words(summarize);
    Ok(Study {
        pipeline: asked.pipeline.to_owned(),
        stage: summarize.name.clone(),
        settings: settings(summarize),
        ranked_by: summarize
            .rank_by
            .as_ref()
            .map(|metric| Criterion { metric: metric.to_string(), epoch: epoch.clone() }),
        reported: Criterion { metric: summarize.metric.to_string(), epoch },
        test_metric: test_metric(summarize).map(|metric| metric.to_string()),
        notes: notes(summarize),
        expectations: expectations(summarize, candidates, &order),
        pictures: pictures(&rows, &order, candidates)?,
        rows,
        provenance: provenance(summarize, candidates, asked),
    })
}

fn row(summarize: &Summarize, candidate: &Candidate<'_>, store: &Store) -> Result<Row, Error> {
    let of_trials = |value: fn(&Tried<'_>) -> Option<f64>| {
        describe(&candidate.trials.iter().filter_map(value).collect::<Vec<f64>>())
    };
    let mut trials = Vec::new();
    for tried in &candidate.trials {
        trials.push(report::Trial {
            ranked_by: summarize.rank_by.as_ref().and(tried.ranked_by),
            ..trial(tried, store)?
        });
    }
    let count = |is_meant: fn(&End) -> bool| trials.iter().filter(|trial| is_meant(&trial.end)).count();
    Ok(Row {
        stage: candidate.stage.to_owned(),
        configuration: configuration(candidate.configuration),
        rank: None,
        seeds: trials.len(),
        diverged: count(|end| matches!(end, End::Diverged(_))),
        failed: count(|end| matches!(end, End::Failed(_))),
        missing: count(|end| matches!(end, End::Missing)),
        value: of_trials(|tried| tried.value.map(|(_, value)| value)),
        ranked_by: summarize.rank_by.as_ref().and_then(|_| of_trials(|tried| tried.ranked_by)),
        test: of_trials(|tried| tried.test),
        versus: None,
        is_baseline: false,
        best_of: None,
        steps_per_epoch: None,
        trials,
    })
}

/// Returns the number of mini-batches of an epoch, or none if the store does not have the dataset's artifact.
fn steps_per_epoch(train: &Train, candidates: &[Candidate<'_>], store: &Store) -> Result<Option<u64>, Error> {
    #[derive(Deserialize)]
    struct KeyLayout {
        inputs: BTreeMap<String, String>,
    }
    let dataset = candidates
        .iter()
        .filter(|candidate| candidate.stage == train.name)
        .flat_map(|candidate| &candidate.trials)
        .find_map(|tried| {
            let layout: KeyLayout = ron::from_str(tried.planned.key_text.as_str()).ok()?;
            layout.inputs.get(DATASET)?.parse().ok()
        });
    let Some(key) = dataset else { return Ok(None) };
    let Some(artifact) = store.find(DATASET, &key)? else { return Ok(None) };
    let examples = dataset_artifact::training_examples(&artifact)?;
    Ok(examples.map(|examples| examples / u64::from(train.training.batch_size)))
}

fn trial(tried: &Tried<'_>, store: &Store) -> Result<report::Trial, Error> {
    let planned = tried.planned;
    let end = match (&tried.done, store.failure(TRIAL, &planned.key)) {
        (Some((result, _)), _) => match &result.outcome {
            Outcome::Finished => End::Finished,
            Outcome::Stopped { .. } => End::Stopped,
            Outcome::Diverged { reason, .. } => End::Diverged(reason.clone()),
        },
        (None, Some(reason)) => End::Failed(reason.lines().next().unwrap_or_default().to_owned()),
        (None, None) => End::Missing,
    };
    let mut series = Vec::new();
    if let (Some((_, history)), Some(artifact)) = (&tried.done, &planned.artifact) {
        series = all_series(history);
        if artifact.manifest().file(trial::MACHINE).is_some() {
            series.extend(all_series(&trial::machine(artifact)?));
        }
    }
    Ok(report::Trial {
        seed: planned.trial.seed,
        end,
        epochs: tried.done.as_ref().map_or(0, |(result, _)| result.epochs),
        epoch: tried.value.map(|(epoch, _)| epoch),
        value: tried.value.map(|(_, value)| value),
        ranked_by: None,
        test: tried.test,
        seconds: planned.artifact.as_ref().map(|artifact| artifact.manifest().made.duration_seconds),
        key: planned.key.to_string(),
        series,
    })
}

/// A series for each metric, in the order of metrics.
fn all_series(history: &History) -> Vec<Series> {
    let mut series: BTreeMap<&Metric, Vec<(u32, f64)>> = BTreeMap::new();
    for epoch in history.epochs() {
        for (metric, value) in &epoch.values {
            series.entry(metric).or_default().push((epoch.epoch, *value));
        }
    }
    series.into_iter().map(|(metric, points)| Series { metric: metric.to_string(), points }).collect()
}

fn configuration(configuration: &Configuration) -> report::Configuration {
    let value = |axis: Axis| {
        axis.of(configuration).map(|point| match point {
            AxisPoint::Number(number) => AxisValue::Number(number),
            text => AxisValue::Text(text.to_string()),
        })
    };
    report::Configuration {
        slug: configuration.slug(),
        label: configuration.to_string(),
        algorithm: configuration.algorithm.name().to_owned(),
        axes: Axis::ALL.map(|axis| (axis.name(), value(axis))).into(),
    }
}

/// Every configuration but the baseline against it, over common seeds, in the order of the table.
fn comparisons(
    candidates: &[Candidate<'_>],
    order: &[usize],
    baseline: Option<usize>,
) -> Vec<Option<Versus>> {
    // Over the seeds that survived, neither would be what it is.
    let is_complete = |position: usize| {
        let tried = &candidates[position].trials;
        tried.iter().all(|tried| tried.value.is_some()) && !tried.is_empty()
    };
    let against = |&position: &usize| -> Option<Comparison> {
        let baseline = baseline.filter(|&baseline| baseline != position && is_complete(baseline))?;
        if !is_complete(position) {
            return None;
        }
        let value_of = |candidate: &Candidate<'_>, seed: u64| {
            let tried = candidate.trials.iter().find(|tried| tried.planned.trial.seed == seed)?;
            tried.value.map(|(_, value)| value)
        };
        let pairs: Vec<(f64, f64)> = candidates[position]
            .trials
            .iter()
            .filter_map(|tried| {
                let seed = tried.planned.trial.seed;
                tried.value.map(|(_, value)| value).zip(value_of(&candidates[baseline], seed))
            })
            .collect();
        compare(&pairs)
    };
    let comparisons: Vec<Option<Comparison>> = order.iter().map(against).collect();
    let p: Vec<Option<f64>> =
        comparisons.iter().map(|comparison| comparison.and_then(|comparison| comparison.t_test)).collect();
    let versus = |(comparison, corrected): (Option<Comparison>, Option<f64>)| {
        comparison.map(|comparison| Versus { comparison, corrected })
    };
    comparisons.into_iter().zip(holm(&p)).map(versus).collect()
}

fn expectations(summarize: &Summarize, candidates: &[Candidate<'_>], order: &[usize]) -> Vec<Expectation> {
    let expectation = |expected: &spec::Expectation| {
        let meant: Vec<&Candidate<'_>> = order
            .iter()
            .map(|&position| &candidates[position])
            .filter(|candidate| expected.chosen.contains(candidate.configuration))
            .collect();
        let best = meant.iter().find_map(|candidate| {
            let values: ranking::Values =
                candidate.trials.iter().map(|tried| tried.value.map(|(_, value)| value)).collect();
            ranking::complete_mean(&values)
        });
        // Trials that have all ended and give no mean are no reproduction.
        let mut of_meant = meant.iter().flat_map(|candidate| &candidate.trials);
        let have_ended = !meant.is_empty() && of_meant.all(|tried| tried.done.is_some());
        // Rounding of the published value alone is no failure.
        let is_near = |ours: f64| (ours - expected.value).abs() <= expected.within * (1.0 + 1e-12);
        Expectation {
            of: expected.chosen.to_string(),
            published: expected.value,
            tolerance: expected.within,
            source: expected.source.clone(),
            ours: best,
            verdict: match best {
                None if have_ended => Verdict::Fail,
                None => Verdict::NotRun,
                Some(ours) if is_near(ours) => Verdict::Pass,
                Some(_) => Verdict::Fail,
            },
        }
    };
    summarize.expect.iter().map(expectation).collect()
}

fn epoch_in_words(summarize: &Summarize) -> String {
    match &summarize.epoch {
        EpochRule::Final => "last epoch".into(),
        EpochRule::Best => match &summarize.rank_by {
            Some(metric) => format!("best epoch by {metric}"),
            None => "best epoch".into(),
        },
        EpochRule::BestBy(metric) => format!("best epoch by {metric}"),
        EpochRule::At { epoch } => format!("epoch {epoch}"),
    }
}

/// A name, and what a train stage says of it.
type Item = (&'static str, fn(&Train) -> String);

/// What was done, in words; a line for each train stage where they differ.
fn settings(summarize: &Summarize) -> Vec<Setting> {
    let items: [Item; 9] = [
        ("dataset", |train| hyperparameters::describe(&train.dataset)),
        ("validation", |train| match train.dataset.holdout {
            0.0 => "the official test split".into(),
            share => {
                format!("{share} of the training examples, held out; the test split is reported on its own")
            }
        }),
        ("task", |train| match train.training.task {
            Task::Classification => "classification".into(),
            Task::Reconstruction => "reconstruction".into(),
        }),
        ("optimizer", |_| "Adam with Keras' constants".into()),
        ("products", |train| train.training.precision.name().into()),
        ("epochs", |train| match &train.early_stopping {
            None => train.training.epochs.to_string(),
            Some(_) => {
                format!("at most {}: {}", train.training.epochs, hyperparameters::early_stopping(train))
            }
        }),
        ("batch size", |train| train.training.batch_size.to_string()),
        ("seeds", |train| {
            let seeds: Vec<String> = train.seeds.iter().map(u64::to_string).collect();
            seeds.join(", ")
        }),
        ("trackers", |train| {
            let names: Vec<&str> = train.training.trackers.iter().map(|tracker| tracker.name()).collect();
            if names.is_empty() { "nothing".into() } else { names.join(", ") }
        }),
    ];
    let mut settings = Vec::new();
    for (name, of) in items {
        let values: Vec<String> = summarize.of.iter().map(of).collect();
        if values.iter().all(|value| *value == values[0]) {
            settings.push(Setting { name: name.into(), value: values[0].clone() });
        } else {
            for (train, value) in summarize.of.iter().zip(values) {
                settings.push(Setting { name: format!("{name} ({})", train.name), value });
            }
        }
    }
    settings
}

/// The last pictures of the first seed of each rule's best configuration.
fn pictures(rows: &[Row], order: &[usize], candidates: &[Candidate<'_>]) -> Result<Vec<Picture>, Error> {
    let mut pictures: Vec<Picture> = Vec::new();
    let mut shown: Vec<&str> = Vec::new();
    for (row, &position) in rows.iter().zip(order) {
        let algorithm = row.configuration.algorithm.as_str();
        if row.rank.is_none() || shown.contains(&algorithm) {
            continue;
        }
        shown.push(algorithm);
        let tried = &candidates[position].trials[0];
        let Some(artifact) = &tried.planned.artifact else { continue };
        // A trial that was resumed has several event files: of each tag the latest picture counts.
        let mut latest: Vec<history::Shown> = Vec::new();
        for file in artifact.manifest().files.iter().filter(|file| file.path.starts_with(board::EVENT_FILES))
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
    for artifact in trials.filter_map(|tried| tried.planned.artifact.as_ref()) {
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
    let mut seeds: Vec<u64> = summarize.of.iter().flat_map(|train| train.seeds.iter().copied()).collect();
    seeds.sort_unstable();
    seeds.dedup();
    Provenance {
        command: format!("cargo xtask run {}", asked.file),
        text: asked.text.to_owned(),
        builds,
        machines,
        seeds,
    }
}
