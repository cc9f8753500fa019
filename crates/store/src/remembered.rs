//! Short texts about inputs that may be gone later, next to the results: each in a file of its own, with a hash of itself.

use std::fs;
use std::path::PathBuf;

use super::error::Result;
use super::key::Key;
use super::persist;
use super::root::Store;

/// The line before the hash of the text.
const SEAL: &str = "\n// blake3 ";

impl Store {
    /// Keeps `text` under the key of its subject, in place of an earlier text.
    pub fn remember(&self, subject: &Key, text: &str) -> Result<()> {
        if self.remembered(subject).as_deref() == Some(text) {
            return Ok(());
        }
        let path = self.remembered_path(subject);
        persist::create_folder(path.parent().unwrap_or(&path))?;
        let sealed = format!("{text}{SEAL}{}\n", Key::of_bytes(text.as_bytes()));
        persist::write_atomically(&path, sealed.as_bytes())
    }

    /// Returns the text that is kept under the key of its subject, unless it is damaged.
    pub fn remembered(&self, subject: &Key) -> Option<String> {
        let sealed = fs::read_to_string(self.remembered_path(subject)).ok()?;
        let (text, hash) = sealed.rsplit_once(SEAL)?;
        (Key::of_bytes(text.as_bytes()).to_string() == hash.trim_end()).then(|| text.to_owned())
    }

    fn remembered_path(&self, subject: &Key) -> PathBuf {
        self.root().join("remembered").join(format!("{subject}.ron"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{entries, store};

    #[test]
    fn the_last_text_is_kept_and_a_damaged_one_is_none() {
        let (folder, store) = store();
        let subject = Key::of_bytes(b"images of a folder");
        assert_eq!(store.remembered(&subject), None);
        for text in ["", "one\n// blake3 0", "two"] {
            store.remember(&subject, text).unwrap();
            assert_eq!(store.remembered(&subject).as_deref(), Some(text));
        }
        assert_eq!(entries(&folder.path().join("remembered")), [format!("{subject}.ron")]);
        let path = store.remembered_path(&subject);
        let changed = fs::read_to_string(&path).unwrap().replace("two", "six");
        fs::write(&path, changed).unwrap();
        assert_eq!(store.remembered(&subject), None);
        store.remember(&subject, "two").unwrap();
        assert_eq!(store.remembered(&subject).as_deref(), Some("two"));
    }
}
