//! Which cores work on a trial?
//!
//! As long as there are as many trials as cores, each trial has a core to itself and nothing is shared. Cores that
//! find no trial left help those that still train: an operation offers its work in fixed units ([`share`]), and
//! whoever is free takes the next one. Nobody waits for a helper that has not begun, so a helper that the system has
//! put to sleep costs nothing; and because units are fixed, no result depends on who computed it.

mod desk;

use std::{
    cell::RefCell,
    hint, slice,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use desk::{Desk, End};

/// Threads that share work, each with a desk on which it offers units to the others.
struct Crew {
    desks: Vec<Desk>,
    /// Places whose threads still have work of their own, or have not come yet.
    busy: AtomicUsize,
    /// Threads that only help now, awake or asleep.
    helpers: AtomicUsize,
    asleep: Mutex<usize>,
    bell: Condvar,
}

/// A helper that found nothing for so long goes to sleep; the gaps within a training step are shorter.
const AWAKE: Duration = Duration::from_micros(500);
/// A sleeping helper looks up this often even if nobody calls it.
const NAP: Duration = Duration::from_millis(5);

thread_local! {
    /// The desk at which this thread may offer work. Empty while a unit runs: units do not share again.
    static PLACE: RefCell<Option<(Arc<Crew>, usize)>> = const { RefCell::new(None) };
}

/// A thread's place in a crew; dropped, it is one that nobody waits for.
pub struct Place {
    crew: Arc<Crew>,
    index: usize,
}

/// The places of a crew of so many threads, at least one.
#[must_use]
pub fn places(threads: usize) -> Vec<Place> {
    let threads = threads.max(1);
    let crew = Arc::new(Crew {
        desks: (0..threads).map(|_| Desk::default()).collect(),
        busy: AtomicUsize::new(threads),
        helpers: AtomicUsize::new(0),
        asleep: Mutex::new(0),
        bell: Condvar::new(),
    });
    (0..threads).map(|index| Place { crew: Arc::clone(&crew), index }).collect()
}

impl Place {
    /// Does `work`, within which [`share`] finds helpers, and then helps the others until none of them has work of its
    /// own.
    pub fn take_part(self, work: impl FnOnce()) {
        let (crew, index) = (Arc::clone(&self.crew), self.index);
        {
            let _here = self;
            let _place = Sitting::at(&crew, index);
            work();
        }
        crew.help(index);
    }
}

/// Also where its thread's work panics, or where no thread could be started for it.
impl Drop for Place {
    fn drop(&mut self) {
        self.crew.busy.fetch_sub(1, Ordering::SeqCst);
        self.crew.bell.notify_all();
    }
}

/// While it lives, its thread may offer work at this desk.
struct Sitting;

impl Sitting {
    fn at(crew: &Arc<Crew>, index: usize) -> Self {
        PLACE.set(Some((Arc::clone(crew), index)));
        Self
    }
}

impl Drop for Sitting {
    fn drop(&mut self) {
        PLACE.set(None);
    }
}

/// Calls `work` once for each of `0..units`, in any order and possibly on several threads, and returns when all are
/// done. Without a crew, or when nobody is free, this thread does them all.
///
/// # Panics
/// If `work` panics in any thread.
pub fn share(units: usize, work: impl Fn(usize) + Sync) {
    let place = PLACE.take();
    match &place {
        Some((crew, index)) if units > 1 && crew.helpers.load(Ordering::Relaxed) > 0 => {
            // Put back also when a unit panics.
            let _back = PutBack(&place);
            for first in (0..units).step_by(Desk::MOST) {
                crew.offer(*index, Desk::MOST.min(units - first), &|unit| work(first + unit));
            }
        }
        _ => {
            let _back = PutBack(&place);
            (0..units).for_each(work);
        }
    }
}

/// Does `work` without helpers: within it, [`share`] does everything on this thread.
pub fn alone<T>(work: impl FnOnce() -> T) -> T {
    let place = PLACE.take();
    let _back = PutBack(&place);
    work()
}

/// Calls `work(index, chunk)` for every chunk of `length` values, the last of which may be shorter, as [`share`] does.
///
/// # Panics
/// If `length` is 0, or `work` panics in any thread.
pub fn share_chunks<T: Send>(values: &mut [T], length: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    let (chunks, total) = (values.len().div_ceil(length), values.len());
    let start = Start(values.as_mut_ptr());
    share(chunks, |index| {
        let first = index * length;
        // SAFETY: the chunk lies within the values, which are borrowed until all units are done, and each index comes
        // once.
        work(index, unsafe { slice::from_raw_parts_mut(start.at(first), length.min(total - first)) });
    });
}

/// The address of the first value.
struct Start<T>(*mut T);

// SAFETY: it is only an address, of values that may go to other threads.
unsafe impl<T: Send> Sync for Start<T> {}

impl<T> Start<T> {
    fn at(&self, index: usize) -> *mut T {
        self.0.wrapping_add(index)
    }
}

struct PutBack<'a>(&'a Option<(Arc<Crew>, usize)>);

impl Drop for PutBack<'_> {
    fn drop(&mut self) {
        PLACE.set(self.0.clone());
    }
}

impl Crew {
    fn offer(&self, index: usize, units: usize, work: &(dyn Fn(usize) + Sync)) {
        let desk = &self.desks[index];
        desk.offer(units, work, || {
            if *self.asleep.lock().unwrap_or_else(PoisonError::into_inner) > 0 {
                self.bell.notify_all();
            }
        });
    }

    /// Takes units from the other desks until nobody is busy.
    fn help(&self, index: usize) {
        self.helpers.fetch_add(1, Ordering::SeqCst);
        let mut idle_since = Instant::now();
        let mut looks = 0_u32;
        while self.busy.load(Ordering::SeqCst) > 0 {
            let others = self.desks.iter().cycle().skip(index + 1).take(self.desks.len() - 1);
            let mut helped = false;
            for desk in others {
                while desk.do_one(End::Last) {
                    helped = true;
                }
            }
            looks = looks.wrapping_add(1);
            if helped {
                idle_since = Instant::now();
            } else if !looks.is_multiple_of(64) {
                hint::spin_loop();
            } else if idle_since.elapsed() < AWAKE {
                // Whoever else wants this core gets it.
                thread::yield_now();
            } else if self.sleep() {
                // What it was called for may be over already; more comes soon.
                idle_since = Instant::now();
            }
        }
        self.helpers.fetch_sub(1, Ordering::SeqCst);
    }

    /// Until somebody calls, or for a while; did somebody call?
    fn sleep(&self) -> bool {
        let mut asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        *asleep += 1;
        let (mut asleep, waited) =
            self.bell.wait_timeout(asleep, NAP).unwrap_or_else(PoisonError::into_inner);
        *asleep -= 1;
        !waited.timed_out()
    }
}

#[cfg(test)]
mod tests {
    use std::{panic::catch_unwind, sync::atomic::AtomicU32};

    use super::*;

    /// Runs `work` as the only busy thread of a crew with so many threads.
    fn alone_among(threads: usize, work: impl FnOnce() + Send) {
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
    fn every_unit_is_done_once_whoever_helps() {
        for threads in [1, 2, 3] {
            alone_among(threads, || {
                for units in [0, 1, 2, 7, 64, 70_000].repeat(if threads == 1 { 1 } else { 50 }) {
                    let done: Vec<AtomicU32> = (0..units).map(|_| AtomicU32::new(0)).collect();
                    share(units, |unit| {
                        done[unit].fetch_add(1, Ordering::Relaxed);
                    });
                    assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == 1), "{threads} {units}");
                }
            });
        }
    }

    #[test]
    fn what_units_wrote_is_seen_by_the_one_who_shared() {
        alone_among(3, || {
            for round in 0..2000_u32 {
                let cells: Vec<AtomicU32> = (0..5).map(|_| AtomicU32::new(0)).collect();
                share(5, |unit| cells[unit].store(round, Ordering::Relaxed));
                assert!(cells.iter().all(|cell| cell.load(Ordering::Relaxed) == round));
            }
        });
    }

    #[test]
    fn two_busy_threads_share_with_the_same_helper() {
        thread::scope(|scope| {
            for (index, place) in places(3).into_iter().enumerate() {
                scope.spawn(move || {
                    place.take_part(|| {
                        for _ in 0..if index == 2 { 0 } else { 500 } {
                            let sum = AtomicUsize::new(0);
                            share(20, |unit| {
                                sum.fetch_add(unit, Ordering::Relaxed);
                            });
                            assert_eq!(sum.load(Ordering::Relaxed), 190);
                        }
                    });
                });
            }
        });
    }

    #[test]
    fn a_unit_that_shares_again_does_its_own_units() {
        alone_among(2, || {
            let sum = AtomicUsize::new(0);
            share(4, |_| {
                share(3, |unit| {
                    sum.fetch_add(unit, Ordering::Relaxed);
                });
            });
            assert_eq!(sum.load(Ordering::Relaxed), 12);
        });
    }

    #[test]
    fn a_panic_in_any_unit_reaches_the_one_who_shared_and_later_work_goes_on() {
        alone_among(2, || {
            for bad in 0..8 {
                let outcome = catch_unwind(|| share(8, |unit| assert!(unit != bad, "unit {bad}")));
                let payload = outcome.expect_err("a unit panicked");
                let message = payload.downcast_ref::<String>().expect("it has a message");
                assert_eq!(*message, format!("unit {bad}"));
            }
            let sum = AtomicUsize::new(0);
            share(8, |unit| {
                sum.fetch_add(unit, Ordering::Relaxed);
            });
            assert_eq!(sum.load(Ordering::Relaxed), 28);
        });
    }

    #[test]
    fn chunks_are_those_of_the_slice() {
        alone_among(2, || {
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
    fn nobody_waits_for_a_place_that_no_thread_takes() {
        let mut places = places(3);
        drop(places.pop());
        thread::scope(|scope| {
            for place in places {
                scope.spawn(move || place.take_part(|| share(2, |_| ())));
            }
        });
    }

    #[test]
    fn without_a_crew_the_thread_does_it_all() {
        let sum = AtomicUsize::new(0);
        share(10, |unit| {
            sum.fetch_add(unit, Ordering::Relaxed);
        });
        assert_eq!(sum.load(Ordering::Relaxed), 45);
    }
}
