//! How do official files get into the data directory?
//!
//! [`fetch`] downloads what a source lacks: each archive from the first address that serves it whole, continued where
//! an earlier attempt was cut, checked by size and SHA-256 before anything is unpacked, unpacked beside its place and
//! renamed into it. So a source's folder never holds half of a file under a name that is read.
//!
//! What this crate leaves to others: it decodes no image, prints nothing, and decides nothing about when to download.

mod archives;
mod check;
mod checksum;
mod download;
mod error;
mod lock;
mod place;
mod request;
mod unpack;

use std::fs;
use std::path::{Path, PathBuf};

use data::Source;

pub use archives::{Archive, Collection, Packing, collection};
pub use checksum::{Authenticity, Checksum, checksums};
pub use error::{Error, Trouble, Wanted};

/// Where files go, where they come from, and who is told how far it is.
#[derive(Clone, Copy)]
pub struct Fetching<'a> {
    /// Folders of sources are in here.
    pub data_dir: &'a Path,
    /// Where files come from.
    pub network: Network<'a>,
    /// Called after every piece of work.
    pub progress: &'a dyn Fn(Progress<'_>),
}

/// Where files come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network<'a> {
    /// The addresses in the list of archives, one after the other.
    Official,
    /// `http://`, `https://` or `file://` and a folder, which serves every archive under its own name.
    Mirror(&'a str),
    /// Nowhere: what is missing is an error that says what to put where.
    Offline,
}

/// How far fetching is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Another process fetches into the same folder.
    Waiting,
    /// Bytes that are there, and bytes in all.
    Downloading {
        /// The archive's name.
        archive: &'a str,
        /// Bytes that are there.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The archive is there and is compared with its checksum.
    Checking {
        /// The archive's name.
        archive: &'a str,
    },
    /// Bytes that were unpacked, of about as many in all.
    Unpacking {
        /// The archive's name.
        archive: &'a str,
        /// Bytes that were unpacked.
        done: u64,
        /// About as many as there will be.
        total: u64,
    },
}

/// What fetching did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Every file was there; nothing was looked for elsewhere.
    WasThere,
    /// Files were downloaded.
    Downloaded,
}

/// Fetches what `source` lacks.
///
/// # Errors
/// If the source has no official files, if files are missing and may not be downloaded, or if no address serves them.
pub fn fetch(source: &Source, fetching: &Fetching<'_>) -> Result<Fetched, Error> {
    let Some(collection) = collection(source) else {
        return if source.presence(fetching.data_dir).complete {
            Ok(Fetched::WasThere)
        } else {
            Err(Error::NotPublished { source_name: source.name() })
        };
    };
    fetch_collection(&collection, &|| source.presence(fetching.data_dir).complete, fetching)
}

/// What `source` lacks under `data_dir`, and the folder it belongs into; `None` if it lacks nothing that is published.
#[must_use]
pub fn missing(source: &Source, data_dir: &Path) -> Option<(Vec<Wanted>, PathBuf)> {
    let collection = collection(source)?;
    let lacks = !source.presence(data_dir).complete;
    lacks.then(|| (place::wanted(&collection, data_dir), data_dir.join(collection.folder)))
}

/// Fetches `collection` unless `is_complete` says that its files are there.
///
/// # Errors
/// If files are missing and may not be downloaded, or if no address serves them.
pub fn fetch_collection(
    collection: &Collection<'_>,
    is_complete: &dyn Fn() -> bool,
    fetching: &Fetching<'_>,
) -> Result<Fetched, Error> {
    if is_complete() {
        return Ok(Fetched::WasThere);
    }
    let folder = fetching.data_dir.join(collection.folder);
    if fetching.network == Network::Offline {
        return Err(Error::Offline { wanted: place::wanted(collection, fetching.data_dir), folder });
    }
    let downloads = fetching.data_dir.join(".downloads").join(collection.folder);
    fs::create_dir_all(&downloads).map_err(|source| Error::io(&downloads, source))?;
    let _lock = lock::acquire(&downloads.join("lock"), fetching.progress)?;
    // Another process may have been faster.
    if is_complete() {
        return Ok(Fetched::WasThere);
    }
    for archive in collection.archives {
        if !place::is_there(archive, collection, fetching.data_dir) {
            let packed = download::download(archive, &downloads, fetching)?;
            place::put(archive, collection, &packed, fetching)?;
        }
    }
    if is_complete() { Ok(Fetched::Downloaded) } else { Err(Error::Incomplete { folder }) }
}
