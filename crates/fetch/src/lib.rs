//! Downloads the official files of a source into the data directory.
//!
//! [`fetch`] takes each missing archive from the first address that serves it completely and resumes interrupted
//! downloads. An archive is checked by size and SHA-256, unpacked into a temporary folder on the same disk, and only then
//! renamed to its final name. A source's folder therefore never holds an incomplete file under a name that is read.
//!
//! This crate decodes no images, prints nothing, and leaves it to its caller when to download.

mod archives;
mod checksum;
mod download;
mod error;
mod lock;
mod place;
mod request;
mod unpack;
mod watch;

use std::fs;
use std::path::{Path, PathBuf};

use data::Source;

pub use archives::{Archive, Collection, Packing, collection};
pub use checksum::{Authenticity, Checksum, checksums};
pub use error::{Error, Wanted};

/// The settings of a download.
#[derive(Clone, Copy)]
pub struct Fetching<'a> {
    /// The folder that holds a folder for each source.
    pub data_dir: &'a Path,
    pub network: Network<'a>,
    /// Called after every piece of work.
    pub progress: &'a dyn Fn(Progress<'_>),
}

/// The servers that may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network<'a> {
    /// The addresses in the list of archives, in their order.
    Official,
    /// A folder by its `http://`, `https://` or `file://` address, which serves every archive under its own name.
    Mirror(&'a str),
    /// No server: missing files are an error.
    Offline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Another process fetches into the same folder.
    Waiting,
    /// `done` of `total` bytes are downloaded.
    Downloading {
        archive: &'a str,
        done: u64,
        total: u64,
    },
    /// The server at `address` has sent nothing for seconds. After a minute, the address `next` is asked.
    Stalled {
        archive: &'a str,
        address: &'a str,
        next: Option<&'a str>,
    },
    /// The archive is downloaded and is compared with its checksum.
    Checking {
        archive: &'a str,
    },
    Unpacking {
        archive: &'a str,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// No file was missing, and no server was asked.
    WasThere,
    Downloaded,
}

/// Fetches the files of `source` that are missing.
pub fn fetch(source: &Source, fetching: &Fetching<'_>) -> Result<Fetched, Error> {
    let is_complete = || source.presence(fetching.data_dir).complete;
    match collection(source) {
        Some(collection) => fetch_collection(&collection, &is_complete, fetching),
        None if is_complete() => Ok(Fetched::WasThere),
        None => Err(Error::NotPublished { source_name: source.name() }),
    }
}

/// Returns the official archives that `source` lacks under `data_dir` and the folder for their files; `None` if it lacks
/// none.
pub fn missing(source: &Source, data_dir: &Path) -> Option<(Vec<Wanted>, PathBuf)> {
    let collection = collection(source)?;
    let lacks = !source.presence(data_dir).complete;
    lacks.then(|| (place::wanted(&collection, data_dir), data_dir.join(collection.folder)))
}

/// Fetches `collection` unless `is_complete` says that its files are there.
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
    // Another process may have fetched them while this one waited for the lock.
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
