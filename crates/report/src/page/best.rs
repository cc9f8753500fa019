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

/// Returns the configuration's label, with its train stage if there are several.
pub fn name(study: &Study, row: &Row) -> String {
    let label = &row.configuration.label;
    if study.rows.iter().any(|other| other.stage != row.stage) {
        format!("{label} ({})", spaced(&row.stage))
    } else {
        label.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::seeds_in_words;

    #[test]
    fn seeds_are_said_once_where_they_agree() {
        assert_eq!(seeds_in_words(&[("dfa", 3), ("drtp", 3)]), "3 seeds");
        assert_eq!(seeds_in_words(&[("dfa", 3), ("drtp", 2)]), "2 to 3 seeds (dfa 3, drtp 2)");
        assert_eq!(seeds_in_words(&[]), "");
    }
}
