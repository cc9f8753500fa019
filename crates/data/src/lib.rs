//! Images and labels, from files to batches.
//!
//! A [`Source`] is one entry in the list of [`sources`]: official files under a data directory, a user's own images, or
//! figures that this program draws. [`Dataset::load`] reads a source and splits it by seed into training, validation and
//! test examples. Each split is a [`View`], which copies scaled pixels into the caller's batch. If [`Loading`] names a
//! folder for decoded pictures, pictures are decoded once and mapped from then on.
//!
//! This crate downloads nothing and holds no tensors. Its only state are the files it reads and the decoded pictures.

mod account;
mod augmentation;
mod cifar;
mod contact_sheet;
mod counts;
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
mod problem;
mod scaling;
mod settings;
mod source_file;
mod sources;
mod split;
mod view;
mod warning;

pub use account::Account;
pub use augmentation::{Augmentation, AugmentationKey, Fill, ImageChange};
pub use contact_sheet::ContactSheet;
pub use counts::Counts;
pub use dataset::{Dataset, TestPart};
pub use duplicates::{Duplicates, Examination};
pub use error::Error;
pub use files::{FileStates, KnownFile, Presence};
pub use fingerprint::Fingerprint;
pub use loading::{DecodingProgress, Loading};
pub use order::batch_order;
pub use part::{ImageShape, Loaded, Part, Skipped};
pub use pixels::Pixels;
pub use problem::Problem;
pub use scaling::{PerChannel, Scaler, Scaling};
pub use settings::DatasetSettings;
pub use source_file::SourceFile;
pub use sources::{
    CIFAR10_FILES, Caltech256, Cifar100, Cifar100Labels, EuroSat, FASHION_MNIST_FILES, Glyphs, Idx, IdxFiles,
    ImageFolder, MNIST_FILES, Npz, Source, sources,
};
pub use view::View;
pub use warning::DataWarning;
