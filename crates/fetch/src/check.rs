//! Is a file the one its authors publish?

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::Archive;

/// What is wrong with the file at `path`, if anything is.
pub(crate) fn difference(archive: &Archive<'_>, path: &Path) -> io::Result<Option<String>> {
    let bytes = path.metadata()?.len();
    if bytes != archive.bytes {
        return Ok(Some(format!("expected {} bytes, found {bytes}", archive.bytes)));
    }
    let found = sha256(path)?;
    Ok((found != archive.sha256).then(|| format!("expected SHA-256 {}, found {found}", archive.sha256)))
}

/// Of the file at `path`, lowercase hexadecimal digits.
pub(crate) fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
