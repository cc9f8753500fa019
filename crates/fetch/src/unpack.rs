//! From an archive to the files in it, in a folder of their own.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};

use flate2::bufread::GzDecoder;
use tar::EntryType;
use zip::ZipArchive;

use crate::archives::MOST_ENTRIES;
use crate::{Error, Packing};

/// Files of at least this size are synced: a picture that a power cut damages does not decode, but a large file of
/// numbers would be read as it is.
const SYNCED_BYTES: u64 = 1 << 20;

/// Writes the files of `archive` into `folder`, without the one folder that the archive has around them. An archive with
/// a link in it is refused: no source has any, and through a link a file could be written anywhere.
///
/// `progress` is told the bytes that were unpacked.
pub(crate) fn unpack(
    archive: &Path,
    packing: Packing,
    folder: &Path,
    progress: &dyn Fn(u64),
) -> Result<(), Error> {
    let unpacked_bytes = match packing {
        Packing::Kept => 0,
        Packing::Tar { unpacked_bytes }
        | Packing::TarGz { unpacked_bytes }
        | Packing::Zip { unpacked_bytes } => unpacked_bytes,
    };
    let mut unpacking = Unpacking { archive, folder, unpacked_bytes, done: 0, entries: 0, progress };
    let failed = |source| Error::NotUnpacked { archive: archive.to_path_buf(), source };
    let file = BufReader::with_capacity(1 << 20, File::open(archive).map_err(failed)?);
    match packing {
        Packing::Kept => Ok(()),
        Packing::Tar { .. } => unpacking.tar(file),
        Packing::TarGz { .. } => unpacking.tar(GzDecoder::new(file)),
        Packing::Zip { .. } => unpacking.zip(file),
    }
}

struct Unpacking<'a> {
    archive: &'a Path,
    folder: &'a Path,
    unpacked_bytes: u64,
    done: u64,
    entries: usize,
    progress: &'a dyn Fn(u64),
}

/// What an entry of an archive is.
#[derive(Clone, Copy)]
enum Kind {
    File,
    Folder,
    /// Neither, in words.
    Other(&'static str),
}

impl Unpacking<'_> {
    fn tar(&mut self, reader: impl Read) -> Result<(), Error> {
        // Headers and padding add to the bytes of the files; the rest of a bomb is never read.
        let mut archive =
            tar::Archive::new(reader.take(2 * self.unpacked_bytes + (MOST_ENTRIES as u64 * 1024)));
        for entry in archive.entries().map_err(|error| self.failed(error))? {
            let mut entry = entry.map_err(|error| self.failed(error))?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let kind = match entry.header().entry_type() {
                // Notes about all entries that follow.
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
        let failed = |error: zip::result::ZipError| io::Error::other(error);
        let mut archive = ZipArchive::new(reader).map_err(|error| self.failed(failed(error)))?;
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(|error| self.failed(failed(error)))?;
            let name = entry.name().map_err(|error| self.failed(failed(error)))?.into_owned();
            let kind = match (entry.is_symlink(), entry.is_dir()) {
                (true, _) => Kind::Other("a link"),
                (false, true) => Kind::Folder,
                (false, false) => Kind::File,
            };
            self.write(&name, kind, &mut entry)?;
        }
        Ok(())
    }

    /// Writes one entry if it is a file. Names are checked whatever the entry is.
    fn write(&mut self, name: &str, kind: Kind, content: &mut dyn Read) -> Result<(), Error> {
        self.entries += 1;
        if self.entries > MOST_ENTRIES {
            return Err(self.too_large());
        }
        let (archive, entry) = (self.archive.to_path_buf(), name.to_owned());
        let Some(inner) = inner_path(name) else { return Err(Error::Escapes { archive, entry }) };
        match kind {
            Kind::Other(kind) => return Err(Error::NoFile { archive, kind, entry }),
            Kind::Folder => return Ok(()),
            // A file beside the one folder is no part of the source.
            Kind::File if inner.as_os_str().is_empty() => return Ok(()),
            Kind::File => (),
        }
        let path = self.folder.join(inner);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|source| Error::io(parent, source))?;
        }
        let written = self.copy(content, &path)?;
        self.done += written;
        if self.done > self.unpacked_bytes {
            return Err(self.too_large());
        }
        (self.progress)(self.done);
        Ok(())
    }

    /// Reads at most one byte more than there may be.
    fn copy(&self, content: &mut dyn Read, path: &Path) -> Result<u64, Error> {
        let mut content = content.take(self.unpacked_bytes - self.done + 1);
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
        Error::NotUnpacked { archive: self.archive.to_path_buf(), source }
    }

    fn too_large(&self) -> Error {
        Error::TooLarge { archive: self.archive.to_path_buf(), unpacked_bytes: self.unpacked_bytes }
    }
}

/// The path below the archive's one folder; `None` for a name that leads out of it.
fn inner_path(name: &str) -> Option<PathBuf> {
    // Windows writes them, and some readers split at them.
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
