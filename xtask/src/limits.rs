//! Limits that the operating system sets for this process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the number of files that this process may open to the system's maximum: each trial in training keeps two open.
pub fn allow_many_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    // If this fails, a file that cannot be opened is reported where it is opened.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
