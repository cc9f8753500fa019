//! Where do images come from?
//!
//! A [`Source`] is one of the image collections in the list of [`sources`]: official files under a data directory, or
//! figures this program draws itself. [`Dataset::load`] reads one, splits it by seed into training, validation and
//! test examples, and hands each out as a [`View`], which copies scaled pixels into the caller's batch.
//!
//! What this crate leaves to others: it downloads nothing, holds no tensors, and its only state is the files it reads.

mod dataset;
mod error;
mod files;
mod fingerprint;
mod idx;
mod order;
mod part;
mod scaling;
mod settings;
mod sources;
mod split;
mod view;

pub use dataset::Dataset;
pub use error::Error;
pub use files::{Presence, SourceFile};
pub use fingerprint::Fingerprint;
pub use order::batch_order;
pub use part::{ImageShape, Loaded, Part};
pub use scaling::Scaling;
pub use settings::{DatasetSettings, Problem};
pub use sources::{Glyphs, Source, sources};
pub use view::View;
