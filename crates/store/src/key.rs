//! The key of an artifact: a hash of readable text.
//!
//! The text is RON with one field per line, without the names of structs. Two rules keep old keys valid: settings
//! leave out their defaults (`skip_serializing_if`), and a golden test pins text and hash. Settings hold no
//! `HashMap`, because its order differs between runs.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::Path;

use ron::ser::PrettyConfig;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::error::{Result, StoreError};

/// 256 bits of BLAKE3. The hash of a [`KeyText`] names an artifact, the hash of bytes names content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// Returns the key of an artifact; `b3sum key.ron` prints the same digits.
    pub fn of(text: &KeyText) -> Self {
        Self::of_bytes(text.as_str().as_bytes())
    }

    pub fn of_bytes(bytes: &[u8]) -> Self {
        blake3::hash(bytes).into()
    }

    /// Reads a key of 64 digits.
    pub fn parse(text: &str) -> Option<Self> {
        // A key has one spelling: capital digits would name a second folder.
        let is_lowercase = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        blake3::Hash::from_hex(text).ok().filter(|_| is_lowercase).map(Self::from)
    }

    /// Returns the first 12 digits, for messages. They do not identify a file.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

/// Checks the hash of a file of `artifact`.
pub(super) fn check_hash(artifact: &Path, file: &str, expected: Key, found: Key) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let [expected, found] = [expected, found].map(|key| format!("hash {}", key.short()));
    Err(StoreError::damaged(artifact, file, expected, found))
}

impl From<blake3::Hash> for Key {
    fn from(hash: blake3::Hash) -> Self {
        Self(hash.into())
    }
}

impl Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&blake3::Hash::from_bytes(self.0), formatter)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("expected 64 of 0-9 and a-f"))
    }
}

/// Everything that can change a result, as canonical text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyText {
    kind: String,
    text: String,
}

impl KeyText {
    /// Writes the text. `kind` is a constant of a-z, 0-9 and _. `revision` counts changes of the numerics of this kind. An input is
    /// named by its [`Key`] or by another hash of its content. The order of `inputs` does not matter.
    pub fn new(
        kind: &str,
        revision: u32,
        settings: &impl Serialize,
        inputs: &[(&str, &dyn Display)],
    ) -> Self {
        let inputs = inputs.iter().map(|(name, content)| (*name, content.to_string())).collect();
        let layout = Layout { kind, revision, settings, inputs };
        let text = ron::ser::to_string_pretty(&layout, form()).expect("settings can be written as RON");
        Self { kind: kind.to_owned(), text: text + "\n" }
    }

    /// Takes a text as it is stored in a `key.ron`.
    pub(super) fn stored(kind: &str, text: &str) -> Self {
        Self { kind: kind.to_owned(), text: text.to_owned() }
    }

    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the text as it is stored in `key.ron`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

#[derive(Serialize)]
struct Layout<'a, S> {
    kind: &'a str,
    revision: u32,
    settings: &'a S,
    inputs: BTreeMap<&'a str, String>,
}

/// Returns the layout of a key text. Every setting that matters is fixed here, because a library may change its defaults.
fn form() -> PrettyConfig {
    PrettyConfig::new()
        .new_line("\n")
        .indentor("    ")
        .separator(" ")
        .struct_names(false)
        .separate_tuple_members(false)
        .enumerate_arrays(false)
        .compact_arrays(true)
        .compact_structs(false)
        .compact_maps(false)
        .escape_strings(true)
        .number_suffixes(false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::example::{Algorithm, Distribution, Settings, any_settings};

    /// Golden text and hash, printed by the first version of this code. After a change here, no stored artifact is found.
    #[test]
    fn keys_are_the_same_on_every_machine_and_in_every_release() {
        let dataset = Key::of_bytes(b"images");
        let inputs: [(&str, &dyn Display); 2] = [("dataset", &dataset), ("checkpoint", &"sha256:00ff")];
        let text = KeyText::new("trial", 3, &Settings::example(), &inputs);
        insta::assert_snapshot!(text.as_str(), @r#"
        (
            kind: "trial",
            revision: 3,
            settings: (
                algorithm: Dfa(
                    feedback: Uniform(
                        from: -1.0,
                        to: 1e-10,
                    ),
                ),
                hidden: [500, 500],
                learning_rate: 0.001,
                batch_norm: false,
                note: "the \"first\"\ntry",
            ),
            inputs: {
                "checkpoint": "sha256:00ff",
                "dataset": "a4cf1c7ce5df043b27cbb98fb4ff77d3cf672e92b31d43932336e30398111623",
            },
        )
        "#);
        insta::assert_snapshot!(Key::of(&text), @"287491858024338bd806520919bc2e58286dc8d32b2eb073161890782b4f0f8d");
    }

    #[test]
    fn a_new_setting_at_its_default_keeps_the_key() {
        let text = |settings| KeyText::new("trial", 1, &settings, &[]);
        let old = text(Settings { patience: None, ..Settings::example() });
        assert!(!old.as_str().contains("patience"));
        assert_ne!(old, text(Settings { patience: Some(3), ..Settings::example() }));
    }

    #[test]
    fn floats_are_their_shortest_text_and_never_look_like_integers() {
        let spelled = |value: f64| {
            let text = KeyText::new("float", 1, &value, &[]);
            text.as_str().lines().nth(3).unwrap().trim().to_owned()
        };
        let cases = [
            (0.1, "settings: 0.1,"),
            (1e-3, "settings: 0.001,"),
            (1e-10, "settings: 1e-10,"),
            (1.0, "settings: 1.0,"),
            (500.0, "settings: 500.0,"),
            (1e21, "settings: 1e21,"),
            (-0.0, "settings: -0.0,"),
            (0.1 + 0.2, "settings: 0.30000000000000004,"),
        ];
        for (value, text) in cases {
            assert_eq!(spelled(value), text);
        }
        let single = KeyText::new("float", 1, &0.1_f32, &[]);
        assert!(single.as_str().contains("settings: 0.1,"), "{}", single.as_str());
    }

    #[test]
    fn inputs_count_by_name_and_not_by_order() {
        let text = |inputs: &[(&str, &dyn Display)]| KeyText::new("trial", 1, &(), inputs);
        assert_eq!(text(&[("a", &1), ("b", &2)]), text(&[("b", &2), ("a", &1)]));
        assert_ne!(text(&[("a", &1), ("b", &2)]), text(&[("a", &2), ("b", &1)]));
    }

    #[test]
    fn kind_and_revision_are_part_of_the_key() {
        let key = |kind, revision| Key::of(&KeyText::new(kind, revision, &(), &[]));
        assert_ne!(key("trial", 1), key("trial", 2));
        assert_ne!(key("trial", 1), key("dataset", 1));
    }

    #[test]
    fn a_key_has_one_spelling() {
        let key = Key::of_bytes(b"");
        assert_eq!(Key::parse(&key.to_string()), Some(key));
        assert_eq!(ron::from_str::<Key>(&ron::to_string(&key).unwrap()).unwrap(), key);
        assert!(key.to_string().starts_with(&key.short()));
        for text in ["", "af13", &key.to_string().to_uppercase(), &format!("{key}0")] {
            assert_eq!(Key::parse(text), None);
        }
    }

    #[test]
    fn variants_differ_by_name() {
        let text = |algorithm| KeyText::new("trial", 1, &algorithm, &[]);
        assert_ne!(
            text(Algorithm::Dfa { feedback: Distribution::Orthogonal }),
            text(Algorithm::Drtp { feedback: Distribution::Orthogonal })
        );
    }

    proptest! {
        #[test]
        fn equal_settings_and_only_they_have_equal_texts(one in any_settings(), other in any_settings()) {
            let text = |settings| KeyText::new("trial", 1, settings, &[]);
            prop_assert_eq!(one == other, text(&one) == text(&other));
        }
    }
}
