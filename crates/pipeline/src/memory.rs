//! How much memory may trials take together? Each reserves what it needs before it begins, and waits while others have it.

use std::{
    fs,
    path::Path,
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use engine::MemoryNeed;

/// Of what is free, so much may be taken: other programs need some, and what a trial needs is known only about.
const SHARE: f64 = 0.9;
/// How long a trial waits before it asks whether the run was interrupted.
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// Memory that the trials of a stage share.
#[derive(Debug)]
pub(crate) struct Budget {
    total: u64,
    free: Mutex<u64>,
    given_back: Condvar,
}

/// Memory that is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Reserved<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    /// Of `limit` bytes, or of most of what is free now.
    pub(crate) fn new(limit: Option<u64>) -> Self {
        // Where nobody can tell, nothing is refused.
        let total =
            limit.or_else(|| free_memory().map(|free| (free as f64 * SHARE) as u64)).unwrap_or(u64::MAX);
        Self { total, free: Mutex::new(total), given_back: Condvar::new() }
    }

    /// Waits until `bytes` are free; `None` if `is_over` before. What needs more than there is gets nothing.
    ///
    /// # Errors
    /// With all that there is, if that is less than `bytes`.
    pub(crate) fn reserve(
        &self,
        bytes: u64,
        is_over: impl Fn() -> bool,
    ) -> Result<Option<Reserved<'_>>, u64> {
        if bytes > self.total {
            return Err(self.total);
        }
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free < bytes {
            if is_over() {
                return Ok(None);
            }
            free = self.given_back.wait_timeout(free, ASK_AGAIN).unwrap_or_else(PoisonError::into_inner).0;
        }
        *free -= bytes;
        Ok(Some(Reserved { budget: self, bytes }))
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        *self.budget.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.budget.given_back.notify_all();
    }
}

/// Why a trial that needs so much is not begun.
pub(crate) fn too_large(need: &MemoryNeed, total: u64) -> String {
    format!(
        "needs about {} of memory ({} for weights and optimizer, {} for activations, {} while they are drawn), {} may be \
         used: take smaller layers or batches, or allow more by `--memory SIZE`",
        in_words(need.peak()),
        in_words(need.parameters),
        in_words(need.activations),
        in_words(need.drawing),
        in_words(total)
    )
}

/// `12.3 GB`, `8 MB`.
fn in_words(bytes: u64) -> String {
    if bytes >= 1_000_000_000 {
        format!("{:.1} GB", bytes as f64 / 1e9)
    } else {
        format!("{} MB", bytes.div_ceil(1_000_000))
    }
}

/// Bytes that this process could still take, as far as the system tells.
fn free_memory() -> Option<u64> {
    let read = |path: &str| fs::read_to_string(path).ok();
    let of_machine = read("/proc/meminfo").and_then(|text| available(&text));
    let of_process = read("/proc/self/limits").and_then(|limits| {
        let pages: u64 = read("/proc/self/statm")?.split_whitespace().next()?.parse().ok()?;
        // Pages of 4 KiB; larger ones make it a little more careful.
        address_space(&limits).map(|limit| limit.saturating_sub(pages * 4096))
    });
    [of_machine, of_control_group(Path::new("/sys/fs/cgroup")), of_process].into_iter().flatten().min()
}

/// `MemAvailable` of /proc/meminfo, in bytes.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// `ulimit -v`, from /proc/self/limits, in bytes.
fn address_space(limits: &str) -> Option<u64> {
    limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

/// What a container may still take: of version 2, or of version 1.
fn of_control_group(root: &Path) -> Option<u64> {
    let number = |name: &str| fs::read_to_string(root.join(name)).ok()?.trim().parse::<u64>().ok();
    let left = |limit: &str, used: &str| Some(number(limit)?.saturating_sub(number(used)?));
    left("memory.max", "memory.current")
        .or_else(|| left("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn never_more_is_taken_than_there_is_and_everybody_gets_a_turn() {
        let budget = Budget::new(Some(10));
        let (now, most, turns) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for bytes in [3, 4, 5, 6, 7, 10] {
                let (budget, now, most, turns) = (&budget, &now, &most, &turns);
                scope.spawn(move || {
                    for _ in 0..50 {
                        let reserved = budget.reserve(bytes, || false).expect("there is enough");
                        most.fetch_max(now.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                        now.fetch_sub(bytes, Ordering::SeqCst);
                        turns.fetch_add(1, Ordering::SeqCst);
                        drop(reserved);
                    }
                });
            }
        });
        assert_eq!(turns.into_inner(), 300);
        assert!(most.into_inner() <= 10);
        assert_eq!(budget.reserve(11, || false).expect_err("too much"), 10);
    }

    #[test]
    fn who_waits_leaves_when_the_run_is_over() {
        let budget = Budget::new(Some(10));
        let _all = budget.reserve(10, || false);
        assert!(budget.reserve(1, || true).expect("it would fit").is_none());
    }

    #[test]
    fn what_the_system_says_is_read() {
        assert_eq!(available("MemTotal: 8 kB\nMemAvailable:   24000 kB\n"), Some(24_576_000));
        assert_eq!(available("MemTotal: 8 kB\n"), None);
        let limits = |soft: &str| {
            format!("Limit  Soft  Hard  Units\nMax address space         {soft}   unlimited   bytes\n")
        };
        assert_eq!(address_space(&limits("4096")), Some(4096));
        assert_eq!(address_space(&limits("unlimited")), None);
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(of_control_group(folder.path()), None);
        fs::write(folder.path().join("memory.max"), "max\n").expect("writable");
        fs::write(folder.path().join("memory.current"), "400\n").expect("writable");
        assert_eq!(of_control_group(folder.path()), None);
        fs::write(folder.path().join("memory.max"), "1000\n").expect("writable");
        assert_eq!(of_control_group(folder.path()), Some(600));
    }
}
