//! Is a file the one its authors publish?

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::Archive;

/// What is wrong with the file at `path`, if anything is.
pub(crate) fn difference(archive: &Archive<'_>, path: &Path) -> io::Result<Option<String>> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    if bytes != archive.bytes {
        return Ok(Some(format!("expected {} bytes, found {bytes}", archive.bytes)));
    }
    let found = sha256(&mut file)?;
    Ok((found != archive.sha256).then(|| format!("expected SHA-256 {}, found {found}", archive.sha256)))
}

/// Lowercase hexadecimal digits.
fn sha256(file: &mut File) -> io::Result<String> {
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
