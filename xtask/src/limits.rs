//! Limits that the operating system sets for this process.

/// Raises the number of files that this process may open to the system's maximum: each trial in training keeps two open.
pub fn allow_many_files() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls only read or write the struct, which lives on this stack.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            // If this fails, a file that cannot be opened is reported where it is opened.
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}
