//! Downloads one archive from the first address that serves all of it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::checksum::difference;
use crate::request::{Refusal, request};
use crate::watch::{Event, PATIENCE, Watch};
use crate::{Archive, Error, Fetching, Network, Progress};

/// How often a download from one address is resumed, as long as each request brings new bytes.
const MAX_RESUMPTIONS: usize = 50;

/// Downloads and checks `archive`, and returns its path, which is in the folder `downloads`.
pub(crate) fn download(
    archive: &Archive<'_>,
    downloads: &Path,
    fetching: &Fetching<'_>,
) -> Result<PathBuf, Error> {
    let complete = downloads.join(archive.name);
    if is_complete(archive, &complete, fetching)? {
        return Ok(complete);
    }
    let part = downloads.join(format!("{}.part", archive.name));
    let mut failures = Vec::new();
    let addresses = addresses(archive, fetching.network);
    for (index, address) in addresses.iter().enumerate() {
        let next = addresses.get(index + 1).map(String::as_str);
        match download_from(&Asked { address, next }, archive, &part, fetching)? {
            Ok(()) => {
                fs::rename(&part, &complete).map_err(|source| Error::io(&complete, source))?;
                return Ok(complete);
            }
            Err(reason) => failures.push(format!("{address}: {reason}")),
        }
    }
    let homepage = archive.served_from.first().copied().unwrap_or("its authors").to_owned();
    Err(Error::NotDownloaded { name: archive.name.to_owned(), failures, homepage })
}

/// The address that is asked, and the one that is asked after it.
struct Asked<'a> {
    address: &'a str,
    next: Option<&'a str>,
}

fn addresses(archive: &Archive<'_>, network: Network<'_>) -> Vec<String> {
    let folders = match &network {
        Network::Official => archive.served_from,
        Network::Mirror(folder) => std::slice::from_ref(folder),
        Network::Offline => &[],
    };
    folders.iter().map(|folder| format!("{}/{}", folder.trim_end_matches('/'), archive.name)).collect()
}

/// Whether an earlier attempt left the complete file. Another file is removed.
fn is_complete(archive: &Archive<'_>, path: &Path, fetching: &Fetching<'_>) -> Result<bool, Error> {
    if !path.is_file() {
        return Ok(false);
    }
    (fetching.progress)(Progress::Checking { archive: archive.name });
    let is_complete = difference(archive, path)?.is_none();
    if !is_complete {
        remove(path)?;
    }
    Ok(is_complete)
}

/// Sends requests to one address until the file is complete or the server sends nothing new. The inner error is the reason
/// why this address failed.
fn download_from(
    asked: &Asked<'_>,
    archive: &Archive<'_>,
    part: &Path,
    fetching: &Fetching<'_>,
) -> Result<Result<(), String>, Error> {
    for _ in 0..=MAX_RESUMPTIONS {
        let before = bytes_of(part);
        let mut interruption = None;
        if before < archive.bytes {
            match append(asked, before, archive, part, fetching)? {
                Ok(cut) => interruption = cut,
                Err(Refusal::NoSuchPart) => {
                    remove(part)?;
                    continue;
                }
                Err(Refusal::Other(reason)) => return Ok(Err(reason)),
            }
        }
        let after = bytes_of(part);
        if after < archive.bytes {
            if after > before {
                continue;
            }
            return Ok(Err(
                interruption.unwrap_or_else(|| format!("cut after {after} of {} bytes", archive.bytes))
            ));
        }
        (fetching.progress)(Progress::Checking { archive: archive.name });
        let Some(difference) = difference(archive, part)? else { return Ok(Ok(())) };
        remove(part)?;
        // A resumed file may have begun at another server: it is requested once more, from its start.
        if before == 0 {
            return Ok(Err(difference));
        }
    }
    Ok(Err(format!("cut more than {MAX_RESUMPTIONS} times")))
}

/// Requests the bytes from `start` on and writes those that the server sends, at most one more than the file has. Returns the
/// reason if the server was interrupted, which is no error because the next request resumes.
fn append(
    asked: &Asked<'_>,
    start: u64,
    archive: &Archive<'_>,
    part: &Path,
    fetching: &Fetching<'_>,
) -> Result<Result<Option<String>, Refusal>, Error> {
    let (address, total) = (asked.address.to_owned(), archive.bytes);
    let watch = match Watch::start(PATIENCE, move || request(&address, start), move |first| total + 1 - first)
    {
        Ok(watch) => watch,
        Err(error) => return Ok(Err(Refusal::Other(format!("{NO_THREAD}: {error}")))),
    };
    let stalled = || {
        let Asked { address, next } = *asked;
        (fetching.progress)(Progress::Stalled { archive: archive.name, address, next });
    };
    let mut done = match watch.next(&stalled) {
        Some(Event::Begins(first)) => first,
        Some(Event::Refused(refusal)) => return Ok(Err(refusal)),
        _ => return Ok(Err(Refusal::Other(SILENT.to_owned()))),
    };
    let is_start = done == 0;
    let mut options = OpenOptions::new();
    let options = options.create(true).write(true).append(!is_start).truncate(is_start);
    let mut file = machine::plain::open(options, part).map_err(|source| Error::io(part, source))?;
    loop {
        match watch.next(&stalled) {
            Some(Event::Bytes(bytes)) => {
                file.write_all(&bytes).map_err(|source| Error::io(part, source))?;
                done += bytes.len() as u64;
                (fetching.progress)(Progress::Downloading { archive: archive.name, done, total });
            }
            Some(Event::Failed(error)) => return Ok(Ok(Some(error.to_string()))),
            None => return Ok(Ok(Some(SILENT.to_owned()))),
            Some(_) => break,
        }
    }
    file.sync_all().map_err(|source| Error::io(part, source))?;
    Ok(Ok(None))
}

const SILENT: &str = "the server sent nothing for a minute";
const NO_THREAD: &str = "the system starts no thread for the download (`ulimit -u` limits their number)";

fn bytes_of(part: &Path) -> u64 {
    fs::symlink_metadata(part).map_or(0, |metadata| metadata.len())
}

fn remove(path: &Path) -> Result<(), Error> {
    fs::remove_file(path).map_err(|source| Error::io(path, source))
}
