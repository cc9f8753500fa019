//! A thread pool whose idle threads help the busy ones.
//!
//! While there are at least as many trials as cores, each trial has a core and its work runs on one thread. A thread that
//! finds no trial left becomes a helper: operations split their work into fixed items ([`share`]), and each free thread
//! takes the next item. No thread waits for a helper that has not begun, so a helper that the system has suspended costs
//! nothing. No result depends on the thread that computed an item, because items are fixed.

mod job;

use std::{
    cell::RefCell,
    hint, slice,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use job::{End, JobSlot};

/// A thread pool, with a slot for the jobs of each thread.
struct Pool {
    slots: Vec<JobSlot>,
    /// The number of places whose threads still have work of their own, or have not started yet.
    busy: AtomicUsize,
    /// The number of threads that only help now, awake or asleep.
    helpers: AtomicUsize,
    asleep: Mutex<usize>,
    wake_up: Condvar,
}

/// The time without work after which a helper goes to sleep; the gaps within a training step are shorter.
const AWAKE: Duration = Duration::from_micros(500);
/// The time after which a sleeping helper looks for work even if no thread wakes it.
const NAP: Duration = Duration::from_millis(5);

thread_local! {
    /// The pool and the index of this thread's slot. Empty while a work item runs: items do not share their work again.
    static PLACE: RefCell<Option<(Arc<Pool>, usize)>> = const { RefCell::new(None) };
}

/// The place of one thread in a pool. No thread waits for a place that was dropped.
pub struct Place {
    pool: Arc<Pool>,
    index: usize,
}

/// Creates a pool of at least one thread and returns the place of each thread.
pub fn places(threads: usize) -> Vec<Place> {
    let threads = threads.max(1);
    let pool = Arc::new(Pool {
        slots: (0..threads).map(|_| JobSlot::default()).collect(),
        busy: AtomicUsize::new(threads),
        helpers: AtomicUsize::new(0),
        asleep: Mutex::new(0),
        wake_up: Condvar::new(),
    });
    (0..threads).map(|index| Place { pool: Arc::clone(&pool), index }).collect()
}

impl Place {
    /// Runs `work`, within which [`share`] finds helpers. Then helps the other threads until none has work of its own.
    pub fn take_part(self, work: impl FnOnce()) {
        let (pool, index) = (Arc::clone(&self.pool), self.index);
        {
            let _busy = self;
            let _empty = Restore(&None);
            PLACE.set(Some((Arc::clone(&pool), index)));
            work();
        }
        pool.help(index);
    }
}

/// Also runs when the thread's work panics, and when no thread could be started for the place.
impl Drop for Place {
    fn drop(&mut self) {
        self.pool.busy.fetch_sub(1, Ordering::SeqCst);
        self.pool.wake_up.notify_all();
    }
}

/// Sets [`PLACE`] when it is dropped, even by a panic.
struct Restore<'a>(&'a Option<(Arc<Pool>, usize)>);

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        PLACE.set(self.0.clone());
    }
}

/// Calls `work` once for each of `0..items`, in any order and possibly on several threads, and returns when all calls are
/// done. Without a pool, or while no thread is free, the calling thread does all items.
///
/// # Panics
/// If `work` panics on any thread.
pub fn share(items: usize, work: impl Fn(usize) + Sync) {
    let place = PLACE.take();
    let _restore = Restore(&place);
    match &place {
        Some((pool, index)) if items > 1 && pool.helpers.load(Ordering::Relaxed) > 0 => {
            for first in (0..items).step_by(JobSlot::MAX_ITEMS) {
                let job_items = JobSlot::MAX_ITEMS.min(items - first);
                pool.slots[*index].run(job_items, &|item| work(first + item), || pool.wake_helpers());
            }
        }
        _ => (0..items).for_each(work),
    }
}

/// Runs `work` without helpers: within it, [`share`] does all items on the calling thread.
pub fn alone<T>(work: impl FnOnce() -> T) -> T {
    let place = PLACE.take();
    let _restore = Restore(&place);
    work()
}

/// Calls `work` on every item, on up to `threads` new threads and without a pool. Returns the outputs in the order of the
/// items, or the error of the first item that failed.
///
/// Items are started in order until one fails, and every started item is finished, so the first error is the same for any
/// number of threads.
///
/// # Panics
/// If `work` panics on any thread.
pub fn try_map<T, R: Send, E: Send>(
    threads: usize,
    items: impl Iterator<Item = T> + Send,
    work: impl Fn(T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let has_failed = AtomicBool::new(false);
    let items = Mutex::new(items.enumerate().take_while(|_| !has_failed.load(Ordering::Relaxed)));
    let results = Mutex::new(Vec::new());
    let worker = || {
        loop {
            let next = items.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((position, item)) = next else { return };
            let result = work(item);
            has_failed.fetch_or(result.is_err(), Ordering::Relaxed);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((position, result));
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // The system limits the number of threads: those that run do all the work.
            if thread::Builder::new().spawn_scoped(scope, worker).is_err() {
                break;
            }
        }
        worker();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(position, _)| *position);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Calls `work(index, chunk)` for every chunk of `length` values like [`share`]; the last chunk may be shorter.
///
/// # Panics
/// If `length` is 0, or `work` panics on any thread.
pub fn share_chunks<T: Send>(values: &mut [T], length: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    let (chunks, total) = (values.len().div_ceil(length), values.len());
    let start = Start(values.as_mut_ptr());
    share(chunks, |index| {
        let first = index * length;
        // SAFETY: the chunk is within the values, which are borrowed until all items are done, and each index comes once.
        work(index, unsafe { slice::from_raw_parts_mut(start.at(first), length.min(total - first)) });
    });
}

/// The address of the first of several values.
struct Start<T>(*mut T);

// SAFETY: it is only an address, of values that may go to other threads.
unsafe impl<T: Send> Sync for Start<T> {}

impl<T> Start<T> {
    fn at(&self, index: usize) -> *mut T {
        self.0.wrapping_add(index)
    }
}

impl Pool {
    fn wake_helpers(&self) {
        if *self.asleep.lock().unwrap_or_else(PoisonError::into_inner) > 0 {
            self.wake_up.notify_all();
        }
    }

    /// Works on the jobs of the other threads until no thread is busy.
    fn help(&self, index: usize) {
        self.helpers.fetch_add(1, Ordering::SeqCst);
        let mut idle_since = Instant::now();
        let mut polls = 0_u32;
        while self.busy.load(Ordering::SeqCst) > 0 {
            let others = self.slots.iter().cycle().skip(index + 1).take(self.slots.len() - 1);
            let mut helped = false;
            for slot in others {
                while slot.do_one(End::Last) {
                    helped = true;
                }
            }
            polls = polls.wrapping_add(1);
            if helped {
                idle_since = Instant::now();
            } else if !polls.is_multiple_of(64) {
                hint::spin_loop();
            } else if idle_since.elapsed() < AWAKE {
                // Another process may need this core.
                thread::yield_now();
            } else if self.sleep() {
                // The job may be done already, but another follows soon.
                idle_since = Instant::now();
            }
        }
        self.helpers.fetch_sub(1, Ordering::SeqCst);
    }

    /// Sleeps until a thread wakes the helpers, or for a [`NAP`]. Returns whether a thread woke them.
    fn sleep(&self) -> bool {
        let mut asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        *asleep += 1;
        let (mut asleep, waited) =
            self.wake_up.wait_timeout(asleep, NAP).unwrap_or_else(PoisonError::into_inner);
        *asleep -= 1;
        !waited.timed_out()
    }
}

#[cfg(test)]
mod tests {
    use std::{panic::catch_unwind, sync::atomic::AtomicU32};

    use super::*;

    /// Runs `work` on the only busy thread of a pool.
    fn busy_among(threads: usize, work: impl FnOnce() + Send) {
        let mut places = places(threads);
        let own = places.remove(0);
        thread::scope(|scope| {
            for place in places {
                scope.spawn(move || place.take_part(|| ()));
            }
            own.take_part(work);
        });
    }

    #[test]
    fn every_item_is_done_once_with_any_number_of_threads() {
        for threads in [1, 2, 3] {
            busy_among(threads, || {
                for items in [0, 1, 2, 7, 64, 70_000].repeat(if threads == 1 { 1 } else { 50 }) {
                    let done: Vec<AtomicU32> = (0..items).map(|_| AtomicU32::new(0)).collect();
                    share(items, |item| {
                        done[item].fetch_add(1, Ordering::Relaxed);
                    });
                    assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == 1), "{threads} {items}");
                }
            });
        }
    }

    #[test]
    fn the_calling_thread_sees_the_writes_of_all_items() {
        busy_among(3, || {
            for round in 0..2000_u32 {
                let cells: Vec<AtomicU32> = (0..5).map(|_| AtomicU32::new(0)).collect();
                share(5, |item| cells[item].store(round, Ordering::Relaxed));
                assert!(cells.iter().all(|cell| cell.load(Ordering::Relaxed) == round));
            }
        });
    }

    #[test]
    fn two_busy_threads_share_a_helper() {
        thread::scope(|scope| {
            for (index, place) in places(3).into_iter().enumerate() {
                scope.spawn(move || {
                    place.take_part(|| {
                        for _ in 0..if index == 2 { 0 } else { 500 } {
                            let sum = AtomicUsize::new(0);
                            share(20, |item| {
                                sum.fetch_add(item, Ordering::Relaxed);
                            });
                            assert_eq!(sum.load(Ordering::Relaxed), 190);
                        }
                    });
                });
            }
        });
    }

    #[test]
    fn an_item_that_shares_again_runs_on_one_thread() {
        busy_among(2, || {
            let sum = AtomicUsize::new(0);
            share(4, |_| {
                share(3, |item| {
                    sum.fetch_add(item, Ordering::Relaxed);
                });
            });
            assert_eq!(sum.load(Ordering::Relaxed), 12);
        });
    }

    #[test]
    fn a_panic_in_any_item_reaches_the_calling_thread_and_the_pool_goes_on() {
        busy_among(2, || {
            for bad in 0..8 {
                let outcome = catch_unwind(|| share(8, |item| assert!(item != bad, "item {bad}")));
                let payload = outcome.expect_err("an item panicked");
                let message = payload.downcast_ref::<String>().expect("it has a message");
                assert_eq!(*message, format!("item {bad}"));
            }
            let sum = AtomicUsize::new(0);
            share(8, |item| {
                sum.fetch_add(item, Ordering::Relaxed);
            });
            assert_eq!(sum.load(Ordering::Relaxed), 28);
        });
    }

    #[test]
    fn chunks_are_those_of_the_slice() {
        busy_among(2, || {
            let mut values = vec![0_usize; 103];
            share_chunks(&mut values, 10, |index, chunk| {
                assert_eq!(chunk.len(), if index == 10 { 3 } else { 10 });
                chunk.iter_mut().for_each(|value| *value += index + 1);
            });
            assert!(values.iter().enumerate().all(|(at, value)| *value == at / 10 + 1));
        });
        share_chunks(&mut [0_u8; 0], 4, |_, _| panic!("there is nothing to do"));
    }

    #[test]
    fn a_map_returns_outputs_in_order_or_the_first_error() {
        for threads in [0, 1, 3] {
            let squares = try_map(threads, 0..1000, |item: usize| Ok::<_, ()>(item * item));
            assert_eq!(squares, Ok((0..1000).map(|item| item * item).collect()));
            for _ in 0..50 {
                let failing = |item: usize| if item % 7 == 3 { Err(item) } else { Ok(()) };
                assert_eq!(try_map(threads, 0..1000, failing), Err(3));
            }
        }
    }

    #[test]
    fn no_thread_waits_for_a_dropped_place() {
        let mut places = places(3);
        drop(places.pop());
        thread::scope(|scope| {
            for place in places {
                scope.spawn(move || place.take_part(|| share(2, |_| ())));
            }
        });
    }

    #[test]
    fn without_a_pool_the_calling_thread_does_all_items() {
        let sum = AtomicUsize::new(0);
        share(10, |item| {
            sum.fetch_add(item, Ordering::Relaxed);
        });
        assert_eq!(sum.load(Ordering::Relaxed), 45);
    }
}
