//! Decodes many pictures, on every core.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use picture::{decode, memory_need};

use super::Fit;
use super::listing::{Listing, PictureFile};
use super::memory::{Memory, Taken};
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
        let shape = self.shape(loading)?;
        let pictures = &self.listing.pictures;
        let memory = Memory::new(self.memory_besides_images(shape, loading)?);
        let mut images = vec![0; pictures.len() * shape.pixels()];
        let done = AtomicUsize::new(0);
        let tasks = pictures.iter().zip(images.chunks_exact_mut(shape.pixels()));
        let outcomes = threads::try_map(loading.threads.get(), tasks, |(picture, image)| {
            require_uninterrupted(loading)?;
            let outcome = self.decode_one(&picture.file, &memory, shape, image)?;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            (loading.progress)(DecodingProgress { done, total: pictures.len() });
            Ok(outcome)
        })?;
        Ok(self.gather(shape, images, outcomes))
    }

    /// Returns the shape of every image, which the first undamaged picture decides.
    fn shape(&self, loading: &Loading<'_>) -> Result<ImageShape, Error> {
        let memory = Memory::new(loading.memory);
        for PictureFile { file, .. } in &self.listing.pictures {
            require_uninterrupted(loading)?;
            let (bytes, _taken) = self.read(file, &memory)?;
            match decode(&bytes, self.follow_orientation) {
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

    /// Returns the memory that is left next to all images of `shape`.
    fn memory_besides_images(&self, shape: ImageShape, loading: &Loading<'_>) -> Result<u64, Error> {
        let pictures = self.listing.pictures.len();
        let (need, limit) = (pictures as u64 * shape.pixels() as u64, loading.memory);
        limit.checked_sub(need).ok_or_else(|| Error::PicturesTooLarge {
            path: self.listing.root.clone(),
            pictures,
            shape,
            need,
            limit,
        })
    }

    /// Waits for the memory to read and decode a picture, and reads its file.
    fn read<'m>(&self, file: &SourceFile, memory: &'m Memory) -> Result<(Vec<u8>, Taken<'m>), Error> {
        let unreadable = |source: io::Error| file.unreadable(source);
        let mut reader = BufReader::new(open(file)?);
        let length = reader.get_ref().metadata().map_err(unreadable)?.len();
        // A damaged header is reported by the decoder.
        let need = length + memory_need(&mut reader).unwrap_or(0) + self.fit.memory_need();
        let too_large = |limit| Error::PictureTooLarge { path: file.path.clone(), need, limit };
        let taken = memory.take(need).map_err(too_large)?;
        reader.rewind().map_err(unreadable)?;
        let mut bytes = Vec::with_capacity(length as usize);
        // A file that grows is read up to the length for which there is memory.
        reader.take(length).read_to_end(&mut bytes).map_err(unreadable)?;
        Ok((bytes, taken))
    }

    fn decode_one(
        &self,
        file: &SourceFile,
        memory: &Memory,
        shape: ImageShape,
        image: &mut [u8],
    ) -> Result<Outcome, Error> {
        let (bytes, _taken) = self.read(file, memory)?;
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
    threads::try_map(loading.threads.get(), files, |file| {
        require_uninterrupted(loading)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(open(file)?).map_err(|source| file.unreadable(source))?;
        Ok(hasher.finalize())
    })
}

fn require_uninterrupted(loading: &Loading<'_>) -> Result<(), Error> {
    if (loading.is_interrupted)() { Err(Error::Interrupted) } else { Ok(()) }
}

fn open(file: &SourceFile) -> Result<File, Error> {
    File::open(&file.path).map_err(|source| file.unreadable(source))
}
