//! Unpacks an archive into a folder. Its content is trusted, because its size and SHA-256 were checked.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use flate2::bufread::GzDecoder;
use zip::ZipArchive;

use crate::Packing;

pub(crate) fn unpack(packing: Packing, packed: &Path, folder: &Path) -> io::Result<()> {
    let file = BufReader::with_capacity(1 << 20, File::open(packed)?);
    match packing {
        Packing::Kept => Ok(()),
        Packing::Tar => tar::Archive::new(file).unpack(folder),
        Packing::TarGz => tar::Archive::new(GzDecoder::new(file)).unpack(folder),
        Packing::Zip => Ok(ZipArchive::new(file)?.extract(folder)?),
    }
}
