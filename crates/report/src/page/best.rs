//! The best configuration of each group, for charts in which all configurations would be too many.

use std::collections::BTreeSet;

use crate::{
    study::{Row, Study},
    words::spaced,
};

use super::{appearance::appearance, text::counted};

/// The largest number of groups that a chart shows.
pub const GROUPS: usize = 16;

/// Returns a row for each group, by name: the first that is ranked, else the first with a value, else the first. Of many groups, the best
/// are returned.
pub fn best_of_each_group(study: &Study) -> Vec<&Row> {
    let mut best: Vec<&Row> = Vec::new();
    for row in &study.rows {
        match best.iter_mut().find(|other| other.group == row.group) {
            Some(other) if completeness(row) > completeness(other) => *other = row,
            Some(_) => {}
            None => best.push(row),
        }
    }
    best.truncate(GROUPS);
    best.sort_by_key(|row| appearance(&study.rows, &row.group));
    best
}

/// Returns `each of 4 learning rules`, or `the 16 best groups` if there are more than a chart shows.
pub fn groups_in_words(study: &Study, shown: usize) -> String {
    let groups: BTreeSet<&str> = study.rows.iter().map(|row| row.group.as_str()).collect();
    let counted = counted(shown, study.group_word());
    if groups.len() > GROUPS { format!("the best {counted}") } else { format!("each of {counted}") }
}

fn completeness(row: &Row) -> u8 {
    u8::from(row.rank.is_some()) + u8::from(row.value.is_some())
}

/// Returns `3 seeds`, or `2 to 3 seeds (dfa 3, drtp 2)` if rules have different numbers of them.
pub fn seeds_in_words(seeds: &[(&str, usize)]) -> String {
    let least = seeds.iter().map(|(_, count)| *count).min();
    let most = seeds.iter().map(|(_, count)| *count).max();
    match (least, most) {
        (Some(least), Some(most)) if least == most => counted(most, "seed"),
        (Some(least), Some(most)) => {
            let each: Vec<String> = seeds.iter().map(|(name, count)| format!("{name} {count}")).collect();
            format!("{least} to {most} seeds ({})", each.join(", "))
        }
        _ => String::new(),
    }
}

/// Returns the configuration's label without the words that all configurations share, with its train stage if there are several.
pub fn name(study: &Study, row: &Row) -> String {
    let label = without_shared_words(&study.rows, &row.configuration.label);
    if study.rows.iter().any(|other| other.stage != row.stage) {
        format!("{label} ({})", spaced(&row.stage))
    } else {
        label
    }
}

/// Keeps the first word, which is the learning rule, and every word that another configuration lacks.
fn without_shared_words(rows: &[Row], label: &str) -> String {
    let has = |row: &Row, word: &str| row.configuration.label.split(' ').any(|other| other == word);
    let is_shared = |word: &str| rows.len() > 1 && rows.iter().all(|row| has(row, word));
    let words = label.split(' ').enumerate();
    let words: Vec<&str> =
        words.filter(|(index, word)| *index == 0 || !is_shared(word)).map(|(_, word)| word).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{seeds_in_words, without_shared_words};
    use crate::study::{Configuration, Row};

    #[test]
    fn words_that_all_configurations_share_are_left_out() {
        let labels = ["dfa 500 tanh lr0.001", "dfa 500 tanh lr0.1", "backprop 500 relu lr0.1"];
        let rows = labels.map(|label| Row {
            configuration: Configuration { label: label.into(), ..Configuration::default() },
            ..Row::default()
        });
        let short = labels.map(|label| without_shared_words(&rows, label));
        assert_eq!(short, ["dfa tanh lr0.001", "dfa tanh lr0.1", "backprop relu lr0.1"]);
        assert_eq!(without_shared_words(&rows[..1], labels[0]), labels[0]);
    }

    #[test]
    fn seeds_are_said_once_where_they_agree() {
        assert_eq!(seeds_in_words(&[("dfa", 3), ("drtp", 3)]), "3 seeds");
        assert_eq!(seeds_in_words(&[("dfa", 3), ("drtp", 2)]), "2 to 3 seeds (dfa 3, drtp 2)");
        assert_eq!(seeds_in_words(&[]), "");
    }
}
