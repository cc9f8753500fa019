//! Jobs that one thread posts and other threads of its pool work on.

use std::{
    any::Any,
    cell::UnsafeCell,
    hint,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

/// The jobs of one thread, one at a time.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct JobSlot {
    /// The bits of [`Remaining`].
    remaining: AtomicU64,
    /// The number of work items that are not done yet.
    open: AtomicUsize,
    /// The payload of the job's first panic.
    payload: Mutex<Option<Box<dyn Any + Send>>>,
    /// The function of the job. The owner writes it while `open` is 0; other threads read it only between taking an item
    /// and finishing it. It lives until every item is done, because [`JobSlot::run`] does not return earlier.
    work: UnsafeCell<Option<*const (dyn Fn(usize) + Sync)>>,
}

// SAFETY: see `work`; the function is `Sync`.
unsafe impl Sync for JobSlot {}
// SAFETY: as above; nothing reads the pointer of a slot without a job.
unsafe impl Send for JobSlot {}

/// The work items that no thread has taken yet.
#[derive(Clone, Copy)]
struct Remaining {
    /// The number of the job, so that no thread takes an item of one job for an item of another.
    job: u32,
    first: u16,
    end: u16,
}

impl Remaining {
    fn read(bits: u64) -> Self {
        Self { job: (bits >> 32) as u32, first: (bits >> 16) as u16, end: bits as u16 }
    }

    fn bits(self) -> u64 {
        u64::from(self.job) << 32 | u64::from(self.first) << 16 | u64::from(self.end)
    }
}

/// The end of a job that a thread takes items from. Neighboring items often write to neighboring memory, so the owner and
/// the other threads use different ends: cores seldom write to the same cache line.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum End {
    First,
    Last,
}

impl JobSlot {
    /// The largest number of work items of a job.
    pub(crate) const MAX_ITEMS: usize = u16::MAX as usize;

    /// Posts a job of `items` calls of `work`, calls `wake`, works on the job, and returns when all items are done.
    ///
    /// # Panics
    /// With the payload of the first item that panicked, on any thread.
    pub(crate) fn run(&self, items: usize, work: &(dyn Fn(usize) + Sync), wake: impl FnOnce()) {
        // SAFETY: only the lifetime changes, and no thread uses the reference once `open` is 0, which `wait` waits for.
        let work: *const (dyn Fn(usize) + Sync) =
            unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), &'static (dyn Fn(usize) + Sync)>(work) };
        // SAFETY: the last job is done (`open` is 0), so no thread reads this.
        unsafe { *self.work.get() = Some(work) };
        self.open.store(items, Ordering::Relaxed);
        let job = Remaining::read(self.remaining.load(Ordering::Relaxed)).job.wrapping_add(1);
        let end = u16::try_from(items).expect("a job has at most `MAX_ITEMS` items");
        self.remaining.store(Remaining { job, first: 0, end }.bits(), Ordering::Release);
        wake();
        while self.do_one(End::First) {}
        self.wait();
        let payload = self.payload.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(payload) = payload {
            resume_unwind(payload);
        }
    }

    /// Takes an item from this end and does it. Returns whether there was one left.
    pub(crate) fn do_one(&self, end: End) -> bool {
        let mut bits = self.remaining.load(Ordering::Acquire);
        let item = loop {
            let mut remaining = Remaining::read(bits);
            if remaining.first == remaining.end {
                return false;
            }
            let item = match end {
                End::First => {
                    remaining.first += 1;
                    remaining.first - 1
                }
                End::Last => {
                    remaining.end -= 1;
                    remaining.end
                }
            };
            let new_bits = remaining.bits();
            match self.remaining.compare_exchange_weak(bits, new_bits, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break item,
                Err(current) => bits = current,
            }
        };
        // SAFETY: an item is taken and not done, so the owner waits, and the function stays as it is.
        let work = unsafe { &*(*self.work.get()).expect("a job has a function") };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(usize::from(item)))) {
            self.payload.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(payload);
        }
        self.open.fetch_sub(1, Ordering::Release);
        true
    }

    fn wait(&self) {
        let mut polls = 0_u32;
        while self.open.load(Ordering::Acquire) > 0 {
            polls = polls.wrapping_add(1);
            if polls.is_multiple_of(1024) {
                // The thread that does the last item may need this core.
                thread::yield_now();
            }
            hint::spin_loop();
        }
    }
}
