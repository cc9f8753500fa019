//! The best configuration of each group, for charts in which all configurations would be too many.

use std::collections::{BTreeSet, HashSet};

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

/// Returns the short name of a configuration, as [`Names`] do.
pub fn name(study: &Study, row: &Row) -> String {
    Names::of(&study.rows).of_row(row)
}

/// The short names of configurations: labels without the words that all share, with the train stage if there are several.
pub struct Names<'a> {
    shared: HashSet<&'a str>,
    has_stages: bool,
}

impl<'a> Names<'a> {
    pub fn of(rows: &'a [Row]) -> Self {
        let words = |row: &'a Row| row.configuration.label.split(' ');
        let several = rows.get(..1).filter(|_| rows.len() > 1);
        let mut shared: HashSet<&str> = several.into_iter().flatten().flat_map(words).collect();
        for row in rows {
            let own: HashSet<&str> = words(row).collect();
            shared.retain(|word| own.contains(word));
        }
        Self { shared, has_stages: rows.iter().any(|row| row.stage != rows[0].stage) }
    }

    pub fn of_row(&self, row: &Row) -> String {
        // The first word is the learning rule.
        let words = row.configuration.label.split(' ').enumerate();
        let words = words.filter(|(index, word)| *index == 0 || !self.shared.contains(word));
        let label = words.map(|(_, word)| word).collect::<Vec<_>>().join(" ");
        if self.has_stages { format!("{label} ({})", spaced(&row.stage)) } else { label }
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, seeds_in_words};
    use crate::study::{Configuration, Row};

    #[test]
    fn words_that_all_configurations_share_are_left_out() {
        let labels = ["dfa 500 tanh lr0.001", "dfa 500 tanh lr0.1", "backprop 500 relu lr0.1"];
        let rows = labels.map(|label| Row {
            configuration: Configuration { label: label.into(), ..Configuration::default() },
            ..Row::default()
        });
        let short = |rows: &[Row]| rows.iter().map(|row| Names::of(rows).of_row(row)).collect::<Vec<_>>();
        assert_eq!(short(&rows), ["dfa tanh lr0.001", "dfa tanh lr0.1", "backprop relu lr0.1"]);
        assert_eq!(short(&rows[..1]), labels[..1]);
    }

    #[test]
    fn seeds_are_said_once_where_they_agree() {
        assert_eq!(seeds_in_words(&[("dfa", 3), ("drtp", 3)]), "3 seeds");
        assert_eq!(seeds_in_words(&[("dfa", 3), ("drtp", 2)]), "2 to 3 seeds (dfa 3, drtp 2)");
        assert_eq!(seeds_in_words(&[]), "");
    }
}
