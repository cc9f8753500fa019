//! The winners of a summary, for the next grid and for programs.

use serde::Serialize;
use settings::Configuration;
use tuner::ranking;

use super::candidate::Candidate;
use spec::Summarize;

/// The best configuration of a group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Winner {
    /// What it is the best of: `dfa`.
    pub best_of: String,
    /// Name of its train stage.
    pub stage: String,
    /// The mean over its seeds of what ranks.
    pub mean: f64,
    /// The configuration.
    pub configuration: Configuration,
    /// Its seeds, in the order of the file.
    pub seeds: Vec<u64>,
}

/// The winners, the best of them first.
pub(super) fn of(summarize: &Summarize, candidates: &[Candidate<'_>]) -> Vec<Winner> {
    let values: Vec<ranking::Values> = candidates.iter().map(Candidate::ranking_values).collect();
    let order = ranking::order(&values);
    let configurations: Vec<&Configuration> =
        candidates.iter().map(|candidate| candidate.configuration).collect();
    let best = ranking::best_of(&configurations, &values, &order, &summarize.best_per);
    let winner = |&position: &usize| {
        let candidate = &candidates[position];
        Some(Winner {
            best_of: best[position].clone()?,
            stage: candidate.stage.to_owned(),
            mean: ranking::complete_mean(&values[position])?,
            configuration: candidate.configuration.clone(),
            seeds: candidate.trials.iter().map(|tried| tried.planned.trial.seed).collect(),
        })
    };
    order.iter().filter_map(winner).collect()
}

/// As a file.
pub(super) fn to_ron(winners: &[Winner]) -> String {
    let form = ron::ser::PrettyConfig::default().new_line("\n").depth_limit(3);
    ron::ser::to_string_pretty(winners, form).expect("names and numbers are RON") + "\n"
}
