//! The best configuration of each algorithm: what is drawn where all configurations would be too many.

use crate::study::{Row, Study};

use super::{appearance::appearance, words};

/// A row for each algorithm, in the order of their looks: its first with a rank, else its first with a value, else its first.
pub fn best_of_each_algorithm(study: &Study) -> Vec<&Row> {
    let mut best: Vec<&Row> = Vec::new();
    for row in &study.rows {
        let algorithm = &row.configuration.algorithm;
        match best.iter_mut().find(|other| other.configuration.algorithm == *algorithm) {
            Some(other) if standing(row) > standing(other) => *other = row,
            Some(_) => {}
            None => best.push(row),
        }
    }
    best.sort_by_key(|row| appearance(study, &row.configuration.algorithm));
    best
}

fn standing(row: &Row) -> u8 {
    u8::from(row.rank.is_some()) + u8::from(row.value.is_some())
}

/// How many seeds curves are over, in words: of each, where they differ.
pub fn seeds_in_words(seeds: &[(&str, usize)]) -> String {
    let all: Vec<usize> = seeds.iter().map(|(_, count)| *count).collect();
    match (all.iter().min(), all.iter().max()) {
        (Some(least), Some(most)) if least == most => super::text::counted(*most, "seed"),
        (Some(least), Some(most)) => {
            let each = seeds.iter().map(|(name, count)| format!("{name} {count}"));
            let each: Vec<String> = each.collect();
            format!("{least} to {most} seeds ({})", each.join(", "))
        }
        _ => String::new(),
    }
}

/// A configuration's name in prose, with its train stage where there are several.
pub fn name(study: &Study, row: &Row) -> String {
    let label = &row.configuration.label;
    match study.rows.iter().any(|other| other.stage != row.stage) {
        true => format!("{label} ({})", words::spaced(&row.stage)),
        false => label.clone(),
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
