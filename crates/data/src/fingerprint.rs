//! Which bytes determine a source's images?

use std::fmt;
use std::fs::File;

use blake3::{Hash, Hasher};

use crate::Error;
use crate::files::SourceFile;

/// BLAKE3 over everything that determines a source's images and labels, as 64 lowercase hexadecimal digits.
///
/// For official files: each official name and the hash of the file as it lies on disk, in list order. Nothing is
/// unpacked, so a packed and an unpacked copy of the same images have different fingerprints.
/// For folders of pictures: each picture's path within its folder and the hash of the file, sorted, and the revision of
/// the decoding. For drawn figures: the revision of the drawing program and its settings.
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

    /// Of files, all of which are there.
    pub(crate) fn of_files(files: &[SourceFile]) -> Result<Self, Error> {
        let mut hasher = Hasher::new_derive_key("bpfree image files, revision 1");
        for file in files {
            let mut content = Hasher::new();
            File::open(&file.path)
                .and_then(|opened| content.update_reader(opened).map(|_| ()))
                .map_err(|source| file.unreadable(source))?;
            update_named(&mut hasher, &file.name, &content.finalize());
        }
        Ok(Self(hasher.finalize().to_hex().to_string()))
    }

    /// Of pictures by name and content, sorted by name, which a program of this revision decodes.
    pub(crate) fn of_pictures<'a>(
        revision: u32,
        pictures: impl Iterator<Item = (&'a str, &'a Hash)>,
    ) -> Self {
        let mut hasher = Hasher::new_derive_key("bpfree picture folders, revision 1");
        hasher.update(&revision.to_le_bytes());
        for (name, content) in pictures {
            update_named(&mut hasher, name, content);
        }
        Self(hasher.finalize().to_hex().to_string())
    }
}

fn update_named(hasher: &mut Hasher, name: &str, content: &Hash) {
    hasher.update(&(name.len() as u64).to_le_bytes());
    hasher.update(name.as_bytes());
    hasher.update(content.as_bytes());
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
