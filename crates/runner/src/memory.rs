//! The memory that trials may use together. Each population reserves its need before it begins, and waits while others use it.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use data::Dataset;
use engine::MemoryNeed;
use machine::memory::{in_words, usable};
use settings::Device;

/// The fraction of a GPU's free memory that trials may use. It is lower than that of the machine, since the backend keeps pages of
/// freed tensors.
const SHARE_OF_GPU: f64 = 0.85;
/// The time between two checks whether the run was interrupted.
const CHECK_INTERVAL: Duration = Duration::from_millis(300);

/// Memory that the trials of a stage share.
#[derive(Debug)]
pub(crate) struct Budget {
    size: Size,
    state: Mutex<State>,
    released: Condvar,
}

/// The origin of a budget's size.
#[derive(Clone, Copy, Debug)]
enum Size {
    Fixed(u64),
    /// The function measures the memory that may be used now.
    Measured(fn() -> u64),
}

#[derive(Debug)]
struct State {
    total: u64,
    reserved: u64,
}

/// Reserved memory, which is released when this is dropped.
#[derive(Debug)]
pub(crate) struct Reserved<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    /// Returns a budget of `limit` bytes of the memory of `device`, or of most of the memory that is free now. On a GPU, the images
    /// take a part of it.
    pub(crate) fn of(device: Device, limit: Option<u64>, dataset: &Dataset) -> Self {
        match device {
            Device::Cpu => Self::new(limit.map_or(Size::Measured(usable), Size::Fixed)),
            // The memory of a GPU is measured once: other processes are not expected to use this GPU during a run.
            Device::Cuda => {
                let total = limit.unwrap_or_else(|| {
                    let free = engine::gpu(device).ok().flatten().map(|(_, free)| free);
                    free.map_or(u64::MAX, |free| (free as f64 * SHARE_OF_GPU) as u64)
                });
                Self::new(Size::Fixed(total.saturating_sub(pixels(dataset))))
            }
        }
    }

    /// Returns the size of the budget, including reserved memory.
    pub(crate) fn total(&self) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.measure(&mut state);
        state.total
    }

    fn new(size: Size) -> Self {
        let state = Mutex::new(State { total: size.now(), reserved: 0 });
        Self { size, state, released: Condvar::new() }
    }

    /// Measures the memory again if none is reserved. While a population runs, the system does not tell which part of its
    /// reservation it has allocated already.
    fn measure(&self, state: &mut State) {
        if state.reserved == 0 {
            state.total = self.size.now();
        }
    }

    /// Waits until `bytes` are free and reserves them. Returns none if `is_over` turns true before, and the size of the budget as
    /// an error if it is less than `bytes`.
    pub(crate) fn reserve(
        &self,
        bytes: u64,
        is_over: impl Fn() -> bool,
    ) -> Result<Option<Reserved<'_>>, u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            self.measure(&mut state);
            // With reservations, the total may be larger when it is measured again. It is at most this.
            let most = match self.size {
                Size::Measured(_) if state.reserved > 0 => self.size.now().saturating_add(state.reserved),
                _ => state.total,
            };
            if bytes > state.total.max(most) {
                return Err(state.total);
            }
            if bytes <= state.total.saturating_sub(state.reserved) {
                state.reserved += bytes;
                return Ok(Some(Reserved { budget: self, bytes }));
            }
            if is_over() {
                return Ok(None);
            }
            state =
                self.released.wait_timeout(state, CHECK_INTERVAL).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Size {
    fn now(self) -> u64 {
        match self {
            Self::Fixed(bytes) => bytes,
            Self::Measured(measure) => measure(),
        }
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.budget.state.lock().unwrap_or_else(PoisonError::into_inner).reserved -= self.bytes;
        self.budget.released.notify_all();
    }
}

/// Returns the reason why a trial does not begin.
pub(crate) fn too_large(need: &MemoryNeed, total: u64) -> String {
    format!(
        "needs about {} of memory ({} for weights and optimizer, {} for activations, {} during initialization), {} may be \
         used: use smaller layers or batches, or allow more with `--memory SIZE`",
        in_words(need.peak()),
        in_words(need.parameters),
        in_words(need.activations),
        in_words(need.drawing),
        in_words(total)
    )
}

/// Returns the bytes of all images.
fn pixels(dataset: &Dataset) -> u64 {
    let views = [Some(dataset.train()), Some(dataset.validation()), dataset.test()];
    let images: usize = views.into_iter().flatten().map(|view| view.len()).sum();
    (images * dataset.shape().pixels()) as u64
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn reservations_stay_within_the_budget_and_all_are_served() {
        let budget = Budget::new(Size::Fixed(10));
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
    fn waiting_ends_when_the_run_is_over() {
        let budget = Budget::new(Size::Fixed(10));
        let _all = budget.reserve(10, || false);
        assert!(budget.reserve(1, || true).expect("it would fit").is_none());
    }
    #[test]
    fn reserved_memory_is_counted_once_before_it_is_allocated() {
        // As measured while no population has allocated anything.
        static FREE: AtomicU64 = AtomicU64::new(10);
        let budget = Budget::new(Size::Measured(|| FREE.load(Ordering::SeqCst)));
        let over = || true;
        let first = budget.reserve(5, over).expect("it fits").expect("it is free");
        assert!(budget.reserve(12, over).expect("it may fit later").is_none());
        assert!(budget.reserve(6, over).expect("it fits later").is_none());
        assert_eq!(budget.reserve(16, over).expect_err("never"), 10);
        drop(first);
        assert_eq!(budget.reserve(12, over).expect_err("it was measured again"), 10);
        FREE.store(4, Ordering::SeqCst);
        assert_eq!(budget.reserve(5, over).expect_err("another program has taken memory"), 4);
        FREE.store(20, Ordering::SeqCst);
        assert!(budget.reserve(12, over).expect("memory was released").is_some());
    }
}
