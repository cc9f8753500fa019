//! The memory that decoders share.

use std::sync::{Condvar, Mutex, PoisonError};

/// A number of bytes, which decoders take and give back.
pub(super) struct Memory {
    total: u64,
    taken: Mutex<u64>,
    returned: Condvar,
}

/// Bytes that are given back when this is dropped.
pub(super) struct Taken<'a> {
    memory: &'a Memory,
    bytes: u64,
}

impl Memory {
    pub(super) fn new(total: u64) -> Self {
        Self { total, taken: Mutex::new(0), returned: Condvar::new() }
    }

    /// Waits until `bytes` are free and takes them, or returns the total if there are never as many.
    pub(super) fn take(&self, bytes: u64) -> Result<Taken<'_>, u64> {
        if bytes > self.total {
            return Err(self.total);
        }
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let are_missing = |taken: &mut u64| bytes > self.total - *taken;
        let mut taken = self.returned.wait_while(taken, are_missing).unwrap_or_else(PoisonError::into_inner);
        *taken += bytes;
        Ok(Taken { memory: self, bytes })
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        *self.memory.taken.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.memory.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn decoders_together_take_no_more_than_the_total_and_each_is_served() {
        let (memory, now, most) = (Memory::new(10), AtomicU64::new(0), AtomicU64::new(0));
        let served = threads::try_map(6, (0..300).map(|index| 1 + index % 10), |bytes| {
            let _taken = memory.take(bytes)?;
            most.fetch_max(now.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
            now.fetch_sub(bytes, Ordering::SeqCst);
            Ok::<_, u64>(())
        });
        assert_eq!(served.map(|served| served.len()), Ok(300));
        assert!(most.into_inner() <= 10);
        assert_eq!(memory.take(11).err(), Some(10));
    }
}
