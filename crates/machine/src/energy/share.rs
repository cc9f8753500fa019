//! The meters of this process, and the shares of trials in their energy.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use super::{Energy, Meters, counter::Reading};

/// The longest time between two readings. The smallest counters are full after some minutes of a large processor's work.
const INTERVAL: Duration = Duration::from_secs(20);

/// The energy of trials that train together: their part of all energy that meters count until the share is dropped.
pub struct Share {
    metering: Arc<Mutex<Metering>>,
    account: u64,
}

struct Metering {
    read: Box<dyn Fn() -> Reading + Send>,
    last: Reading,
    read_at: Instant,
    accounts: BTreeMap<u64, Account>,
    /// The number of accounts opened so far, which numbers the next one.
    opened: u64,
}

/// The energy of a group of trials that train together.
struct Account {
    trials: usize,
    /// The energy of each trial since it was last taken.
    each: Energy,
}

const ZERO: Energy = Energy { gpu: Some(0.0), cpu: Some(0.0) };

impl Metering {
    fn new(read: impl Fn() -> Reading + Send + 'static) -> Self {
        let last = read();
        let accounts = BTreeMap::new();
        Self { read: Box::new(read), last, read_at: Instant::now(), accounts, opened: 0 }
    }

    /// Opens an account of no trials.
    fn open(&mut self) -> u64 {
        let id = self.opened;
        self.opened += 1;
        self.accounts.insert(id, Account { trials: 0, each: ZERO });
        id
    }

    fn account(&mut self, id: u64) -> &mut Account {
        self.accounts.get_mut(&id).expect("an account is there until its share is dropped")
    }

    /// Reads the meters, and divides the energy since the last reading among the trials that are counted now.
    fn catch_up(&mut self) {
        let now = (self.read)();
        spend(&mut self.accounts, now.since(&self.last));
        self.last = now;
        self.read_at = Instant::now();
    }
}

/// Divides energy among all trials in equal parts. A sum with an absent part is absent until it is taken.
fn spend(accounts: &mut BTreeMap<u64, Account>, used: Energy) {
    let trials = accounts.values().map(|account| account.trials).sum::<usize>() as f64;
    for Account { each, .. } in accounts.values_mut().filter(|account| account.trials > 0) {
        each.gpu = each.gpu.zip(used.gpu).map(|(sum, joules)| sum + joules / trials);
        each.cpu = each.cpu.zip(used.cpu).map(|(sum, joules)| sum + joules / trials);
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
    pub fn open() -> Self {
        Self::of(metering())
    }

    fn of(metering: Arc<Mutex<Metering>>) -> Self {
        let account = locked(&metering).open();
        Self { metering, account }
    }

    /// Sets the number of trials that train from now on.
    pub fn count(&self, trials: usize) {
        let mut metering = locked(&self.metering);
        metering.catch_up();
        metering.account(self.account).trials = trials;
    }

    /// Reads the meters if the last reading is old, so that no counter is full twice between two readings.
    pub fn keep_up(&self) {
        let mut metering = locked(&self.metering);
        if metering.read_at.elapsed() >= INTERVAL {
            metering.catch_up();
        }
    }

    /// Returns the energy of each of the trials since the last call, or since they were first counted.
    pub fn take(&self) -> Energy {
        let mut metering = locked(&self.metering);
        metering.catch_up();
        mem::replace(&mut metering.account(self.account).each, ZERO)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut metering = locked(&self.metering);
        // The energy until now does not belong to the trials that remain.
        metering.catch_up();
        metering.accounts.remove(&self.account);
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

    fn accounts(trials: [usize; 3]) -> BTreeMap<u64, Account> {
        let accounts = trials.map(|trials| Account { trials, each: ZERO });
        (0..).zip(accounts).collect()
    }

    #[test]
    fn parts_add_up_to_what_was_used() {
        // An account without trials gets nothing, and takes nothing from others.
        let mut accounts = accounts([1, 0, 5]);
        for joules in [0.5, 17.0, 3.25] {
            spend(&mut accounts, Energy { gpu: Some(joules), cpu: Some(2.0 * joules) });
        }
        assert_eq!(accounts[&1].each, ZERO);
        let sum: f64 = accounts.values().map(|it| it.each.gpu.expect("measured") * it.trials as f64).sum();
        assert!((sum - 20.75).abs() < 1e-12, "{sum}");
    }

    #[test]
    fn what_was_not_measured_once_is_no_sum() {
        let mut accounts = accounts([1, 0, 0]);
        for gpu in [Some(1.0), None, Some(1.0)] {
            spend(&mut accounts, Energy { gpu, cpu: Some(1.0) });
        }
        assert_eq!(accounts[&0].each, Energy { gpu: None, cpu: Some(3.0) });
    }
}
