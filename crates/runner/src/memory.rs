//! How much memory may trials take together? Each reserves what it needs before it begins, and waits while others have it.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use data::Dataset;
use engine::MemoryNeed;
use settings::Device;

/// Of what is free, so much may be taken: other programs need some, and what a trial needs is known only about.
const SHARE: f64 = 0.9;
/// Of a GPU's: its backend keeps pages of freed tensors.
const SHARE_OF_GPU: f64 = 0.85;
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
    /// Of `limit` bytes of the memory that `device` computes in, or of most of what is free there now; without what the images
    /// take there.
    pub(crate) fn of(device: Device, limit: Option<u64>, dataset: &Dataset) -> Self {
        match device {
            Device::Cpu => Self::new(limit),
            // Nobody else's memory becomes free while a GPU works for this process.
            Device::Cuda => {
                let total = limit.unwrap_or_else(|| {
                    share(engine::gpu(device).ok().flatten().map(|(_, free)| free), SHARE_OF_GPU)
                });
                Self::new(Some(total.saturating_sub(pixels(dataset))))
            }
        }
    }

    /// All of it.
    pub(crate) fn total(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).total
    }

    /// Of `limit` bytes, or of most of what is free now.
    fn new(limit: Option<u64>) -> Self {
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

/// PopulationLimit of what is free. Where nobody can tell, nothing is refused.
fn usable() -> u64 {
    share(machine::memory::free(), SHARE)
}

/// Bytes of all images.
fn pixels(dataset: &Dataset) -> u64 {
    let views = [Some(dataset.train()), Some(dataset.validation()), dataset.test()];
    let images: usize = views.into_iter().flatten().map(|view| view.len()).sum();
    (images * dataset.shape().pixels()) as u64
}

fn share(free: Option<u64>, share: f64) -> u64 {
    free.map_or(u64::MAX, |free| (free as f64 * share) as u64)
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
}
