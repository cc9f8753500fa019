//! Images from folders of pictures.
//!
//! [`ClassFolders`] lists pictures, `decode` decodes them on every core, and [`decoded_file`] keeps the pixels, so that
//! the next start maps them instead.

mod decode;
mod decoded_file;
mod fit;
mod layout;
mod listing;
mod memory;

use std::path::{Path, PathBuf};

use self::decode::{Decoded, Decoding};
pub(crate) use self::fit::Fit;
use self::listing::Listing;
use crate::{Counts, Error, Fingerprint, Loaded, Loading, Part};

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

/// The revision of the decoder for official pictures, part of the fingerprint. Increment it when the same files decode to other
/// pixels, which a golden test finds.
const REVISION: u32 = 1;
/// The revision for a user's own pictures. From 2 on, orientation marks are followed and folders for training and testing are
/// parts. Official pictures are read as their authors' readers do, which ignore such marks.
const OWN_REVISION: u32 = 2;

impl ClassFolders {
    pub(crate) fn path(&self, data_dir: &Path) -> PathBuf {
        data_dir.join(&self.folder)
    }

    /// Whether there is at least one file with the name of a picture.
    pub(crate) fn has_pictures(&self, data_dir: &Path) -> bool {
        self.path(data_dir).is_dir() && !matches!(Listing::of(self, data_dir), Err(Error::NoPictures { .. }))
    }

    /// Counts the pictures and the folders that hold them.
    pub(crate) fn count(&self, data_dir: &Path) -> Result<Counts, Error> {
        let listing = Listing::of(self, data_dir)?;
        Ok(Counts { images: listing.pictures.len(), classes: listing.class_names.len() })
    }

    /// Returns the paths of all pictures; none if they cannot be listed.
    pub(crate) fn files(&self, data_dir: &Path) -> Vec<PathBuf> {
        let listing = Listing::of(self, data_dir);
        listing.map_or(Vec::new(), |listing| {
            listing.pictures.into_iter().map(|picture| picture.file.path).collect()
        })
    }

    /// Hashes the name and the content of every picture.
    pub(crate) fn fingerprint(&self, loading: &Loading<'_>) -> Result<Fingerprint, Error> {
        let listing = Listing::of(self, loading.data_dir)?;
        Ok(self.fingerprint_of(&listing, &decode::hashes(&listing, loading)?))
    }

    /// Maps the decoded pictures, or decodes them.
    pub(crate) fn load(&self, loading: &Loading<'_>) -> Result<Loaded, Error> {
        let listing = Listing::of(self, loading.data_dir)?;
        let mut loaded = self.load_listed(&listing, loading)?;
        loaded.warnings = listing.warnings;
        Ok(loaded)
    }

    fn load_listed(&self, listing: &Listing, loading: &Loading<'_>) -> Result<Loaded, Error> {
        let Some(folder) = loading.decoded_dir else {
            return Ok(self.decode(listing, loading)?.into_loaded(listing.class_names.clone()));
        };
        let fingerprint = self.fingerprint_of(listing, &decode::hashes(listing, loading)?);
        if let Ok(loaded) = decoded_file::open(folder, &self.decoded_key(&fingerprint)) {
            return Ok(loaded);
        }
        let decoded = self.decode(listing, loading)?;
        // The key is that of the bytes that were decoded, even if a file changed since it was hashed.
        let key = self.decoded_key(&self.fingerprint_of(listing, &decoded.hashes));
        decoded_file::keep(folder, &key, decoded.into_loaded(listing.class_names.clone()))
    }

    fn decode(&self, listing: &Listing, loading: &Loading<'_>) -> Result<Decoded, Error> {
        let follow_orientation = self.homepage.is_none();
        Decoding { listing, fit: self.fit, skip_damaged: self.skip_damaged, follow_orientation }.run(loading)
    }

    fn fingerprint_of(&self, listing: &Listing, hashes: &[blake3::Hash]) -> Fingerprint {
        let revision = if self.homepage.is_none() { OWN_REVISION } else { REVISION };
        let names = listing.pictures.iter().map(|picture| picture.file.name.as_str());
        Fingerprint::of_pictures(revision, names.zip(hashes))
    }

    /// Returns a hash of everything that determines the decoded pixels. Its revision is also that of the files that keep them.
    fn decoded_key(&self, fingerprint: &Fingerprint) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_derive_key("bpfree decoded pictures, revision 3");
        hasher.update(fingerprint.as_str().as_bytes());
        hasher.update(format!("{}, skip damaged {}", self.fit.describe(), self.skip_damaged).as_bytes());
        hasher.finalize()
    }
}

impl Decoded {
    fn into_loaded(mut self, class_names: Vec<String>) -> Loaded {
        let [train, validation, _] = self.parts;
        let pixels = self.shape.pixels();
        let mut split_off = |at: usize| {
            let (images, labels) = (self.images.split_off(at * pixels), self.labels.split_off(at));
            (!labels.is_empty()).then(|| Part { images: images.into(), labels })
        };
        let (test, validation) = (split_off(train + validation), split_off(train));
        let part = Part { images: self.images.into(), labels: self.labels };
        let skipped = self.skipped;
        Loaded { validation, skipped, ..Loaded::new(self.shape, class_names, part, test) }
    }
}
