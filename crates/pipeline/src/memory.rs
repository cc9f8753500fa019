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
    /// As the user said.
    limit: Option<u64>,
    state: Mutex<State>,
    given_back: Condvar,
}

#[derive(Debug)]
struct State {
    total: u64,
    reserved: u64,
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
        let total = limit.unwrap_or_else(usable);
        Self { limit, state: Mutex::new(State { total, reserved: 0 }), given_back: Condvar::new() }
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
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes > state.total && self.limit.is_none() {
            // Another program may have given some back since the stage began.
            state.total = state.total.max(usable().saturating_add(state.reserved));
        }
        if bytes > state.total {
            return Err(state.total);
        }
        while state.total - state.reserved < bytes {
            if is_over() {
                return Ok(None);
            }
            state = self.given_back.wait_timeout(state, ASK_AGAIN).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.reserved += bytes;
        Ok(Some(Reserved { budget: self, bytes }))
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.budget.state.lock().unwrap_or_else(PoisonError::into_inner).reserved -= self.bytes;
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

/// Most of what is free. Where nobody can tell, nothing is refused.
fn usable() -> u64 {
    free_memory().map_or(u64::MAX, |free| (free as f64 * SHARE) as u64)
}

/// Bytes that this process could still take, as far as the system tells.
#[must_use]
pub fn free_memory() -> Option<u64> {
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
    // Files that were read count as used, until somebody needs the room.
    let cached = |stat: &str, name: &str| {
        let text = fs::read_to_string(root.join(stat)).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
        line.unwrap_or(0)
    };
    let left = |limit: &str, used: &str, cached: u64| {
        Some(number(limit)?.saturating_sub(number(used)?.saturating_sub(cached)))
    };
    left("memory.max", "memory.current", cached("memory.stat", "inactive_file ")).or_else(|| {
        let cached = cached("memory/memory.stat", "total_inactive_file ");
        left("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", cached)
    })
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
        fs::write(folder.path().join("memory.stat"), "anon 1\ninactive_file 300\n").expect("writable");
        assert_eq!(of_control_group(folder.path()), Some(900));
    }
}
