use std::fmt;
use std::fs::File;

use blake3::{Hash, Hasher};

use crate::Error;
use crate::SourceFile;

/// A BLAKE3 hash of everything that determines a source's images and labels, as 64 lowercase hexadecimal digits.
///
/// - Official files: each official name and the hash of the file on disk, in the order of the list. Nothing is unpacked,
///   so a packed and an unpacked copy of the same images have different fingerprints.
/// - Folders of pictures: each picture's path within its folder and the hash of the file, sorted, and the revision of
///   the decoder.
/// - Drawn figures: the revision of the drawing code and its settings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Hashes `recipe`, which alone determines the images.
    pub(crate) fn of_recipe(recipe: &str) -> Self {
        let mut hasher = Hasher::new_derive_key("bpfree drawn images, revision 1");
        hasher.update(recipe.as_bytes());
        Self::finish(&hasher)
    }

    /// Hashes files, all of which must exist.
    pub(crate) fn of_files(files: &[SourceFile]) -> Result<Self, Error> {
        let mut hasher = Hasher::new_derive_key("bpfree image files, revision 1");
        for file in files {
            let mut content = Hasher::new();
            File::open(&file.path)
                .and_then(|opened| content.update_reader(opened).map(|_| ()))
                .map_err(|source| file.unreadable(source))?;
            update_named(&mut hasher, &file.name, &content.finalize());
        }
        Ok(Self::finish(&hasher))
    }

    /// Hashes the decoder's revision and the names and contents of pictures, which must be sorted by name.
    pub(crate) fn of_pictures<'a>(
        revision: u32,
        pictures: impl Iterator<Item = (&'a str, &'a Hash)>,
    ) -> Self {
        let mut hasher = Hasher::new_derive_key("bpfree picture folders, revision 1");
        hasher.update(&revision.to_le_bytes());
        for (name, content) in pictures {
            update_named(&mut hasher, name, content);
        }
        Self::finish(&hasher)
    }

    fn finish(hasher: &Hasher) -> Self {
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
