//! Worker threads of this process.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Calls `work` once for each of `0..count`, in that order, on up to `jobs` threads at a time. A thread that has no item left
/// helps the others with theirs.
pub(crate) fn each(jobs: usize, count: usize, work: impl Fn(usize) + Sync) {
    if count == 0 {
        return;
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            work(index);
        }
    };
    thread::scope(|scope| {
        for (number, place) in threads::places(jobs).into_iter().enumerate() {
            let thread = thread::Builder::new().name(format!("worker-{number}"));
            let started = thread.spawn_scoped(scope, move || place.take_part(worker));
            // The system limits the number of threads: those that run do all the work.
            if started.is_err() {
                break;
            }
        }
    });
    // This thread does it all if no other could be started.
    worker();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_is_worked_on_once() {
        for jobs in [1, 2, 7] {
            let calls: Vec<AtomicUsize> = (0..20).map(|_| AtomicUsize::new(0)).collect();
            each(jobs, calls.len(), |index| {
                calls[index].fetch_add(1, Ordering::Relaxed);
            });
            assert!(calls.iter().all(|count| count.load(Ordering::Relaxed) == 1));
        }
        each(2, 0, |_| panic!("there is nothing to do"));
    }
}
