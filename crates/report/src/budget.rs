//! The search that each learning rule was given. A rule that was tuned longer than another has an advantage.

use std::collections::{BTreeMap, HashSet};

use crate::study::{AxisValue, Configuration, End, Row, Trial};

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

/// Returns the budget of each learning rule: of its `rows`, and of the `search` that chose them. The rules come in the order of their first
/// rows. A configuration counts once, also if it diverged or was trained in several stages, and so do a trial and an epoch.
pub(crate) fn budgets<'a>(rows: &'a [Row], search: &'a [Row]) -> Vec<Budget<'a>> {
    let mut budgets: Vec<Budget<'a>> = Vec::new();
    let (mut configurations, mut keys) = (HashSet::new(), HashSet::new());
    let mut trainings: BTreeMap<&str, (usize, Vec<&Trial>)> = BTreeMap::new();
    for row in rows.iter().chain(search) {
        let rule = row.configuration.rule.as_str();
        let index = budgets.iter().position(|budget| budget.rule == rule).unwrap_or_else(|| {
            budgets.push(Budget { rule, configurations: 0, trials: 0, epochs: 0, seconds: 0.0 });
            budgets.len() - 1
        });
        let budget = &mut budgets[index];
        budget.configurations +=
            usize::from(configurations.insert((&row.dataset, identity(&row.configuration))));
        let trained = row.trials.iter().filter(|trial| !matches!(trial.end, End::Missing | End::Failed(_)));
        for trial in trained.filter(|trial| keys.insert(&trial.key)) {
            budget.trials += 1;
            let training = trainings.entry(&trial.training).or_insert_with(|| (index, Vec::new()));
            training.1.push(trial);
        }
    }
    for (index, mut trials) in trainings.into_values() {
        trials.sort_by_key(|trial| std::cmp::Reverse(trial.epochs));
        for (place, trial) in trials.into_iter().enumerate() {
            // The longest one has the epochs of those that it continued.
            if place == 0 || !trial.is_continued {
                budgets[index].epochs += u64::from(trial.epochs);
                budgets[index].seconds += trial.seconds.unwrap_or(0.0);
            }
        }
    }
    budgets
}

/// Returns the values on all axes, in one order for all configurations. A label leaves some of them out.
fn identity(configuration: &Configuration) -> Vec<Option<String>> {
    let exact = |value: &AxisValue| match value {
        AxisValue::Number(number) => number.to_string(),
        AxisValue::Text(text) => text.clone(),
    };
    configuration.axes.iter().map(|(_, value)| value.as_ref().map(exact)).collect()
}

/// Returns a sentence if the rules of `rows` were tuned over different numbers of configurations, those of the `search` included.
pub fn unequal_budgets(rows: &[Row], search: &[Row]) -> Option<String> {
    let budgets = budgets(rows, search);
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

    /// A configuration with this rate.
    fn row(rule: &str, rate: f64, keys: &[&str]) -> Row {
        let trial = |key: &&str| Trial {
            end: End::Finished,
            epochs: 10,
            seconds: Some(2.0),
            key: (*key).into(),
            training: (*key).into(),
            ..Trial::default()
        };
        let axes = vec![
            ("algorithm", Some(AxisValue::Text(rule.into()))),
            ("learning_rate", Some(AxisValue::Number(rate))),
        ];
        Row {
            configuration: Configuration { rule: rule.into(), axes, ..Configuration::default() },
            trials: keys.iter().map(trial).chain([Trial::default()]).collect(),
            ..Row::default()
        }
    }

    #[test]
    fn different_numbers_of_configurations_are_told() {
        assert_eq!(unequal_budgets(&[], &[]), None);
        let winners = [row("DFA", 0.1, &["a"]), row("BP", 0.1, &["b"])];
        assert_eq!(unequal_budgets(&winners, &[]), None);
        let search = [row("DFA", 0.1, &["c"]), row("DFA", 0.2, &["d"]), row("BP", 0.1, &["e"])];
        let sentence = unequal_budgets(&winners, &search).expect("2 and 1");
        assert!(sentence.ends_with("which favors those with more: DFA 2, BP 1."), "{sentence}");
    }

    #[test]
    fn trained_trials_are_summed_up_once_each() {
        let rows = [row("DFA", 0.1, &["a", "b"]), row("DFA", 0.2, &["b", "c"])];
        let budget = |search: &[Row]| {
            let [dfa] = &budgets(&rows, search)[..] else { panic!("one rule") };
            (dfa.configurations, dfa.trials, dfa.epochs, dfa.seconds)
        };
        assert_eq!(budget(&[]), (2, 3, 30, 6.0));
        // The search has the configuration of a row with one of its trials, and another configuration.
        let search = [row("DFA", 0.1, &["a", "d"]), row("DFA", 0.3, &["e"])];
        assert_eq!(budget(&search), (3, 5, 50, 10.0));
        // A trial of 10 epochs that one of 30 has continued, and one that it has not.
        let trial = |epochs, is_continued| Trial {
            end: End::Finished,
            epochs,
            is_continued,
            key: epochs.to_string(),
            training: "one".into(),
            ..Trial::default()
        };
        let continued =
            Row { trials: vec![trial(10, true), trial(30, true), trial(4, false)], ..rows[0].clone() };
        assert_eq!(budgets(&[continued], &[])[0].epochs, 34);
        let other_dataset = search.map(|row| Row { dataset: "other".into(), ..row });
        assert_eq!(budget(&other_dataset), (4, 5, 50, 10.0));
    }
}
