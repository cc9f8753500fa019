//! Where one thread offers units of work and others take them.

use std::{
    cell::UnsafeCell,
    hint,
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    thread,
};

use crate::unit_is_fine;

/// A thread's offer to the others, one at a time.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Desk {
    /// Number of the offer in the upper half, units that nobody has taken yet in the lower half.
    offer: AtomicU64,
    /// Units of the offer that are not done yet.
    open: AtomicUsize,
    panicked: AtomicBool,
    /// Written by the owner while `open` is 0; read only by who has taken a unit, until that unit is done.
    work: UnsafeCell<Option<Work>>,
}

#[derive(Clone, Copy)]
struct Work {
    units: usize,
    /// Lives until every unit is done: [`Desk::offer`] does not return before.
    run: *const (dyn Fn(usize) + Sync),
}

// SAFETY: see `work`; what it points to is `Sync`.
unsafe impl Sync for Desk {}
// SAFETY: as above; a desk without an offer points to nothing that is read.
unsafe impl Send for Desk {}

const UNTAKEN: u64 = u32::MAX as u64;

impl Desk {
    /// Offers `units` calls of `work`, tells others by `call`, takes part, and returns when all are done.
    ///
    /// # Panics
    /// If `work` panicked, here or elsewhere.
    pub(crate) fn offer(&self, units: usize, work: &(dyn Fn(usize) + Sync), call: impl FnOnce()) {
        assert!(units as u64 <= UNTAKEN, "an offer has at most {UNTAKEN} units, got {units}");
        // SAFETY: only the lifetime changes, and nobody uses the reference once `open` is 0, which is waited for below.
        let run: *const (dyn Fn(usize) + Sync) =
            unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), &'static (dyn Fn(usize) + Sync)>(work) };
        // SAFETY: the last offer is done (`open` is 0), so nobody reads this.
        unsafe { *self.work.get() = Some(Work { units, run }) };
        self.open.store(units, Ordering::Relaxed);
        let number = (self.offer.load(Ordering::Relaxed) >> 32).wrapping_add(1);
        self.offer.store(number << 32 | units as u64, Ordering::Release);
        call();
        while self.do_one() {}
        self.wait();
        assert!(!self.panicked.swap(false, Ordering::Relaxed), "a shared piece of work panicked");
    }

    /// Takes a unit, if there is one left, and does it.
    pub(crate) fn do_one(&self) -> bool {
        let mut offer = self.offer.load(Ordering::Acquire);
        loop {
            if offer & UNTAKEN == 0 {
                return false;
            }
            match self.offer.compare_exchange_weak(offer, offer - 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                Err(now) => offer = now,
            }
        }
        let left = usize::try_from(offer & UNTAKEN).expect("it came from a usize");
        // SAFETY: a unit is taken and not done, so the owner waits: the work is there and stays as it is.
        let (units, run) = unsafe {
            let work = (*self.work.get()).expect("an offer has its work");
            (work.units, &*work.run)
        };
        if !unit_is_fine(|| run(units - left)) {
            self.panicked.store(true, Ordering::Relaxed);
        }
        self.open.fetch_sub(1, Ordering::Release);
        true
    }

    fn wait(&self) {
        let mut looks = 0_u32;
        while self.open.load(Ordering::Acquire) > 0 {
            looks = looks.wrapping_add(1);
            if looks % 1024 == 0 {
                // The helper may wait for this very core.
                thread::yield_now();
            }
            hint::spin_loop();
        }
    }
}
