//! Brings the files of a checked archive to the names under which they are read.

use std::fs::{self, DirEntry, File};
use std::path::Path;

use crate::unpack::unpack;
use crate::{Archive, Collection, Error, Fetching, Packing, Progress, Wanted};

/// Whether a file that is kept as it is exists. Whether the files of a packed archive exist is known to its source alone.
pub(crate) fn is_there(archive: &Archive<'_>, collection: &Collection<'_>, data_dir: &Path) -> bool {
    archive.packing == Packing::Kept && data_dir.join(collection.folder).join(archive.name).is_file()
}

/// Returns the archives of `collection` that are still to be downloaded.
pub(crate) fn wanted(collection: &Collection<'_>, data_dir: &Path) -> Vec<Wanted> {
    let missing = collection.archives.iter().filter(|archive| !is_there(archive, collection, data_dir));
    missing
        .map(|archive| Wanted {
            name: archive.name.to_owned(),
            bytes: archive.bytes,
            homepage: collection.homepage.to_owned(),
        })
        .collect()
}

/// Brings the content of `packed` into the source's folder and removes the archive. The caller holds the folder's lock.
pub(crate) fn put(
    archive: &Archive<'_>,
    collection: &Collection<'_>,
    packed: &Path,
    fetching: &Fetching<'_>,
) -> Result<(), Error> {
    let folder = fetching.data_dir.join(collection.folder);
    if archive.packing == Packing::Kept {
        fs::create_dir_all(&folder).map_err(|source| Error::io(&folder, source))?;
        return rename(packed, &folder.join(archive.name));
    }
    // Next to the archive, so on the same disk as the source's folder. A killed process may have left one behind.
    let unpacked = packed.with_extension("unpacked");
    remove_folder(&unpacked)?;
    fs::create_dir_all(&unpacked).map_err(|source| Error::io(&unpacked, source))?;
    (fetching.progress)(Progress::Unpacking { archive: archive.name });
    let placed = unpack(archive.packing, packed, &unpacked)
        .map_err(|source| Error::NotUnpacked { archive: packed.to_path_buf(), source })
        .and_then(|()| merge(&unpacked, &folder));
    // Also after an error, which may be that the disk is full.
    remove_folder(&unpacked)?;
    placed?;
    fs::remove_file(packed).map_err(|source| Error::io(packed, source))
}

/// Renames the one folder in `unpacked` to `to`. If `to` has files already, renames each file into `to` instead.
fn merge(unpacked: &Path, to: &Path) -> Result<(), Error> {
    let mut folders = entries(unpacked)?.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir());
    let (Some(from), None) = (folders.next(), folders.next()) else {
        return Err(Error::Incomplete { folder: to.to_path_buf() });
    };
    // After a power cut, no file under its final name may lack bytes. Pictures, which are many, are one folder deeper: each is
    // checked when it is decoded.
    for file in entries(&from)?.iter().map(|entry| entry.path()).filter(|path| path.is_file()) {
        File::open(&file).and_then(|file| file.sync_all()).map_err(|source| Error::io(&file, source))?;
    }
    // An empty folder is replaced.
    if !to.exists() || entries(to)?.is_empty() {
        return rename(&from, to);
    }
    let entries = entries(&from)?;
    if entries.iter().any(|entry| entry.path().is_dir()) {
        return Err(Error::InTheWay { path: to.to_path_buf() });
    }
    entries.iter().try_for_each(|entry| rename(&entry.path(), &to.join(entry.file_name())))
}

fn entries(folder: &Path) -> Result<Vec<DirEntry>, Error> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect);
    entries.map_err(|source| Error::io(folder, source))
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to)
        .and_then(|()| to.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all()))
        .map_err(|source| Error::io(to, source))
}

fn remove_folder(folder: &Path) -> Result<(), Error> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|source| Error::io(folder, source))?;
    }
    Ok(())
}
