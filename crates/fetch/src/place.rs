//! From a checked archive to files under the names that are read.

use std::fs::{self, File};
use std::path::Path;

use crate::unpack::unpack;
use crate::{Archive, Collection, Error, Fetching, Packing, Progress, Wanted};

/// Whether a file that is kept as it is lies in its place. Whether an unpacked archive is complete, its source knows.
pub(crate) fn is_there(archive: &Archive<'_>, collection: &Collection<'_>, data_dir: &Path) -> bool {
    archive.packing == Packing::Kept && data_dir.join(collection.folder).join(archive.name).is_file()
}

/// What is still to be had of `collection`.
pub(crate) fn wanted(collection: &Collection<'_>, data_dir: &Path) -> Vec<Wanted> {
    let missing = collection.archives.iter().filter(|archive| !is_there(archive, collection, data_dir));
    let wanted = |archive: &Archive<'_>| Wanted {
        name: archive.name.to_owned(),
        bytes: archive.bytes,
        homepage: collection.homepage.to_owned(),
    };
    missing.map(wanted).collect()
}

/// Brings what is in `packed` into its place, and removes the archive. The folder is locked.
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
    // Beside the archive, so on the same disk as its place. Killed attempts leave theirs behind.
    let unpacked = packed.with_extension("unpacked");
    remove_folder(&unpacked)?;
    fs::create_dir_all(&unpacked).map_err(|source| Error::io(&unpacked, source))?;
    let progress = |done| (fetching.progress)(unpacking(archive, done));
    let placed =
        unpack(packed, archive.packing, &unpacked, &progress).and_then(|()| merge(&unpacked, &folder));
    // Also after an error: a full disk is emptied.
    remove_folder(&unpacked)?;
    placed?;
    fs::remove_file(packed).map_err(|source| Error::io(packed, source))
}

fn unpacking<'a>(archive: &Archive<'a>, done: u64) -> Progress<'a> {
    let total = match archive.packing {
        Packing::Kept => 0,
        Packing::Tar { unpacked_bytes }
        | Packing::TarGz { unpacked_bytes }
        | Packing::Zip { unpacked_bytes } => unpacked_bytes,
    };
    Progress::Unpacking { archive: archive.name, done, total }
}

/// Renames `from` to `to` as a whole, or, where `to` has some files, each file in `from` into it.
fn merge(from: &Path, to: &Path) -> Result<(), Error> {
    if !to.exists() || is_empty(to) {
        if to.exists() {
            fs::remove_dir(to).map_err(|source| Error::io(to, source))?;
        }
        return rename(from, to);
    }
    let entries = fs::read_dir(from).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|source| Error::io(from, source))?;
    if entries.iter().any(|entry| entry.path().is_dir()) {
        return Err(Error::InTheWay { path: to.to_path_buf() });
    }
    entries.iter().try_for_each(|entry| rename(&entry.path(), &to.join(entry.file_name())))
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    let synced = |folder: &Path| File::open(folder).and_then(|folder| folder.sync_all());
    fs::rename(from, to)
        .and_then(|()| to.parent().map_or(Ok(()), synced))
        .map_err(|source| Error::io(to, source))
}

fn remove_folder(folder: &Path) -> Result<(), Error> {
    match folder.exists() {
        true => fs::remove_dir_all(folder).map_err(|source| Error::io(folder, source)),
        false => Ok(()),
    }
}
