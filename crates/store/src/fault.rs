//! Named points at which tests kill the process.

/// Kills this process if the environment variable `BPFREE_FAULT` is `name#passes` and this point was passed `passes` times
/// before. Only the feature `faults` compiles it.
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
        // No destructor runs and nothing is flushed, as in a power failure; only the cache of the system survives.
        std::process::abort();
    }
}

#[cfg(not(feature = "faults"))]
pub(crate) fn point(_: &str) {}
