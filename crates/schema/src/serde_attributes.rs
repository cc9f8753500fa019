//! What serde is told about a type, a field or a variant.

use syn::{Attribute, LitStr, Token};

/// The attributes that decide how text is read.
#[derive(Clone, Debug, Default)]
pub struct SerdeAttributes {
    pub rename: Option<String>,
    pub default: SerdeDefault,
    /// Never read.
    pub is_skipped: bool,
    /// Read as text, and made from that.
    pub is_text: bool,
}

/// What serde takes for something that is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SerdeDefault {
    #[default]
    None,
    OfType,
    /// Path of a function.
    By(String),
}

/// Attributes that change nothing about reading, or nothing that is of interest here.
const OTHERS: [&str; 6] =
    ["borrow", "deny_unknown_fields", "into", "skip_serializing", "skip_serializing_if", "serialize_with"];

impl SerdeAttributes {
    /// # Errors
    /// If there is one whose meaning is not known here.
    pub fn read(attributes: &[Attribute]) -> Result<Self, String> {
        let mut read = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            let parsed = attribute.parse_nested_meta(|meta| {
                let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                let value = match meta.input.peek(Token![=]) {
                    true => Some(meta.value()?.parse::<LitStr>()?.value()),
                    false => None,
                };
                match (name.as_str(), value) {
                    ("rename", Some(name)) => read.rename = Some(name),
                    ("default", Some(function)) => read.default = SerdeDefault::By(function),
                    ("default", None) => read.default = SerdeDefault::OfType,
                    ("skip" | "skip_deserializing", None) => read.is_skipped = true,
                    ("try_from" | "from", Some(source)) if source == "String" => read.is_text = true,
                    (other, _) if OTHERS.contains(&other) => {}
                    (other, _) => return Err(meta.error(format!("serde's `{other}`"))),
                }
                Ok(())
            });
            parsed.map_err(|error| format!("the schema does not understand {error}"))?;
        }
        Ok(read)
    }
}

/// Is `name` among what is derived?
pub fn derives(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("derive")).any(|attribute| {
        let mut is_there = false;
        let parsed = attribute.parse_nested_meta(|meta| {
            is_there |= meta.path.segments.last().is_some_and(|segment| segment.ident == name);
            Ok(())
        });
        parsed.is_ok() && is_there
    })
}
