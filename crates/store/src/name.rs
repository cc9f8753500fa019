//! The names of artifacts: a kind and a key.

use std::path::Path;

use super::key::Key;

/// The name of an artifact, which may be damaged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    pub kind: String,
    pub key: Key,
}

impl Name {
    /// Returns the name of the artifact at `path` or around it, in the folder `store`. Other files and folders are no artifacts.
    pub(super) fn of(path: &Path, store: &Path) -> Option<Self> {
        let mut parts = path.strip_prefix(store).ok()?.iter();
        let (kind, key) = (parts.next()?.to_str()?, parts.next()?.to_str()?);
        Some(Self { kind: is_kind(kind).then(|| kind.to_owned())?, key: Key::parse(key)? })
    }
}

pub(super) fn is_kind(name: &str) -> bool {
    name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}
