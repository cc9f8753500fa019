//! One archive, from the first address that serves it whole.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::request::{Answer, Refusal, request};
use crate::{Archive, Error, Fetching, Network, Progress, Trouble, check};

/// How often one address is asked again after it was cut, having sent something new each time.
const MOST_CONTINUATIONS: usize = 50;

/// The file under its final name, whole and checked, in the folder `downloads`.
pub(crate) fn download(
    archive: &Archive<'_>,
    downloads: &Path,
    fetching: &Fetching<'_>,
) -> Result<PathBuf, Error> {
    let whole = downloads.join(archive.name);
    if is_whole(archive, &whole, fetching)? {
        return Ok(whole);
    }
    let part = downloads.join(format!("{}.part", archive.name));
    let mut troubles = Vec::new();
    for address in addresses(archive, fetching.network) {
        match download_from(&address, archive, &part, fetching)? {
            Ok(()) => {
                fs::rename(&part, &whole).map_err(|source| Error::io(&whole, source))?;
                return Ok(whole);
            }
            Err(reason) => troubles.push(Trouble { address, reason }),
        }
    }
    let homepage = archive.served_from.first().copied().unwrap_or("its authors").to_owned();
    Err(Error::NotDownloaded { name: archive.name.to_owned(), troubles, homepage })
}

fn addresses(archive: &Archive<'_>, network: Network<'_>) -> Vec<String> {
    let address = |folder: &str| format!("{}/{}", folder.trim_end_matches('/'), archive.name);
    match network {
        Network::Official => archive.served_from.iter().copied().map(address).collect(),
        Network::Mirror(folder) => vec![address(folder)],
        Network::Offline => Vec::new(),
    }
}

/// Whether an earlier attempt left the file, checked or not.
fn is_whole(archive: &Archive<'_>, path: &Path, fetching: &Fetching<'_>) -> Result<bool, Error> {
    if !path.is_file() {
        return Ok(false);
    }
    (fetching.progress)(Progress::Checking { archive: archive.name });
    let difference = check::difference(archive, path).map_err(|source| Error::io(path, source))?;
    if difference.is_some() {
        remove(path)?;
    }
    Ok(difference.is_none())
}

/// Asks one address until the file is whole, or it sends nothing new. The inner error says in words what happened.
fn download_from(
    address: &str,
    archive: &Archive<'_>,
    part: &Path,
    fetching: &Fetching<'_>,
) -> Result<Result<(), String>, Error> {
    for _ in 0..=MOST_CONTINUATIONS {
        let before = bytes_of(part);
        let mut interruption = None;
        if before < archive.bytes {
            match request(address, before) {
                Ok(answer) => interruption = append(answer, archive, part, fetching)?,
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
            let cut = || format!("cut after {after} of {} bytes", archive.bytes);
            return Ok(Err(interruption.unwrap_or_else(cut)));
        }
        (fetching.progress)(Progress::Checking { archive: archive.name });
        match check::difference(archive, part).map_err(|source| Error::io(part, source))? {
            None => return Ok(Ok(())),
            Some(difference) => {
                remove(part)?;
                // What was continued may have begun elsewhere: once more, from the start.
                if before == 0 {
                    return Ok(Err(difference));
                }
            }
        }
    }
    Ok(Err(format!("cut more than {MOST_CONTINUATIONS} times")))
}

/// Writes what the server sends, at most one byte more than the file has; what interrupts the server is no error, for
/// the next request goes on from there.
fn append(
    answer: Answer,
    archive: &Archive<'_>,
    part: &Path,
    fetching: &Fetching<'_>,
) -> Result<Option<String>, Error> {
    let failed = |source| Error::io(part, source);
    let is_start = answer.starts_at == 0;
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .append(!is_start)
        .truncate(is_start)
        .open(part)
        .map_err(failed)?;
    let mut done = answer.starts_at;
    let mut body = answer.body.take(archive.bytes + 1 - done);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                file.write_all(&buffer[..count]).map_err(failed)?;
                done += count as u64;
                (fetching.progress)(Progress::Downloading {
                    archive: archive.name,
                    done,
                    total: archive.bytes,
                });
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => (),
            Err(error) => return Ok(Some(error.to_string())),
        }
    }
    file.sync_all().map_err(failed)?;
    Ok(None)
}

fn bytes_of(part: &Path) -> u64 {
    fs::metadata(part).map_or(0, |metadata| metadata.len())
}

fn remove(path: &Path) -> Result<(), Error> {
    fs::remove_file(path).map_err(|source| Error::io(path, source))
}
