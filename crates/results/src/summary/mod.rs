//! Tables for papers and programs, and a report for people.

mod candidate;
mod expectations;
mod notes;
pub(crate) mod sessions;
mod study;
mod trials;
mod winners;

use std::num::NonZeroU32;

use candidate::Ranked;
use report::{Study, Verdict};
use serde::Serialize;
use settings::{Algorithm, Axis, Metric};
use spec::{Asked, EpochRule, Expectation, Publication, Summarize};
use store::{Artifact, KeyText, Store, Work};
use tuner::ranking::Best;

pub use trials::Trials;
pub use winners::Winner;

use crate::{
    error::Error,
    trial::{EVENT_FILES, PlannedTrial, TRIAL},
};

/// Kind of a summary's artifact.
pub const SUMMARY: &str = "summary";
/// The ranked table, in Markdown.
pub const TABLE: &str = "table.md";
/// The page for people.
pub const REPORT: &str = "report.html";
/// The winners, for programs.
const BEST: &str = "best.ron";
/// The published values that were not reproduced, one per line. The file is absent if there are none.
const MISSED: &str = "missed.txt";
/// Files that contain times and machines, so that equal trials do not give equal files.
pub const VOLATILE: &[&str] = &[REPORT, "trials.csv", EVENT_FILES];
/// Bump it when equal trials give other tables or another report.
const SUMMARY_REVISION: u32 = 11;

/// Returns the key text of the summary of these trials, finished or not.
pub fn key_text(summarize: &Summarize, trials: &Trials<'_>, asked: Asked<'_>, store: &Store) -> KeyText {
    #[derive(Serialize)]
    struct Settings<'a> {
        of: Vec<&'a str>,
        metric: &'a Metric,
        epoch: &'a EpochRule,
        #[serde(skip_serializing_if = "Option::is_none")]
        rank_by: Option<&'a Metric>,
        best_per: &'a [Axis],
        #[serde(skip_serializing_if = "Option::is_none")]
        budget: Option<NonZeroU32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        baseline: Option<&'static str>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        compare_within: &'a [Axis],
        #[serde(skip_serializing_if = "Option::is_none")]
        pivot: Option<Axis>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        expect: &'a [Expectation],
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        publications: &'a [Publication],
        trials: usize,
        finished: usize,
    }
    let own = || trials.stages.iter().copied().flatten();
    let mut hasher = blake3::Hasher::new();
    for trial in own().chain(trials.of_searches()) {
        // A summary depends on the content of each finished trial, and on the reason why another one failed.
        let content = match &trial.artifact {
            Some(done) => done.manifest().content().to_string(),
            None => store.failure(TRIAL, &trial.key).unwrap_or_else(|| "missing".into()),
        };
        hasher.update(format!("{}: {content}\n", trial.key).as_bytes());
    }
    let settings = Settings {
        of: summarize.trains().map(|train| train.name.as_str()).collect(),
        metric: &summarize.metric,
        epoch: &summarize.epoch,
        rank_by: summarize.rank_by.as_ref(),
        best_per: &summarize.best_per,
        budget: summarize.budget,
        baseline: summarize.baseline.map(Algorithm::name),
        compare_within: &summarize.compare_within,
        pivot: summarize.pivot,
        expect: &summarize.expect,
        publications: &summarize.publications,
        trials: own().count(),
        finished: own().filter(|trial| trial.artifact.is_some()).count(),
    };
    // The report prints the file, the command that runs it and the name of the stage.
    let file = blake3::hash(format!("{}\n{}", asked.file, asked.text).as_bytes()).to_hex();
    let inputs: [(&str, &dyn std::fmt::Display); 3] =
        [("trials", &hasher.finalize().to_hex()), ("pipeline", &file), ("stage", &summarize.name)];
    KeyText::new(SUMMARY, SUMMARY_REVISION, &settings, &inputs)
}

/// Returns the winners among the trials and their trials: for each dataset, the `best` of each combination of values on the axes that
/// `summarize` names.
pub fn winners<'a>(
    summarize: &'a Summarize,
    trials: &[&'a [PlannedTrial]],
    best: Best,
) -> Result<Vec<(Winner, Vec<&'a PlannedTrial>)>, Error> {
    let Ranked { candidates, ranking, .. } = candidate::read(summarize, trials, best)?;
    Ok(winners::of(&candidates, &ranking))
}

/// Writes the files of a summary into `work`.
pub fn write(
    summarize: &Summarize,
    trials: &Trials<'_>,
    asked: Asked<'_>,
    store: &Store,
    work: &Work,
) -> Result<(), Error> {
    let ranked = candidate::read(summarize, &trials.stages, Best::ONE)?;
    let study = study::of(summarize, &ranked, &trials.searched, asked, store)?;
    let Ranked { candidates, ranking, .. } = ranked;
    let winners = winners::of(&candidates, &ranking);
    let winners: Vec<&Winner> = winners.iter().map(|(winner, _)| winner).collect();
    let best = winners::to_ron(&winners);
    sessions::write(summarize, &candidates, work)?;
    drop(candidates);
    work.write(TABLE, report::markdown(&study).as_bytes())?;
    work.write("table.tex", report::latex(&study).as_bytes())?;
    if let Some(pivots) = report::latex_pivots(&study) {
        work.write("pivot.tex", pivots.as_bytes())?;
    }
    work.write(BEST, best.as_bytes())?;
    work.write("configurations.csv", report::configurations_csv(&study).as_bytes())?;
    work.write("trials.csv", report::trials_csv(&study).as_bytes())?;
    work.write("history.csv", report::history_csv(&study).as_bytes())?;
    work.write(REPORT, report::page(&study).as_bytes())?;
    let missed = missed(&study);
    if !missed.is_empty() {
        work.write(MISSED, missed.join("\n").as_bytes())?;
    }
    Ok(())
}

fn missed(study: &Study) -> Vec<String> {
    let mut missed = Vec::new();
    for expectation in study.expectations.iter().filter(|expectation| expectation.verdict == Verdict::Fail) {
        let decimals = study.reported.decimals();
        let ours = expectation.ours.map_or(String::new(), |ours| format!(", ours {:.decimals$}", ours.mean));
        missed.push(format!(
            "{}: published {} ({}), allowed distance {:.decimals$}{ours}",
            expectation.of, expectation.published.mean, expectation.source, expectation.tolerance
        ));
    }
    missed
}

/// Returns a line for each published value that the summary in `artifact` did not reproduce.
pub fn missed_by(artifact: &Artifact) -> Result<Vec<String>, Error> {
    if artifact.manifest().file(MISSED).is_none() {
        return Ok(Vec::new());
    }
    let text = String::from_utf8_lossy(&artifact.read(MISSED)?).into_owned();
    Ok(text.lines().map(str::to_owned).collect())
}
