//! What the system allows this process.

/// Lets this process open as many files as the system would let it: each trial of a population has two of its own open.
pub fn allow_many_files() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls only read or write the struct, which lives on this stack.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            // If it cannot be raised, what cannot be opened says so itself.
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}
