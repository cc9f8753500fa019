//! The meters of this process, and the shares of trials in their energy.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use super::{
    Energy, Meters,
    accounts::{AccountId, Accounts},
    counter::Reading,
};

/// The longest time between two readings. The smallest counters are full after some minutes of a large processor's work.
const INTERVAL: Duration = Duration::from_secs(20);

/// The energy of trials that train together: their part of all energy that meters count until the share is dropped.
pub struct Share {
    metering: Arc<Mutex<Metering>>,
    account: AccountId,
}

struct Metering {
    read: Box<dyn Fn() -> Reading + Send>,
    last: Reading,
    read_at: Instant,
    accounts: Accounts,
}

impl Metering {
    fn new(read: impl Fn() -> Reading + Send + 'static) -> Self {
        let last = read();
        Self { read: Box::new(read), last, read_at: Instant::now(), accounts: Accounts::default() }
    }

    /// Reads the meters, and divides the energy since the last reading among the trials that are counted now.
    fn catch_up(&mut self) {
        let now = (self.read)();
        self.accounts.spend(now.since(&self.last));
        self.last = now;
        self.read_at = Instant::now();
    }
}

/// Returns the metering of the whole process, because meters count for all of it.
fn metering() -> Arc<Mutex<Metering>> {
    static METERING: OnceLock<Arc<Mutex<Metering>>> = OnceLock::new();
    Arc::clone(METERING.get_or_init(|| {
        let meters = Meters::of_this_machine();
        Arc::new(Mutex::new(Metering::new(move || meters.read())))
    }))
}

impl Share {
    /// Opens a share of no trials.
    #[must_use]
    pub fn open() -> Self {
        Self::of(metering())
    }

    fn of(metering: Arc<Mutex<Metering>>) -> Self {
        let account = locked(&metering).accounts.open();
        Self { metering, account }
    }

    /// Sets the number of trials that train from now on.
    pub fn count(&self, trials: usize) {
        let mut metering = locked(&self.metering);
        metering.catch_up();
        metering.accounts.count(self.account, trials);
    }

    /// Reads the meters if the last reading is old, so that no counter is full twice between two readings.
    pub fn keep_up(&self) {
        let mut metering = locked(&self.metering);
        if metering.read_at.elapsed() >= INTERVAL {
            metering.catch_up();
        }
    }

    /// Returns the energy of each of the trials since the last call, or since they were first counted.
    #[must_use]
    pub fn take(&self) -> Energy {
        let mut metering = locked(&self.metering);
        metering.catch_up();
        metering.accounts.take(self.account)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut metering = locked(&self.metering);
        // The energy until now does not belong to the trials that remain.
        metering.catch_up();
        metering.accounts.close(self.account);
    }
}

fn locked(metering: &Mutex<Metering>) -> MutexGuard<'_, Metering> {
    metering.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::energy::counter::Counter;

    /// Meters a made-up package that counts joules up to 100.
    fn metering(joules: &Arc<AtomicU64>) -> Arc<Mutex<Metering>> {
        let joules = Arc::clone(joules);
        let read = move || {
            let microjoules = joules.load(Ordering::Relaxed) % 100 * 1_000_000;
            Reading { gpus: None, packages: Some(vec![Counter { microjoules, range: Some(100_000_000) }]) }
        };
        Arc::new(Mutex::new(Metering::new(read)))
    }

    #[test]
    fn each_trial_has_the_energy_of_the_time_in_which_it_trained() {
        let joules = Arc::new(AtomicU64::new(0));
        let use_up = |count| joules.fetch_add(count, Ordering::Relaxed);
        let metering = metering(&joules);
        use_up(1000);
        let one = Share::of(Arc::clone(&metering));
        one.count(2);
        use_up(40);
        let other = Share::of(Arc::clone(&metering));
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
    fn meters_are_read_at_intervals_and_not_at_every_step() {
        let joules = Arc::new(AtomicU64::new(0));
        let metering = metering(&joules);
        let share = Share::of(Arc::clone(&metering));
        share.count(1);
        joules.store(70, Ordering::Relaxed);
        share.keep_up();
        assert_eq!(locked(&metering).last.packages.as_deref().expect("read")[0].microjoules, 0);
        let long_ago = Instant::now().checked_sub(INTERVAL).expect("the machine runs longer than that");
        locked(&metering).read_at = long_ago;
        share.keep_up();
        // The counter is full once before and once after.
        joules.store(150, Ordering::Relaxed);
        assert_eq!(share.take().cpu, Some(150.0));
    }
}
