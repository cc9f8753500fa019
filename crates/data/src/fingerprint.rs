use std::fmt;
use std::fs::File;
use std::io::{self, Read};

use blake3::{Hash, Hasher};
use sha2::{Digest, Sha256};

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

    /// Hashes files, all of which must exist. Also returns `[files]`, the SHA-256 of each that `with_sha256` wants: both come from
    /// one pass over the bytes.
    pub(crate) fn of_files(
        files: &[SourceFile],
        with_sha256: bool,
    ) -> Result<(Self, Vec<Option<String>>), Error> {
        let mut hasher = Hasher::new_derive_key("bpfree image files, revision 1");
        let mut sums = Vec::new();
        for file in files {
            let (content, sum) = hashes(file, with_sha256).map_err(|source| file.unreadable(source))?;
            update_named(&mut hasher, &file.name, &content);
            sums.push(sum);
        }
        Ok((Self::finish(&hasher), sums))
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

fn hashes(file: &SourceFile, with_sha256: bool) -> io::Result<(Hash, Option<String>)> {
    let mut opened = File::open(&file.path)?;
    let (mut content, mut sum) = (Hasher::new(), Sha256::new());
    let mut buffer = vec![0; 1 << 16];
    loop {
        match opened.read(&mut buffer)? {
            0 => break,
            count => {
                content.update(&buffer[..count]);
                if with_sha256 {
                    sum.update(&buffer[..count]);
                }
            }
        }
    }
    let digits = || sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((content.finalize(), with_sha256.then(digits)))
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
