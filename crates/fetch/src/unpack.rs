//! Unpacks an archive into a folder. Its content is trusted, because its size and SHA-256 were checked.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::bufread::GzDecoder;
use zip::ZipArchive;

use crate::Packing;

pub(crate) fn unpack(packing: Packing, packed: &Path, folder: &Path) -> io::Result<()> {
    let file = BufReader::with_capacity(1 << 20, File::open(packed)?);
    match packing {
        Packing::Kept => Ok(()),
        Packing::Tar => unpack_tar(file, folder),
        Packing::TarGz => unpack_tar(GzDecoder::new(file), folder),
        Packing::Zip => Ok(ZipArchive::new(file)?.extract(folder)?),
    }
}

fn unpack_tar(file: impl Read, folder: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(file);
    // Some clusters delete files whose time of change is weeks ago.
    archive.set_preserve_mtime(false);
    archive.unpack(folder)
}
