//! Which bytes determine a source's images?

use std::fmt;
use std::fs::File;
use std::path::Path;

use blake3::Hasher;

use crate::Error;
use crate::files::OfficialFiles;

/// BLAKE3 over everything that determines a source's images and labels, as 64 lowercase hexadecimal digits.
///
/// For official files: each official name and the hash of the file as it lies on disk, in list order. Nothing is
/// unpacked, so a packed and an unpacked copy of the same images have different fingerprints.
/// For drawn figures: the revision of the drawing program and its settings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Of a source whose images follow from `recipe` alone.
    pub(crate) fn of_recipe(recipe: &str) -> Self {
        let mut hasher = Hasher::new_derive_key("bpfree drawn images, revision 1");
        hasher.update(recipe.as_bytes());
        Self(hasher.finalize().to_hex().to_string())
    }

    /// Of official files, all of which are there.
    pub(crate) fn of_files(files: &OfficialFiles, data_dir: &Path) -> Result<Self, Error> {
        let mut hasher = Hasher::new_derive_key("bpfree image files, revision 1");
        for name in files.names {
            let file = files.find(data_dir, name);
            let mut content = Hasher::new();
            File::open(&file.path)
                .and_then(|opened| content.update_reader(opened).map(|_| ()))
                .map_err(|source| file.unreadable(source))?;
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
            hasher.update(content.finalize().as_bytes());
        }
        Ok(Self(hasher.finalize().to_hex().to_string()))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
