//! Where one thread offers units of work and others take them.

use std::{
    any::Any,
    cell::UnsafeCell,
    hint,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

/// A thread's offer to the others, one at a time.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Desk {
    offer: AtomicU64,
    /// Units of the offer that are not done yet.
    open: AtomicUsize,
    panicked: AtomicBool,
    /// What the first panic of the offer said.
    payload: Mutex<Option<Box<dyn Any + Send>>>,
    /// Written by the owner while `open` is 0; read only by who has taken a unit, until that unit is done. It lives
    /// until every unit is done: [`Desk::offer`] does not return before.
    work: UnsafeCell<Option<*const (dyn Fn(usize) + Sync)>>,
}

// SAFETY: see `work`; what it points to is `Sync`.
unsafe impl Sync for Desk {}
// SAFETY: as above; a desk without an offer points to nothing that is read.
unsafe impl Send for Desk {}

/// What a desk's `offer` says.
#[derive(Clone, Copy)]
struct Offer {
    /// Tells it from other offers, so that nobody takes a unit of one for that of another.
    number: u32,
    /// The units that nobody has taken yet.
    first: u16,
    end: u16,
}

impl Offer {
    fn read(bits: u64) -> Self {
        Self { number: (bits >> 32) as u32, first: (bits >> 16) as u16, end: bits as u16 }
    }

    fn bits(self) -> u64 {
        u64::from(self.number) << 32 | u64::from(self.first) << 16 | u64::from(self.end)
    }
}

/// Which end of an offer someone takes units from. Neighbouring units often write to neighbouring memory, so the owner
/// and the others come from different ends: cores seldom write to one cache line.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum End {
    First,
    Last,
}

impl Desk {
    /// Most units of an offer.
    pub(crate) const MOST: usize = u16::MAX as usize;

    /// Offers `units` calls of `work`, tells others by `call`, takes part, and returns when all are done.
    ///
    /// # Panics
    /// As the first unit that panicked did, here or elsewhere.
    pub(crate) fn offer(&self, units: usize, work: &(dyn Fn(usize) + Sync), call: impl FnOnce()) {
        // SAFETY: only the lifetime changes, and nobody uses the reference once `open` is 0, which is waited for below.
        let work: *const (dyn Fn(usize) + Sync) =
            unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), &'static (dyn Fn(usize) + Sync)>(work) };
        // SAFETY: the last offer is done (`open` is 0), so nobody reads this.
        unsafe { *self.work.get() = Some(work) };
        self.open.store(units, Ordering::Relaxed);
        let number = Offer::read(self.offer.load(Ordering::Relaxed)).number.wrapping_add(1);
        let end = u16::try_from(units).expect("who shares keeps to the most units");
        self.offer.store(Offer { number, first: 0, end }.bits(), Ordering::Release);
        call();
        while self.do_one(End::First) {}
        self.wait();
        if self.panicked.swap(false, Ordering::Relaxed) {
            let payload = self.payload.lock().unwrap_or_else(PoisonError::into_inner).take();
            resume_unwind(payload.unwrap_or_else(|| Box::new("a shared piece of work panicked")));
        }
    }

    /// Takes a unit from this end, if there is one left, and does it.
    pub(crate) fn do_one(&self, end: End) -> bool {
        let mut bits = self.offer.load(Ordering::Acquire);
        let unit = loop {
            let mut offer = Offer::read(bits);
            if offer.first == offer.end {
                return false;
            }
            let unit = match end {
                End::First => {
                    offer.first += 1;
                    offer.first - 1
                }
                End::Last => {
                    offer.end -= 1;
                    offer.end
                }
            };
            match self.offer.compare_exchange_weak(bits, offer.bits(), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break unit,
                Err(now) => bits = now,
            }
        };
        // SAFETY: a unit is taken and not done, so the owner waits: the work is there and stays as it is.
        let work = unsafe { &*(*self.work.get()).expect("an offer has its work") };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(usize::from(unit)))) {
            self.payload.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(payload);
            self.panicked.store(true, Ordering::Relaxed);
        }
        self.open.fetch_sub(1, Ordering::Release);
        true
    }

    fn wait(&self) {
        let mut looks = 0_u32;
        while self.open.load(Ordering::Acquire) > 0 {
            looks = looks.wrapping_add(1);
            if looks.is_multiple_of(1024) {
                // The helper may wait for this very core.
                thread::yield_now();
            }
            hint::spin_loop();
        }
    }
}
