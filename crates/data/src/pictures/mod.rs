//! Images from folders of pictures.
//!
//! [`ClassFolders`] lists pictures, [`decode`] decodes them on every core, and [`decoded_file`] keeps the pixels, so that
//! the next start maps them instead.

mod decode;
mod decoded_file;
mod fit;
mod format;
mod listing;
mod resize;
mod rgb_image;

use std::path::{Path, PathBuf};

use self::decode::{Decoded, Decoding};
pub(crate) use self::fit::Fit;
use self::listing::Listing;
pub(crate) use self::resize::resize;
pub(crate) use self::rgb_image::RgbImage;
use crate::{Error, Fingerprint, Loaded, Loading, Part};

/// A folder that holds one folder of pictures per class.
#[derive(Clone, Debug)]
pub(crate) struct ClassFolders {
    /// The path relative to the data directory.
    pub(crate) folder: PathBuf,
    /// The page on which its authors publish it; `None` for a user's own.
    pub(crate) homepage: Option<&'static str>,
    /// Whether the folder of this name is a class.
    pub(crate) is_class: fn(&str) -> bool,
    /// Whether pictures in folders within a class's folder count.
    pub(crate) nested: bool,
    pub(crate) fit: Fit,
    /// Whether damaged pictures are left out. Otherwise they are an error.
    pub(crate) skip_damaged: bool,
}

/// The revision of the decoder, part of the fingerprint. Increment it when the same files decode to other pixels, which a
/// golden test finds.
const REVISION: u32 = 1;

impl ClassFolders {
    pub(crate) fn path(&self, data_dir: &Path) -> PathBuf {
        data_dir.join(&self.folder)
    }

    /// Whether there is at least one file with the name of a picture.
    pub(crate) fn has_pictures(&self, data_dir: &Path) -> bool {
        self.path(data_dir).is_dir() && !matches!(Listing::of(self, data_dir), Err(Error::NoPictures { .. }))
    }

    /// Hashes the name and the content of every picture.
    pub(crate) fn fingerprint(&self, loading: &Loading<'_>) -> Result<Fingerprint, Error> {
        let listing = Listing::of(self, loading.data_dir)?;
        Ok(fingerprint(&listing, &decode::hashes(&listing, loading)?))
    }

    /// Maps the decoded pictures, or decodes them.
    pub(crate) fn load(&self, loading: &Loading<'_>) -> Result<Loaded, Error> {
        let listing = Listing::of(self, loading.data_dir)?;
        let Some(folder) = loading.decoded_dir else {
            return Ok(self.decode(&listing, loading)?.into_loaded(listing.class_names));
        };
        let fingerprint = fingerprint(&listing, &decode::hashes(&listing, loading)?);
        if let Ok(loaded) = decoded_file::open(folder, &self.decoded_key(&fingerprint)) {
            return Ok(loaded);
        }
        let decoded = self.decode(&listing, loading)?;
        // The key is that of the bytes that were decoded, even if a file changed since it was hashed.
        let key = self.decoded_key(&self::fingerprint(&listing, &decoded.hashes));
        decoded_file::keep(folder, &key, decoded.into_loaded(listing.class_names))
    }

    fn decode(&self, listing: &Listing, loading: &Loading<'_>) -> Result<Decoded, Error> {
        Decoding { listing, fit: self.fit, skip_damaged: self.skip_damaged }.run(loading)
    }

    /// Returns a hash of everything that determines the decoded pixels. Its revision is also that of the files that keep them.
    fn decoded_key(&self, fingerprint: &Fingerprint) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_derive_key("bpfree decoded pictures, revision 2");
        hasher.update(fingerprint.as_str().as_bytes());
        hasher.update(format!("{}, skip damaged {}", self.fit.describe(), self.skip_damaged).as_bytes());
        hasher.finalize()
    }
}

fn fingerprint(listing: &Listing, hashes: &[blake3::Hash]) -> Fingerprint {
    let names = listing.pictures.iter().map(|picture| picture.file.name.as_str());
    Fingerprint::of_pictures(REVISION, names.zip(hashes))
}

impl Decoded {
    fn into_loaded(self, class_names: Vec<String>) -> Loaded {
        let part = Part { images: self.images.into(), labels: self.labels };
        Loaded { skipped: self.skipped, ..Loaded::new(self.shape, class_names, part, None) }
    }
}
