//! Many pictures at once, on every core.

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::listing::{Listing, PictureFile};
use super::picture::{Fit, decode};
use crate::files::SourceFile;
use crate::{DecodingProgress, Error, ImageShape, Loading, Skipped};

/// What is decoded, and how.
#[derive(Clone, Copy)]
pub(super) struct Decoding<'a> {
    pub(super) listing: &'a Listing,
    pub(super) fit: Fit,
    pub(super) skip_damaged: bool,
}

/// Pixels in the order of the listing, without what was skipped.
pub(super) struct Decoded {
    pub(super) shape: ImageShape,
    /// `[examples, 3, height, width]`.
    pub(super) images: Vec<u8>,
    pub(super) labels: Vec<u16>,
    pub(super) skipped: Vec<Skipped>,
    /// `[pictures]`: of the bytes that were decoded, damaged ones among them.
    pub(super) hashes: Vec<blake3::Hash>,
}

/// What became of one picture.
struct Outcome {
    hash: blake3::Hash,
    /// The reason if it is damaged.
    decoded: Result<(), String>,
}

impl Decoding<'_> {
    /// Decodes every picture. Of several that are wrong, the first is reported, whatever the threads do.
    pub(super) fn run(&self, loading: &Loading<'_>) -> Result<Decoded, Error> {
        let shape = self.shape()?;
        let pictures = &self.listing.pictures;
        let mut images = vec![0; pictures.len() * shape.pixels()];
        let done = AtomicUsize::new(0);
        let tasks = pictures.iter().zip(images.chunks_exact_mut(shape.pixels()));
        let outcomes = in_parallel(loading.threads, tasks, |(picture, image)| {
            let outcome = self.decode_one(picture, shape, image)?;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            (loading.progress)(DecodingProgress { done, total: pictures.len() });
            Ok(outcome)
        })?;
        self.gather(shape, images, outcomes)
    }

    /// That of every image: the first picture that is whole decides.
    fn shape(&self) -> Result<ImageShape, Error> {
        for picture in &self.listing.pictures {
            match decode(&self.read(picture)?) {
                Ok(decoded) => return Ok(self.fit.shape(&decoded)),
                Err(_) if self.skip_damaged => (),
                Err(error) => return Err(self.damaged(picture, error.to_string())),
            }
        }
        let folder = self.listing.pictures[0].path.parent().map_or_else(PathBuf::new, PathBuf::from);
        Err(Error::NoPictures { folder, homepage: self.listing.homepage })
    }

    fn decode_one(
        &self,
        picture: &PictureFile,
        shape: ImageShape,
        image: &mut [u8],
    ) -> Result<Outcome, Error> {
        let bytes = self.read(picture)?;
        let hash = blake3::hash(&bytes);
        let decoded = match decode(&bytes) {
            Err(error) => Err(error.to_string()),
            Ok(decoded) => match (self.fit.write(decoded, shape, image), self.fit) {
                (Ok(()), _) => Ok(()),
                (Err((width, height)), Fit::AsFirst) => {
                    let (path, expected) = (picture.path.clone(), (shape.width, shape.height));
                    return Err(Error::MixedSizes { path, width, height, expected });
                }
                (Err((width, height)), _) => {
                    Err(format!("expected {}x{} pixels, found {width}x{height}", shape.width, shape.height))
                }
            },
        };
        match decoded {
            Err(reason) if !self.skip_damaged => Err(self.damaged(picture, reason)),
            decoded => Ok(Outcome { hash, decoded }),
        }
    }

    fn gather(
        &self,
        shape: ImageShape,
        mut images: Vec<u8>,
        outcomes: Vec<Outcome>,
    ) -> Result<Decoded, Error> {
        let (mut labels, mut skipped) = (Vec::with_capacity(outcomes.len()), Vec::new());
        let pixels = shape.pixels();
        for (position, (picture, outcome)) in self.listing.pictures.iter().zip(&outcomes).enumerate() {
            match &outcome.decoded {
                Err(reason) => skipped.push(Skipped { name: picture.name.clone(), reason: reason.clone() }),
                Ok(()) => {
                    images.copy_within(position * pixels..(position + 1) * pixels, labels.len() * pixels);
                    labels.push(picture.label);
                }
            }
        }
        images.truncate(labels.len() * pixels);
        let hashes = outcomes.into_iter().map(|outcome| outcome.hash).collect();
        Ok(Decoded { shape, images, labels, skipped, hashes })
    }

    fn read(&self, picture: &PictureFile) -> Result<Vec<u8>, Error> {
        read(picture, self.listing.homepage)
    }

    fn damaged(&self, picture: &PictureFile, reason: String) -> Error {
        Error::DamagedPicture { path: picture.path.clone(), reason, homepage: self.listing.homepage }
    }
}

/// `[pictures]`: hashes of the files' bytes.
pub(super) fn hashes(listing: &Listing, loading: &Loading<'_>) -> Result<Vec<blake3::Hash>, Error> {
    in_parallel(loading.threads, listing.pictures.iter(), |picture| {
        Ok(blake3::hash(&read(picture, listing.homepage)?))
    })
}

fn read(picture: &PictureFile, homepage: Option<&'static str>) -> Result<Vec<u8>, Error> {
    fs::read(&picture.path).map_err(|source| {
        let file = SourceFile { path: picture.path.clone(), name: picture.name.clone(), homepage };
        file.unreadable(source)
    })
}

/// `work` on every task, in the order of the tasks; or the error of the first task that has one.
///
/// Tasks are begun in order and each that was begun is finished, so the first error is the same however many threads
/// there are.
fn in_parallel<Task, Output>(
    threads: NonZeroUsize,
    tasks: impl Iterator<Item = Task> + Send,
    work: impl Fn(Task) -> Result<Output, Error> + Sync,
) -> Result<Vec<Output>, Error>
where
    Output: Send,
{
    let tasks = Mutex::new(tasks.enumerate());
    let results = Mutex::new(Vec::new());
    let has_failed = AtomicBool::new(false);
    let next = || match has_failed.load(Ordering::Relaxed) {
        true => None,
        false => tasks.lock().unwrap_or_else(PoisonError::into_inner).next(),
    };
    let run = || {
        let mut own = Vec::new();
        while let Some((position, task)) = next() {
            let result = work(task);
            if result.is_err() {
                has_failed.store(true, Ordering::Relaxed);
            }
            own.push((position, result));
        }
        results.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
    };
    thread::scope(|scope| {
        for _ in 1..threads.get() {
            scope.spawn(run);
        }
        run();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(position, _)| *position);
    results.into_iter().map(|(_, result)| result).collect()
}
