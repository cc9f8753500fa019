//! A store of results: a key is mapped to a folder that is complete or does not exist.
//!
//! ```text
//! <root>/store/VERSION                                  the version of the layout
//! <root>/store/<kind>/<key>/                            finished: key.ron, the result's files, manifest.ron
//! <root>/work/<kind>-<key>/                             in progress: see `claim.rs`
//! ```
//!
//! The store knows neither stages nor training. Work is synced and then renamed, so a folder under its final name is complete, and
//! there is no second record of finished work. Nothing here deletes an artifact, except [`Store::remove`].

pub mod links;
pub mod persist;

mod artifact;
mod audit;
mod claim;
mod clock;
#[cfg(test)]
mod crash;
mod difference;
mod disk;
mod error;
#[cfg(test)]
mod example;
mod fault;
mod folder;
mod import;
#[cfg(test)]
mod journal;
mod key;
mod lease;
mod manifest;
mod name;
mod nearest;
mod owner;
mod remembered;
mod root;
mod unfinished;
mod work;

pub use artifact::Artifact;
pub use audit::InUse;
pub use claim::Claim;
pub use difference::{FieldDifference, difference, fields};
pub use error::{Result, StoreError};
pub use folder::{Placed, place_folder, read_if_there};
pub use import::{Imported, PackedFile};
pub use key::{Key, KeyText};
pub use lease::LastSeen;
pub use manifest::{FORMAT, KEY_FILE, ListedFile, MANIFEST_FILE, Manifest, Provenance, running_program};
pub use name::Name;
pub use owner::Owner;
pub use root::Store;
pub use work::Work;
