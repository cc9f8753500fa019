//! In which fields do two key texts differ? This is how `why` explains a run.

use super::field_tree::{Fields, Tree};

/// One field that is not the same; `None` where the text leaves it out, at its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDifference {
    /// From the outside in: `settings.algorithm.feedback`.
    pub path: String,
    /// Its value in the old text.
    pub old: Option<String>,
    /// Its value in the new text.
    pub new: Option<String>,
}

/// The fields that differ, in the order of the old text, then those that only the new one has.
///
/// Lists count as one field, and so does an enum whose variant changed.
#[must_use]
pub fn difference(old: &str, new: &str) -> Vec<FieldDifference> {
    difference_of_trees(&Tree::of(old), &Tree::of(new))
}

/// [`difference`] for a caller who compares one text with many.
pub(super) fn difference_of_trees(old: &Tree, new: &Tree) -> Vec<FieldDifference> {
    let mut differences = Vec::new();
    compare("", Some(old), Some(new), &mut differences);
    differences
}

fn compare(path: &str, old: Option<&Tree>, new: Option<&Tree>, differences: &mut Vec<FieldDifference>) {
    match (old, new) {
        (Some(old), Some(new)) if old.text() == new.text() => {}
        (Some(Tree::Fields(old)), Some(Tree::Fields(new))) if old.head == new.head => {
            compare_fields(path, old, new, differences);
        }
        _ => differences.push(FieldDifference {
            path: path.to_owned(),
            old: old.map(|tree| one_line(tree.text())),
            new: new.map(|tree| one_line(tree.text())),
        }),
    }
}

fn compare_fields(path: &str, old: &Fields, new: &Fields, differences: &mut Vec<FieldDifference>) {
    for (name, value) in &old.named {
        compare(&join(path, name), Some(value), find(new, name), differences);
    }
    for (name, value) in &new.named {
        if find(old, name).is_none() {
            compare(&join(path, name), None, Some(value), differences);
        }
    }
}

fn find<'a, 'b>(fields: &'b Fields<'a>, wanted: &str) -> Option<&'b Tree<'a>> {
    fields.named.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// `Dfa(feedback: Orthogonal)` out of its three lines; a string never spans lines, its breaks are escaped.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for part in text.lines().map(str::trim) {
        if part.starts_with([')', ']', '}']) {
            line.truncate(line.trim_end_matches(',').len());
        } else if !line.is_empty() && !line.ends_with(['(', '[', '{']) {
            line.push(' ');
        }
        line += part;
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::example::{Algorithm, Distribution, Loss, Settings, any_settings};
    use crate::key::KeyText;

    fn report(old: &str, new: &str) -> String {
        let value = |value: Option<String>| value.unwrap_or_else(|| "(default)".to_owned());
        let line = |field: FieldDifference| {
            format!("{}: {} -> {}\n", field.path, value(field.old), value(field.new))
        };
        difference(old, new).into_iter().map(line).collect()
    }

    fn text(revision: u32, settings: &Settings, dataset: &str) -> KeyText {
        KeyText::new("trial", revision, settings, &[("dataset", &dataset)]).unwrap()
    }

    #[test]
    fn every_changed_field_is_reported_with_its_path() {
        let old = Settings::example();
        let new = Settings {
            algorithm: Algorithm::Dfa { feedback: Distribution::Orthogonal },
            hidden: vec![500],
            learning_rate: 0.01,
            batch_norm: true,
            note: "a (b: c".to_owned(),
            patience: Some(3),
        };
        insta::assert_snapshot!(report(text(1, &old, "aa").as_str(), text(2, &new, "bb").as_str()), @r#"
        revision: 1 -> 2
        settings.algorithm.feedback: Uniform(from: -1.0, to: 1e-10) -> Orthogonal
        settings.hidden: [500, 500] -> [500]
        settings.learning_rate: 0.001 -> 0.01
        settings.batch_norm: false -> true
        settings.note: "the \"first\"\ntry" -> "a (b: c"
        settings.patience: (default) -> Some(3)
        inputs.dataset: "aa" -> "bb"
        "#);
    }

    #[test]
    fn another_variant_is_one_difference() {
        let old = text(1, &Settings::example(), "aa");
        let change = |algorithm| text(1, &Settings { algorithm, ..Settings::example() }, "aa");
        insta::assert_snapshot!(report(old.as_str(), change(Algorithm::Backprop).as_str()), @"settings.algorithm: Dfa(feedback: Uniform(from: -1.0, to: 1e-10)) -> Backprop");
        insta::assert_snapshot!(report(
            change(Algorithm::LocalLoss(Loss::CrossEntropy)).as_str(),
            change(Algorithm::LocalLoss(Loss::MeanSquaredError)).as_str(),
        ), @"settings.algorithm: LocalLoss(CrossEntropy) -> LocalLoss(MeanSquaredError)");
    }

    #[test]
    fn a_bound_of_a_variant_is_named_by_its_own_path() {
        let change = |to| {
            let feedback = Distribution::Uniform { from: -1.0, to };
            text(1, &Settings { algorithm: Algorithm::Dfa { feedback }, ..Settings::example() }, "aa")
        };
        insta::assert_snapshot!(report(change(1.0).as_str(), change(2.0).as_str()), @"settings.algorithm.feedback.to: 1.0 -> 2.0");
    }

    #[test]
    fn text_that_is_no_ron_differs_as_a_whole() {
        assert_eq!(report("(a: 1", "(a: 1)"), ": (a: 1 -> (a: 1)\n");
    }

    proptest! {
        #[test]
        fn equal_settings_and_only_they_have_no_difference(one in any_settings(), other in any_settings()) {
            let (old, new) = (text(1, &one, "aa"), text(1, &other, "aa"));
            prop_assert_eq!(one == other, difference(old.as_str(), new.as_str()).is_empty());
        }
    }
}
