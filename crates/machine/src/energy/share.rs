//! The meters of this process, and who has a share of what they count.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use super::{
    Energy, Meters,
    counter::Reading,
    ledger::{Ledger, Number},
};

/// The smallest counters are full after some minutes of a large processor's work: they are read more often than that.
const OFTEN: Duration = Duration::from_secs(20);

/// Of trials that train together in this process: what meters count while it is open, divided among all trials that
/// train at that time. Dropped, it is closed.
#[derive(Debug)]
pub struct Share {
    books: Arc<Mutex<Books>>,
    number: Number,
}

/// What was read last, and whose it is.
struct Books {
    read: Box<dyn Fn() -> Reading + Send>,
    last: Reading,
    read_at: Instant,
    ledger: Ledger,
}

impl std::fmt::Debug for Books {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Books").field("ledger", &self.ledger).finish_non_exhaustive()
    }
}

impl Books {
    fn new(read: impl Fn() -> Reading + Send + 'static) -> Self {
        let last = read();
        Self { read: Box::new(read), last, read_at: Instant::now(), ledger: Ledger::default() }
    }

    /// Reads the meters: what was used until now belongs to those who have an account now.
    fn catch_up(&mut self) {
        let now = (self.read)();
        self.ledger.spend(now.since(&self.last));
        self.last = now;
        self.read_at = Instant::now();
    }
}

/// One for the whole process: meters count for all of it.
fn books() -> Arc<Mutex<Books>> {
    static BOOKS: OnceLock<Arc<Mutex<Books>>> = OnceLock::new();
    let open = || {
        let meters = Meters::of_this_machine();
        Arc::new(Mutex::new(Books::new(move || meters.read())))
    };
    Arc::clone(BOOKS.get_or_init(open))
}

impl Share {
    /// Of no trials yet, on the meters of this machine.
    #[must_use]
    pub fn open() -> Self {
        Self::of(books())
    }

    fn of(books: Arc<Mutex<Books>>) -> Self {
        let number = locked(&books).ledger.open();
        Self { books, number }
    }

    /// So many trials train from now on.
    pub fn count(&self, trials: usize) {
        let mut books = locked(&self.books);
        books.catch_up();
        books.ledger.count(self.number, trials);
    }

    /// Reads the meters if nobody did for a while, so that no counter is full twice between two readings.
    pub fn keep_up(&self) {
        let mut books = locked(&self.books);
        if books.read_at.elapsed() >= OFTEN {
            books.catch_up();
        }
    }

    /// What each of the trials used since this was asked last, or since they were counted first.
    #[must_use]
    pub fn take(&self) -> Energy {
        let mut books = locked(&self.books);
        books.catch_up();
        books.ledger.take(self.number)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut books = locked(&self.books);
        // What was used until now is not what others used.
        books.catch_up();
        books.ledger.close(self.number);
    }
}

fn locked(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::energy::counter::Counter;

    /// Books on a made-up package that counts joules up to 100.
    fn books(joules: &Arc<AtomicU64>) -> Arc<Mutex<Books>> {
        let joules = Arc::clone(joules);
        let read = move || {
            let microjoules = joules.load(Ordering::Relaxed) % 100 * 1_000_000;
            Reading { gpus: None, packages: Some(vec![Counter { microjoules, range: Some(100_000_000) }]) }
        };
        Arc::new(Mutex::new(Books::new(read)))
    }

    #[test]
    fn whoever_comes_and_goes_everybody_has_the_time_that_was_theirs() {
        let joules = Arc::new(AtomicU64::new(0));
        let use_up = |count| joules.fetch_add(count, Ordering::Relaxed);
        let books = books(&joules);
        use_up(1000);
        let one = Share::of(Arc::clone(&books));
        one.count(2);
        use_up(40);
        let other = Share::of(Arc::clone(&books));
        other.count(2);
        use_up(80);
        // One of the two has left.
        one.count(1);
        use_up(30);
        let per_trial = |cpu| Energy { gpu: None, cpu: Some(cpu) };
        assert_eq!(one.take(), per_trial(20.0 + 20.0 + 10.0));
        use_up(60);
        drop(one);
        use_up(7);
        assert_eq!(other.take(), per_trial(20.0 + 10.0 + 20.0 + 3.5));
    }

    #[test]
    fn meters_are_read_now_and_then_and_not_at_every_step() {
        let joules = Arc::new(AtomicU64::new(0));
        let books = books(&joules);
        let share = Share::of(Arc::clone(&books));
        share.count(1);
        joules.store(70, Ordering::Relaxed);
        share.keep_up();
        assert_eq!(locked(&books).last.packages.as_deref().expect("read")[0].microjoules, 0);
        let long_ago = Instant::now().checked_sub(OFTEN).expect("the machine runs longer than that");
        locked(&books).read_at = long_ago;
        share.keep_up();
        // The counter is full once before and once after.
        joules.store(150, Ordering::Relaxed);
        assert_eq!(share.take().cpu, Some(150.0));
    }
}
