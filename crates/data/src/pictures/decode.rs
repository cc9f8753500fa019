//! Decodes many pictures, on every core.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use picture::decode;

use super::Fit;
use super::listing::{Listing, PictureFile};
use crate::SourceFile;
use crate::{DecodingProgress, Error, ImageShape, Loading, Skipped};

/// The pictures to decode and the settings of their source.
#[derive(Clone, Copy)]
pub(super) struct Decoding<'a> {
    pub(super) listing: &'a Listing,
    pub(super) fit: Fit,
    pub(super) skip_damaged: bool,
    /// Whether pictures are turned as the marks of cameras say.
    pub(super) follow_orientation: bool,
}

/// The pixels of the pictures in the order of the listing, without skipped pictures.
pub(super) struct Decoded {
    pub(super) shape: ImageShape,
    /// `[examples, 3, height, width]`.
    pub(super) images: Vec<u8>,
    pub(super) labels: Vec<u16>,
    /// The number of pictures in the parts for training, validation and testing.
    pub(super) parts: [usize; 3],
    pub(super) skipped: Vec<Skipped>,
    /// `[pictures]`: the hashes of all files, including damaged ones.
    pub(super) hashes: Vec<blake3::Hash>,
}

/// The hash of a picture's file, and the reason if the picture is damaged.
type Outcome = (blake3::Hash, Result<(), String>);

impl Decoding<'_> {
    /// Decodes every picture. If several are wrong, the first is reported, independently of the threads.
    pub(super) fn run(&self, loading: &Loading<'_>) -> Result<Decoded, Error> {
        let shape = self.shape()?;
        let pictures = &self.listing.pictures;
        let mut images = vec![0; pictures.len() * shape.pixels()];
        let done = AtomicUsize::new(0);
        let tasks = pictures.iter().zip(images.chunks_exact_mut(shape.pixels()));
        let outcomes = threads::try_map(loading.threads.get(), tasks, |(picture, image)| {
            let outcome = self.decode_one(&picture.file, shape, image)?;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            (loading.progress)(DecodingProgress { done, total: pictures.len() });
            Ok(outcome)
        })?;
        Ok(self.gather(shape, images, outcomes))
    }

    /// Returns the shape of every image, which the first undamaged picture decides.
    fn shape(&self) -> Result<ImageShape, Error> {
        for PictureFile { file, .. } in &self.listing.pictures {
            match decode(&read(file)?, self.follow_orientation) {
                Ok(decoded) => return Ok(self.fit.shape(&decoded)),
                Err(_) if self.skip_damaged => (),
                Err(reason) => {
                    return Err(Error::DamagedPicture { file: file.clone(), reason });
                }
            }
        }
        let folder = self.listing.pictures[0].file.path.parent().map_or_else(PathBuf::new, PathBuf::from);
        Err(Error::NoPictures { folder, homepage: self.listing.homepage })
    }

    fn decode_one(&self, file: &SourceFile, shape: ImageShape, image: &mut [u8]) -> Result<Outcome, Error> {
        let bytes = read(file)?;
        let ImageShape { height, width, .. } = shape;
        let decoded = match decode(&bytes, self.follow_orientation) {
            Err(reason) => Err(reason),
            Ok(decoded) => match (self.fit.write(decoded, shape, image), self.fit) {
                (Ok(()), _) => Ok(()),
                (Err((found_width, found_height)), Fit::AsFirst) => {
                    return Err(Error::Unsuitable {
                        path: file.path.clone(),
                        expected: format!("{width}x{height} pixels as the first picture has"),
                        found: format!("{found_width}x{found_height}"),
                        hint: "give the source a `size`, for example `size: Some(64)`",
                    });
                }
                (Err((found_width, found_height)), _) => {
                    Err(format!("expected {width}x{height} pixels, found {found_width}x{found_height}"))
                }
            },
        };
        match decoded {
            Err(reason) if !self.skip_damaged => Err(Error::DamagedPicture { file: file.clone(), reason }),
            decoded => Ok((blake3::hash(&bytes), decoded)),
        }
    }

    fn gather(&self, shape: ImageShape, mut images: Vec<u8>, outcomes: Vec<Outcome>) -> Decoded {
        let (mut labels, mut skipped) = (Vec::with_capacity(outcomes.len()), Vec::new());
        let mut hashes = Vec::with_capacity(outcomes.len());
        let pixels = shape.pixels();
        let mut parts = [0; 3];
        for (position, (picture, (hash, decoded))) in self.listing.pictures.iter().zip(outcomes).enumerate() {
            hashes.push(hash);
            match decoded {
                Err(reason) => skipped.push(Skipped { name: picture.file.name.clone(), reason }),
                Ok(()) => {
                    images.copy_within(position * pixels..(position + 1) * pixels, labels.len() * pixels);
                    labels.push(picture.label);
                    parts[picture.part as usize] += 1;
                }
            }
        }
        images.truncate(labels.len() * pixels);
        Decoded { shape, images, labels, parts, skipped, hashes }
    }
}

/// Returns `[pictures]`, the hashes of the files.
pub(super) fn hashes(listing: &Listing, loading: &Loading<'_>) -> Result<Vec<blake3::Hash>, Error> {
    let files = listing.pictures.iter().map(|picture| &picture.file);
    threads::try_map(loading.threads.get(), files, |file| Ok(blake3::hash(&read(file)?)))
}

fn read(file: &SourceFile) -> Result<Vec<u8>, Error> {
    fs::read(&file.path).map_err(|source| file.unreadable(source))
}
