//! The fields of a struct in RON text.

use std::fmt;

use ron::value::RawValue;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

/// The names and values of one struct, in the order of the text.
pub(crate) struct Fields<'a>(pub Vec<(&'a str, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// Reads the struct that `text` holds, with or without its name; `None` if it is no struct.
    pub fn of(text: &'a str) -> Option<Self> {
        let unnamed = text.trim_start_matches(|letter: char| letter.is_alphanumeric() || letter == '_');
        ron::from_str(unnamed).ok()
    }

    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.trim().get_ron())
    }
}

impl<'a> Deserialize<'a> for Fields<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Named;
        impl<'a> Visitor<'a> for Named {
            type Value = Fields<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("named fields")
            }

            fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Fields<'a>, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_struct("fields", &[], Named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let fields = Fields::of(text).expect("it is a struct").0;
        let found: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (*name, value.trim().get_ron())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn fields_are_found_at_the_first_level_of_brackets_only() {
        check("Train(axes: (grid: 1), grid: [2, (3)],)", &[("axes", "(grid: 1)"), ("grid", "[2, (3)]")]);
        check("(a: Some((b: 1)), c: Dfa (d: 2))", &[("a", "Some((b: 1))"), ("c", "Dfa (d: 2)")]);
        check("()", &[]);
        assert!(Fields::of("Dataset").is_none());
    }

    #[test]
    fn comments_never_count() {
        check("Dataset /* (a: 1) */ (b: 2)", &[("b", "2")]);
        check("( // a: 1)\n  b /* c: */ : /* d */ 2 /* e, */, f: 3 // )\n)", &[("b", "2"), ("f", "3")]);
        check("(/* a: 1, /* b: 2, */ c: 3, */ d: 4)", &[("d", "4")]);
        check("(a: 1/* b */, /**/ c: 2)", &[("a", "1"), ("c", "2")]);
    }

    #[test]
    fn strings_and_characters_are_single_tokens() {
        check(
            r#"(a: "): \" /* b: 1", c: 'x', d: '\'', e: 2)"#,
            &[("a", r#""): \" /* b: 1""#), ("c", "'x'"), ("d", r"'\''"), ("e", "2")],
        );
        check(
            r###"(a: r#"" ), "#, b: br"\", r#c: 1)"###,
            &[("a", r###"r#"" ), "#"###), ("b", r#"br"\""#), ("c", "1")],
        );
    }
}
