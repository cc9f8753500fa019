//! One file of a source.

use std::path::PathBuf;

/// One file of a source, which may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The path on disk, without the ending `.gz` if only the unpacked file exists.
    pub path: PathBuf,
    /// The name under which its authors publish it, or the role of a user's own file.
    pub name: String,
    /// The page on which its authors publish it; `None` for a user's own file.
    pub homepage: Option<&'static str>,
}
