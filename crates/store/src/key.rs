//! The key of an artifact: a hash of readable text.
//!
//! The text is RON with one field per line, without the names of structs. Two rules keep old keys valid: settings
//! leave out their defaults (`skip_serializing_if`), and a golden test pins text and hash. Settings hold no
//! `HashMap`, because its order differs between runs.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display};
use std::path::Path;
use std::str::FromStr;

use ron::ser::PrettyConfig;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::error::{Result, StoreError};

/// 256 bits of BLAKE3. The hash of a [`KeyText`] names an artifact, the hash of bytes names content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// Returns the key of an artifact; `b3sum key.ron` prints the same digits.
    #[must_use]
    pub fn of(text: &KeyText) -> Self {
        Self::of_bytes(text.as_str().as_bytes())
    }

    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        blake3::hash(bytes).into()
    }

    /// Returns the first 12 digits, for messages. They do not identify a file.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

/// Checks the hash of a file of `artifact`.
///
/// # Errors
/// The damage of the file, if the hash is not the expected one.
pub(super) fn check_hash(artifact: &Path, file: &str, expected: Key, found: Key) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let text = |key: Key| format!("hash {}", key.short());
    Err(StoreError::damaged(artifact, file, text(expected), text(found)))
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

impl Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, formatter)
    }
}

impl FromStr for Key {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self> {
        // A key has one spelling: capital digits would name a second folder.
        let lowercase = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match blake3::Hash::from_hex(text) {
            Ok(hash) if lowercase => Ok(hash.into()),
            _ => Err(StoreError::KeySyntax { text: text.to_owned() }),
        }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Everything that can change a result, as canonical text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyText {
    kind: String,
    text: String,
}

impl KeyText {
    /// Writes the text. `revision` counts changes of the numerics of this kind. An input is named by its [`Key`] or by another
    /// hash of its content. The order of `inputs` does not matter.
    pub fn new(
        kind: &str,
        revision: u32,
        settings: &impl Serialize,
        inputs: &[(&str, &dyn Display)],
    ) -> Result<Self> {
        check_kind(kind)?;
        let layout = Layout { kind, revision, settings, inputs: by_name(kind, inputs)? };
        let text = ron::ser::to_string_pretty(&layout, form())
            .map_err(|source| StoreError::Settings { kind: kind.to_owned(), source })?;
        Ok(Self { kind: kind.to_owned(), text: text + "\n" })
    }

    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the text as it is stored in `key.ron`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Checks that `kind` can name a folder, and begin the name of another folder.
pub(super) fn check_kind(kind: &str) -> Result<()> {
    if !kind.is_empty() && kind.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')) {
        return Ok(());
    }
    Err(StoreError::KindName { kind: kind.to_owned(), reason: "expected only a-z, 0-9 and _" })
}

#[derive(Serialize)]
struct Layout<'a, S> {
    kind: &'a str,
    revision: u32,
    settings: &'a S,
    inputs: BTreeMap<&'a str, String>,
}

fn by_name<'a>(kind: &str, inputs: &[(&'a str, &dyn Display)]) -> Result<BTreeMap<&'a str, String>> {
    let mut by_name = BTreeMap::new();
    for (name, content) in inputs {
        if by_name.insert(*name, content.to_string()).is_some() {
            return Err(StoreError::RepeatedInput { kind: kind.to_owned(), input: (*name).to_owned() });
        }
    }
    Ok(by_name)
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
        let text = KeyText::new("trial", 3, &Settings::example(), &inputs).unwrap();
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
        let text = |settings| KeyText::new("trial", 1, &settings, &[]).unwrap();
        let old = text(Settings { patience: None, ..Settings::example() });
        assert!(!old.as_str().contains("patience"));
        assert_ne!(old, text(Settings { patience: Some(3), ..Settings::example() }));
    }

    #[test]
    fn floats_are_their_shortest_text_and_never_look_like_integers() {
        let spelled = |value: f64| {
            let text = KeyText::new("float", 1, &value, &[]).unwrap();
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
        let single = KeyText::new("float", 1, &0.1_f32, &[]).unwrap();
        assert!(single.as_str().contains("settings: 0.1,"), "{}", single.as_str());
    }

    #[test]
    fn inputs_count_by_name_and_not_by_order() {
        let text = |inputs: &[(&str, &dyn Display)]| KeyText::new("trial", 1, &(), inputs).unwrap();
        assert_eq!(text(&[("a", &1), ("b", &2)]), text(&[("b", &2), ("a", &1)]));
        assert_ne!(text(&[("a", &1), ("b", &2)]), text(&[("a", &2), ("b", &1)]));
    }

    #[test]
    fn kind_and_revision_are_part_of_the_key() {
        let key = |kind, revision| Key::of(&KeyText::new(kind, revision, &(), &[]).unwrap());
        assert_ne!(key("trial", 1), key("trial", 2));
        assert_ne!(key("trial", 1), key("dataset", 1));
    }

    #[test]
    fn two_inputs_of_one_name_and_kinds_that_are_no_folder_are_refused() {
        let repeated = KeyText::new("trial", 1, &(), &[("dataset", &1), ("dataset", &2)]).unwrap_err();
        assert_eq!(repeated.to_string(), "a key of kind `trial` names the input `dataset` twice");
        for kind in ["", "..", "a/b", "Trial", "two words"] {
            let error = KeyText::new(kind, 1, &(), &[]).unwrap_err();
            let expected = "cannot name a kind of artifact: expected only a-z, 0-9 and _";
            assert_eq!(error.to_string(), format!("`{kind}` {expected}"));
        }
    }

    #[test]
    fn a_key_has_one_spelling() {
        let key = Key::of_bytes(b"");
        assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
        assert_eq!(ron::from_str::<Key>(&ron::to_string(&key).unwrap()).unwrap(), key);
        assert!(key.to_string().starts_with(&key.short()));
        for text in ["", "af13", &key.to_string().to_uppercase(), &format!("{key}0")] {
            let error = text.parse::<Key>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{text}` is no key: got {} characters, expected 64 of 0-9 and a-f", text.len())
            );
        }
    }

    #[test]
    fn variants_differ_by_name() {
        let text = |algorithm| KeyText::new("trial", 1, &algorithm, &[]).unwrap();
        assert_ne!(
            text(Algorithm::Dfa { feedback: Distribution::Orthogonal }),
            text(Algorithm::Drtp { feedback: Distribution::Orthogonal })
        );
    }

    proptest! {
        #[test]
        fn equal_settings_and_only_they_have_equal_texts(one in any_settings(), other in any_settings()) {
            let text = |settings| KeyText::new("trial", 1, settings, &[]).unwrap();
            prop_assert_eq!(one == other, text(&one) == text(&other));
        }
    }
}
