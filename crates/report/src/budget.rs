//! The search that each learning rule was given. A rule that was tuned longer than another has an advantage.

use std::collections::HashSet;

use crate::study::{End, Row};

/// The trials of a learning rule that were trained.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Budget<'a> {
    /// The name of the rule in papers: `DFA`.
    pub(crate) rule: &'a str,
    pub(crate) configurations: usize,
    pub(crate) trials: usize,
    /// The epochs of all trials.
    pub(crate) epochs: u64,
    /// The training time of all trials, in seconds.
    pub(crate) seconds: f64,
}

/// Returns the budget of each learning rule, in the order of their first rows. A configuration counts also if it diverged; a trial
/// that two rows share counts once.
pub(crate) fn budgets(rows: &[Row]) -> Vec<Budget<'_>> {
    let mut budgets: Vec<Budget<'_>> = Vec::new();
    let mut seen = HashSet::new();
    for row in rows {
        let rule = row.configuration.rule.as_str();
        let index = budgets.iter().position(|budget| budget.rule == rule).unwrap_or_else(|| {
            budgets.push(Budget { rule, configurations: 0, trials: 0, epochs: 0, seconds: 0.0 });
            budgets.len() - 1
        });
        let budget = &mut budgets[index];
        budget.configurations += 1;
        let trained = row.trials.iter().filter(|trial| !matches!(trial.end, End::Missing | End::Failed(_)));
        for trial in trained.filter(|trial| seen.insert(&trial.key)) {
            budget.trials += 1;
            budget.epochs += u64::from(trial.epochs);
            budget.seconds += trial.seconds.unwrap_or(0.0);
        }
    }
    budgets
}

/// Returns a sentence if the rules of `rows` were tuned over different numbers of configurations.
pub fn unequal_budgets(rows: &[Row]) -> Option<String> {
    let budgets = budgets(rows);
    let counts = || budgets.iter().map(|budget| budget.configurations);
    let (most, least) = (counts().max()?, counts().min()?);
    if most == least {
        return None;
    }
    let each: Vec<String> =
        budgets.iter().map(|budget| format!("{} {}", budget.rule, budget.configurations)).collect();
    Some(format!(
        "The rules were tuned over different numbers of configurations, which favors those with more: {}.",
        each.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::{Configuration, Trial};

    fn row(rule: &str, keys: &[&str]) -> Row {
        let trial = |key: &&str| Trial {
            end: End::Finished,
            epochs: 10,
            seconds: Some(2.0),
            key: (*key).into(),
            ..Trial::default()
        };
        Row {
            configuration: Configuration { rule: rule.into(), ..Configuration::default() },
            trials: keys.iter().map(trial).chain([Trial::default()]).collect(),
            ..Row::default()
        }
    }

    #[test]
    fn different_numbers_of_configurations_are_told() {
        assert_eq!(unequal_budgets(&[]), None);
        assert_eq!(unequal_budgets(&[row("DFA", &["a"]), row("BP", &["b"])]), None);
        let rows = [row("DFA", &["a"]), row("BP", &["b"]), row("DFA", &["c"])];
        let sentence = unequal_budgets(&rows).expect("2 and 1");
        assert!(sentence.ends_with("which favors those with more: DFA 2, BP 1."), "{sentence}");
    }

    #[test]
    fn trained_trials_are_summed_up_once_each() {
        let rows = [row("DFA", &["a", "b"]), row("DFA", &["b", "c"])];
        let [dfa] = &budgets(&rows)[..] else { panic!("one rule") };
        assert_eq!((dfa.configurations, dfa.trials, dfa.epochs, dfa.seconds), (2, 3, 30, 6.0));
    }
}
