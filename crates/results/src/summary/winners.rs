//! The winners of a summary, for the next grid and for programs.

use serde::Serialize;
use settings::Configuration;
use tuner::ranking::Ranking;

use super::candidate::Candidate;
use crate::trial::PlannedTrial;

/// A configuration that is among the best of its group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Winner {
    /// The group of the configuration: `dfa`.
    pub best_of: String,
    /// Name of the dataset's stage.
    pub dataset: String,
    /// Name of the train stage, or names joined by `+` if several have its trials.
    pub stage: String,
    /// The mean of the ranking metric over the seeds.
    pub mean: f64,
    pub configuration: Configuration,
    /// The seeds in the order of the file.
    pub seeds: Vec<u64>,
}

/// Returns the winners with their trials, the best of each dataset first.
pub(super) fn of<'a>(
    candidates: &[Candidate<'a>],
    ranking: &Ranking,
) -> Vec<(Winner, Vec<&'a PlannedTrial>)> {
    let mut winners = Vec::new();
    for &index in &ranking.order {
        let candidate = &candidates[index];
        if let (Some(best_of), Some(mean)) = (&ranking.best_of[index], ranking.means[index]) {
            let winner = Winner {
                best_of: best_of.clone(),
                dataset: candidate.dataset().to_owned(),
                stage: candidate.stages(),
                mean,
                configuration: candidate.configuration.clone(),
                seeds: candidate.trials.iter().map(|trial| trial.planned.trial.seed).collect(),
            };
            winners.push((winner, candidate.trials.iter().map(|trial| trial.planned).collect()));
        }
    }
    winners
}

pub(super) fn to_ron(winners: &[&Winner]) -> String {
    let form = ron::ser::PrettyConfig::default().new_line("\n").depth_limit(3);
    ron::ser::to_string_pretty(winners, form).expect("names and numbers are RON") + "\n"
}
