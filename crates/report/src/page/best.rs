//! The best configuration of each learning rule, for charts in which all configurations would be too many.

use crate::study::{Row, Study};

use super::{appearance::appearance, text::counted, words::spaced};

/// Returns a row for each learning rule, by name: the first that is ranked, else the first with a value, else the first.
pub fn best_of_each_algorithm(study: &Study) -> Vec<&Row> {
    let mut best: Vec<&Row> = Vec::new();
    for row in &study.rows {
        let algorithm = &row.configuration.algorithm;
        match best.iter_mut().find(|other| other.configuration.algorithm == *algorithm) {
            Some(other) if completeness(row) > completeness(other) => *other = row,
            Some(_) => {}
            None => best.push(row),
        }
    }
    best.sort_by_key(|row| appearance(&study.rows, &row.configuration.algorithm));
    best
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
