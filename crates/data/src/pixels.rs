use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use memmap2::Mmap;

/// The bytes of images, in memory or mapped from a file. They are read like a slice. A copy of mapped bytes costs nothing.
#[derive(Clone)]
pub struct Pixels(Bytes);

#[derive(Clone)]
enum Bytes {
    Owned(Vec<u8>),
    Mapped { file: Arc<Mmap>, range: Range<usize> },
}

impl Pixels {
    pub(crate) fn mapped(file: Arc<Mmap>, range: Range<usize>) -> Self {
        Self(Bytes::Mapped { file, range })
    }

    /// Whether the bytes are in a file and not in the process's own memory.
    pub fn is_mapped(&self) -> bool {
        matches!(self.0, Bytes::Mapped { .. })
    }
}

impl From<Vec<u8>> for Pixels {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Bytes::Owned(bytes))
    }
}

impl Deref for Pixels {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Owned(bytes) => bytes,
            Bytes::Mapped { file, range } => &file[range.clone()],
        }
    }
}

impl PartialEq for Pixels {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Pixels {}

impl fmt::Debug for Pixels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.is_mapped() { "mapped" } else { "owned" };
        write!(formatter, "Pixels({} bytes, {place})", self.len())
    }
}
