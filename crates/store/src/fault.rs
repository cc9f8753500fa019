//! Named points at which tests kill the process.

/// Kills this process, if it was started to die here: in the environment variable `BPFREE_FAULT` the name of the point, and
/// how many times it is passed before. Compiled with the feature `faults` only.
#[cfg(feature = "faults")]
pub(crate) fn point(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static LEFT: AtomicU32 = AtomicU32::new(u32::MAX);
    let Ok(wanted) = std::env::var("BPFREE_FAULT") else { return };
    let Some((wanted, passes)) = wanted.split_once('#') else { return };
    if wanted != name {
        return;
    }
    let passes: u32 = passes.parse().expect("BPFREE_FAULT is `name#passes`");
    let _ = LEFT.compare_exchange(u32::MAX, passes, Ordering::Relaxed, Ordering::Relaxed);
    if LEFT.fetch_sub(1, Ordering::Relaxed) == 0 {
        // No destructor runs, nothing is flushed: as when the power fails, but for what the system has.
        std::process::abort();
    }
}

#[cfg(not(feature = "faults"))]
pub(crate) fn point(_: &str) {}
