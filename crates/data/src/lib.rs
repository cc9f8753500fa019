//! Where do images come from?
//!
//! A [`Source`] is one of the image collections in the list of [`sources`]: official files under a data directory, a
//! user's own, or figures this program draws itself. [`Dataset::load`] reads one, splits it by seed into training,
//! validation and test examples, and hands each out as a [`View`], which copies scaled pixels into the caller's batch.
//! With a folder to keep decoded pictures in ([`Loading`]), pictures are decoded once and mapped from then on.
//!
//! What this crate leaves to others: it downloads nothing, holds no tensors, and its only state is the files it reads
//! and the decoded pictures it keeps where it is told to.

mod arrays;
mod augmentation;
mod cifar;
mod contact_sheet;
mod dataset;
mod duplicates;
mod error;
mod files;
mod fingerprint;
mod idx;
mod loading;
mod npy;
mod order;
mod part;
mod pictures;
mod pixels;
mod scaling;
mod settings;
mod sources;
mod split;
mod view;

pub use augmentation::{Augmentation, ImageChange, Occasion};
pub use contact_sheet::ContactSheet;
pub use dataset::Dataset;
pub use duplicates::Duplicates;
pub use error::Error;
pub use files::{Presence, SourceFile};
pub use fingerprint::Fingerprint;
pub use loading::{DecodingProgress, Loading};
pub use order::batch_order;
pub use part::{Counts, ImageShape, Loaded, Part, Skipped};
pub use pictures::verify_decoded;
pub use pixels::Pixels;
pub use scaling::{PerChannel, Scaler, Scaling};
pub use settings::{DatasetSettings, Problem};
pub use sources::{
    Caltech256, Cifar100, Cifar100Labels, EuroSat, Glyphs, Idx, IdxFiles, ImageFolder, Npz, Source, sources,
};
pub use view::View;
