//! Unpacks an archive into a folder.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};

use flate2::bufread::GzDecoder;
use tar::EntryType;
use zip::ZipArchive;

use crate::archives::MAX_ENTRIES;
use crate::{Archive, Error, Packing, Progress};

/// The size from which files are synced. A picture that a power cut damages does not decode, but a large file of numbers
/// would be read with its damage.
const SYNCED_BYTES: u64 = 1 << 20;

/// Writes the files of `archive`, which is at `packed`, into `folder`, without the one folder that the archive has around
/// them.
///
/// An archive with a link in it is refused: no source has any, and through a link a file could be written anywhere.
pub(crate) fn unpack(
    archive: &Archive<'_>,
    packed: &Path,
    folder: &Path,
    progress: &dyn Fn(Progress<'_>),
) -> Result<(), Error> {
    let mut unpacking = Unpacking { archive, packed, folder, done: 0, entries: 0, progress };
    let file = File::open(packed).map_err(|error| unpacking.failed(error))?;
    let file = BufReader::with_capacity(1 << 20, file);
    match archive.packing {
        Packing::Kept => Ok(()),
        Packing::Tar { .. } => unpacking.tar(file),
        Packing::TarGz { .. } => unpacking.tar(GzDecoder::new(file)),
        Packing::Zip { .. } => unpacking.zip(file),
    }
}

struct Unpacking<'a> {
    archive: &'a Archive<'a>,
    packed: &'a Path,
    folder: &'a Path,
    done: u64,
    entries: usize,
    progress: &'a dyn Fn(Progress<'_>),
}

/// The kind of an archive's entry.
#[derive(Clone, Copy)]
enum Kind {
    File,
    Folder,
    /// An entry that is refused, as an error message calls it.
    Other(&'static str),
}

impl Unpacking<'_> {
    fn tar(&mut self, reader: impl Read) -> Result<(), Error> {
        // Headers and padding add to the bytes of the files. Of an archive that unpacks to more, the rest is never read.
        let limit = 2 * self.archive.packing.unpacked_bytes() + MAX_ENTRIES as u64 * 1024;
        let mut archive = tar::Archive::new(reader.take(limit));
        for entry in archive.entries().map_err(|error| self.failed(error))? {
            let mut entry = entry.map_err(|error| self.failed(error))?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let kind = match entry.header().entry_type() {
                // Attributes of all entries that follow.
                EntryType::XGlobalHeader => continue,
                EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
                EntryType::Directory => Kind::Folder,
                EntryType::Symlink | EntryType::Link => Kind::Other("a link"),
                EntryType::Char | EntryType::Block | EntryType::Fifo => Kind::Other("a device"),
                _ => Kind::Other("an entry of an unknown kind"),
            };
            self.write(&name, kind, &mut entry)?;
        }
        Ok(())
    }

    fn zip(&mut self, reader: BufReader<File>) -> Result<(), Error> {
        let mut archive = ZipArchive::new(reader).map_err(|error| self.failed(error.into()))?;
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(|error| self.failed(error.into()))?;
            let name = entry.name().map_err(|error| self.failed(error.into()))?.into_owned();
            let kind = match (entry.is_symlink(), entry.is_dir()) {
                (true, _) => Kind::Other("a link"),
                (false, true) => Kind::Folder,
                (false, false) => Kind::File,
            };
            self.write(&name, kind, &mut entry)?;
        }
        Ok(())
    }

    /// Writes one entry if it is a file. The names of all entries are checked.
    fn write(&mut self, name: &str, kind: Kind, content: &mut dyn Read) -> Result<(), Error> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(self.too_large());
        }
        let Some(inner) = inner_path(name) else {
            return Err(self.bad("names of files within one folder".to_owned(), format!("`{name}`")));
        };
        match kind {
            Kind::Other(kind) => {
                return Err(self.bad("files and folders".to_owned(), format!("{kind} `{name}`")));
            }
            Kind::Folder => return Ok(()),
            // A file next to the one folder is not part of the source.
            Kind::File if inner.as_os_str().is_empty() => return Ok(()),
            Kind::File => (),
        }
        let path = self.folder.join(inner);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|source| Error::io(parent, source))?;
        }
        self.done += self.copy(content, &path)?;
        let total = self.archive.packing.unpacked_bytes();
        if self.done > total {
            return Err(self.too_large());
        }
        (self.progress)(Progress::Unpacking { archive: self.archive.name, done: self.done, total });
        Ok(())
    }

    /// Returns the number of bytes written: at most one more than is allowed.
    fn copy(&self, content: &mut dyn Read, path: &Path) -> Result<u64, Error> {
        let mut content = content.take(self.archive.packing.unpacked_bytes() - self.done + 1);
        let mut file = File::create(path).map_err(|source| Error::io(path, source))?;
        let mut buffer = vec![0; 1 << 16];
        let mut written = 0;
        loop {
            let count = content.read(&mut buffer).map_err(|error| self.failed(error))?;
            if count == 0 {
                break;
            }
            file.write_all(&buffer[..count]).map_err(|source| Error::io(path, source))?;
            written += count as u64;
        }
        if written >= SYNCED_BYTES {
            file.sync_all().map_err(|source| Error::io(path, source))?;
        }
        Ok(written)
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::NotUnpacked { archive: self.packed.to_path_buf(), source }
    }

    fn bad(&self, expected: String, found: String) -> Error {
        Error::BadArchive { archive: self.packed.to_path_buf(), expected, found }
    }

    fn too_large(&self) -> Error {
        let unpacked_bytes = self.archive.packing.unpacked_bytes();
        let expected = format!("at most {unpacked_bytes} unpacked bytes in {MAX_ENTRIES} files");
        self.bad(expected, "more".to_owned())
    }
}

/// Returns the path below the archive's one folder; `None` for a name that leads out of the folder.
fn inner_path(name: &str) -> Option<PathBuf> {
    // Archives made on Windows have backslashes, and some readers split at them.
    if name.contains('\\') || name.contains('\0') {
        return None;
    }
    let mut parts = Vec::new();
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => (),
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.into_iter().skip(1).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_first_folder_and_none_leads_out() {
        for (name, inner) in [
            ("top/a/b.jpg", Some("a/b.jpg")),
            ("./top/a.bin", Some("a.bin")),
            ("top/", Some("")),
            ("readme", Some("")),
            ("../x", None),
            ("top/../../x", None),
            ("/etc/passwd", None),
            ("top\\..\\x", None),
        ] {
            assert_eq!(inner_path(name).as_deref(), inner.map(Path::new), "{name}");
        }
    }
}
