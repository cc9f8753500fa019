//! How do folders of pictures become images?
//!
//! [`ClassFolders`] lists them, [`decode`] turns all of them into pixels on every core, and [`decoded_file`] keeps the
//! pixels, so that the next start maps them instead.

mod decode;
mod decoded_file;
mod listing;
mod picture;
mod resize;

use std::path::{Path, PathBuf};

use self::decode::{Decoded, Decoding};
use self::decoded_file::DecodedFile;
pub use self::decoded_file::verify_decoded;
use self::listing::Listing;
pub(crate) use self::picture::Fit;
pub(crate) use self::resize::resize;
use crate::{Error, Fingerprint, Loaded, Loading, Part};

/// One folder per class, with pictures in it.
#[derive(Clone, Debug)]
pub(crate) struct ClassFolders {
    /// The source's name for people.
    pub(crate) source_name: &'static str,
    /// Relative to the data directory.
    pub(crate) folder: PathBuf,
    /// Where its authors publish it; `None` for a user's own.
    pub(crate) homepage: Option<&'static str>,
    /// Which folders are classes, by name.
    pub(crate) is_class: fn(&str) -> bool,
    /// Whether pictures in folders within a class's folder count.
    pub(crate) nested: bool,
    pub(crate) fit: Fit,
    /// Whether damaged pictures are left out, or are an error.
    pub(crate) skip_damaged: bool,
}

/// Bump when the same files decode to other pixels: it is in the fingerprint. A golden test tells when.
const REVISION: u32 = 1;

impl ClassFolders {
    /// Where the folder is or should be.
    pub(crate) fn path(&self, data_dir: &Path) -> PathBuf {
        data_dir.join(&self.folder)
    }

    /// Whether there is at least one picture, by its name.
    pub(crate) fn is_there(&self, data_dir: &Path) -> bool {
        !matches!(Listing::of(self, data_dir), Err(Error::Missing { .. } | Error::NoPictures { .. }))
    }

    pub(crate) fn require(&self, data_dir: &Path) -> Result<(), Error> {
        let path = self.path(data_dir);
        if path.is_dir() {
            return Ok(());
        }
        let (source_name, homepage) = (self.source_name, self.homepage);
        Err(Error::Missing { source_name, missing: vec![path], of: 1, homepage })
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
            return Ok(self.decode(&listing, loading)?.1.into_loaded(listing.class_names));
        };
        let fingerprint = fingerprint(&listing, &decode::hashes(&listing, loading)?);
        if let Ok(file) = DecodedFile::open(folder, &self.decoded_key(&fingerprint)) {
            return Ok(file.into_loaded());
        }
        let (fingerprint, decoded) = self.decode(&listing, loading)?;
        let key = self.decoded_key(&fingerprint);
        let file = DecodedFile::write(folder, &key, decoded.into_loaded(listing.class_names))?;
        Ok(file.into_loaded())
    }

    /// The fingerprint is of the very bytes that were decoded, also when a file changes in between.
    fn decode(&self, listing: &Listing, loading: &Loading<'_>) -> Result<(Fingerprint, Decoded), Error> {
        let decoding = Decoding { listing, fit: self.fit, skip_damaged: self.skip_damaged };
        let decoded = decoding.run(loading)?;
        Ok((fingerprint(listing, &decoded.hashes), decoded))
    }

    /// Names the decoded pixels by everything that determines them.
    fn decoded_key(&self, fingerprint: &Fingerprint) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_derive_key("bpfree decoded pictures, revision 1");
        hasher.update(fingerprint.as_str().as_bytes());
        hasher.update(format!("{}, skip damaged {}", self.fit.describe(), self.skip_damaged).as_bytes());
        hasher.finalize()
    }
}

fn fingerprint(listing: &Listing, hashes: &[blake3::Hash]) -> Fingerprint {
    let names = listing.pictures.iter().map(|picture| picture.name.as_str());
    Fingerprint::of_pictures(REVISION, names.zip(hashes))
}

impl Decoded {
    fn into_loaded(self, class_names: Vec<String>) -> Loaded {
        Loaded {
            shape: self.shape,
            class_names,
            train: Part { images: self.images.into(), labels: self.labels },
            test: None,
            skipped: self.skipped,
            decoded_in: None,
        }
    }
}
