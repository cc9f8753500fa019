//! In which fields do two key texts differ? This is how `why` explains a run.
//!
//! A [`KeyText`](crate::KeyText) has one field per line, so its lines tell where each field is. `ron::Value` forgets the names of
//! enum variants: `Tanh` and `Relu` would be equal.

/// One field that is not the same; `None` where the text leaves it out, at its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDifference {
    /// The names from the outermost field to this one: `settings.algorithm.feedback`.
    pub path: String,
    pub old: Option<String>,
    pub new: Option<String>,
}

/// Returns the fields that differ, in the order of the old text, then those that only the new text has.
///
/// A list counts as one field, and so does an enum whose variant changed.
pub fn difference(old: &str, new: &str) -> Vec<FieldDifference> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut differences = Vec::new();
    compare("", Some(Value::of(&old)), Some(Value::of(&new)), &mut differences);
    differences
}

/// Returns every field of a key text with its path: the value on one line, or the part before the bracket where parts have names.
pub fn fields(text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut fields = Vec::new();
    collect("", Value::of(&lines), &mut fields);
    fields
}

fn collect(path: &str, value: Value<'_>, fields: &mut Vec<(String, String)>) {
    let Some((head, _)) = value.brackets() else {
        return fields.push((path.to_owned(), value.one_line()));
    };
    fields.push((path.to_owned(), head.to_owned()));
    for (name, value) in value.fields() {
        collect(&join(path, name), value, fields);
    }
}

/// The value of one field.
#[derive(Clone, Copy, PartialEq)]
struct Value<'a> {
    /// All of it, or its part up to the bracket before its first field.
    first: &'a str,
    /// The lines after the first, the one with the closing bracket included.
    rest: &'a [&'a str],
}

impl<'a> Value<'a> {
    fn of(lines: &'a [&'a str]) -> Self {
        let (first, rest) = lines.split_first().unwrap_or((&"", &[]));
        Self { first, rest }
    }

    /// Returns the text before and after the named fields; `None` for a value without named parts, such as a list.
    fn brackets(self) -> Option<(&'a str, &'a str)> {
        let (head, tail) = match self.rest.last() {
            Some(last) => (self.first, last.trim()),
            None => {
                let head = self.first.trim_end_matches(',').trim_end_matches([')', '}']);
                self.first.split_at(head.len())
            }
        };
        let has_names = head.ends_with(['(', '{']) && !head.contains('[');
        has_names.then_some((head, tail.trim_end_matches(',')))
    }

    fn fields(self) -> Vec<(&'a str, Self)> {
        let mut fields = Vec::new();
        let mut lines = self.rest.split_last().map_or(self.rest, |(_, inner)| inner);
        while let Some((line, after)) = lines.split_first() {
            let inner =
                after.iter().take_while(|next| indent(next) > indent(line) || closes(next.trim_start()));
            let (rest, others) = after.split_at(inner.count());
            let (name, first) = line.trim().split_once(": ").unwrap_or(("", line.trim()));
            fields.push((name.trim_matches('"'), Self { first, rest }));
            lines = others;
        }
        fields
    }

    /// Returns the value on one line: `Dfa(feedback: Orthogonal)` from its three lines.
    fn one_line(self) -> String {
        let mut text = self.first.to_owned();
        for line in self.rest.iter().map(|line| line.trim()) {
            if closes(line) {
                text.truncate(text.trim_end_matches(',').len());
            } else if !text.ends_with(['(', '[', '{']) {
                text.push(' ');
            }
            text += line;
        }
        text.truncate(text.trim_end_matches(',').len());
        text
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn closes(line: &str) -> bool {
    line.starts_with([')', ']', '}'])
}

fn compare(path: &str, old: Option<Value>, new: Option<Value>, differences: &mut Vec<FieldDifference>) {
    match (old, new) {
        (old, new) if old == new => {}
        (Some(old), Some(new)) if old.brackets().is_some() && old.brackets() == new.brackets() => {
            let (old, new) = (old.fields(), new.fields());
            for (name, value) in &old {
                compare(&join(path, name), Some(*value), find(&new, name), differences);
            }
            for (name, value) in new.iter().filter(|(name, _)| find(&old, name).is_none()) {
                compare(&join(path, name), None, Some(*value), differences);
            }
        }
        _ => differences.push(FieldDifference {
            path: path.to_owned(),
            old: old.map(Value::one_line),
            new: new.map(Value::one_line),
        }),
    }
}

fn find<'a>(fields: &[(&str, Value<'a>)], wanted: &str) -> Option<Value<'a>> {
    fields.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
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
        KeyText::new("trial", revision, settings, &[("dataset", &dataset)])
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
    fn fields_have_paths_and_variants() {
        let text = "(\n    a: Dfa(\n        b: 1,\n    ),\n    c: [1, 2],\n)\n";
        let fields = fields(text);
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
        assert_eq!(fields, [("", "("), ("a", "Dfa("), ("a.b", "1"), ("c", "[1, 2]")]);
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
    fn text_that_is_no_key_text_differs_as_a_whole() {
        assert_eq!(report("(a: 1", "(a: 1)"), ": (a: 1 -> (a: 1)\n");
    }

    #[test]
    fn a_setting_of_a_variant_whose_others_are_at_their_defaults_is_a_field() {
        let empty = "(\n    source: Glyphs(()),\n)\n";
        let one = "(\n    source: Glyphs((\n        train: 5,\n    )),\n)\n";
        assert_eq!(report(empty, one), "source.train: (default) -> 5\n");
    }

    #[test]
    fn a_list_of_structs_is_one_field() {
        let text = |largest: &str| {
            let list =
                format!("[Shift(\n        largest: {largest},\n    ), Flip, Cut(\n        side: 2,\n    )]");
            format!("(\n    augmentations: {list},\n    seed: 1,\n)\n")
        };
        let list = |largest: &str| format!("[Shift(largest: {largest}), Flip, Cut(side: 2)]");
        let expected = format!("augmentations: {} -> {}\n", list("0.1"), list("0.2"));
        assert_eq!(report(&text("0.1"), &text("0.2")), expected);
    }

    proptest! {
        #[test]
        fn equal_settings_and_only_they_have_no_difference(one in any_settings(), other in any_settings()) {
            let (old, new) = (text(1, &one, "aa"), text(1, &other, "aa"));
            prop_assert_eq!(one == other, difference(old.as_str(), new.as_str()).is_empty());
        }
    }
}
