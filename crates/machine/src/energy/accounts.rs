//! Division of energy among the trials that trained meanwhile.

use std::collections::BTreeMap;

use super::Energy;

/// The energy of each group of trials that train together.
#[derive(Default)]
pub(super) struct Accounts {
    accounts: BTreeMap<AccountId, Account>,
    opened: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AccountId(u64);

struct Account {
    trials: usize,
    /// The energy of each trial since it was last taken.
    each: Energy,
}

const ZERO: Energy = Energy { gpu: Some(0.0), cpu: Some(0.0) };

impl Accounts {
    /// Opens an account of no trials.
    pub(super) fn open(&mut self) -> AccountId {
        let id = AccountId(self.opened);
        self.opened += 1;
        self.accounts.insert(id, Account { trials: 0, each: ZERO });
        id
    }

    pub(super) fn close(&mut self, id: AccountId) {
        self.accounts.remove(&id);
    }

    /// Sets the number of trials that train from now on.
    pub(super) fn count(&mut self, id: AccountId, trials: usize) {
        if let Some(account) = self.accounts.get_mut(&id) {
            account.trials = trials;
        }
    }

    /// Divides energy among all trials in equal parts. A sum with an absent part is absent until it is taken.
    pub(super) fn spend(&mut self, used: Energy) {
        let trials = self.accounts.values().map(|account| account.trials).sum::<usize>() as f64;
        for Account { each, .. } in self.accounts.values_mut().filter(|account| account.trials > 0) {
            each.gpu = each.gpu.zip(used.gpu).map(|(sum, joules)| sum + joules / trials);
            each.cpu = each.cpu.zip(used.cpu).map(|(sum, joules)| sum + joules / trials);
        }
    }

    /// Returns the energy of each trial of an account since the last call.
    pub(super) fn take(&mut self, id: AccountId) -> Energy {
        let account = self.accounts.get_mut(&id);
        account.map_or(Energy::default(), |account| std::mem::replace(&mut account.each, ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(gpu: f64, cpu: f64) -> Energy {
        Energy { gpu: Some(gpu), cpu: Some(cpu) }
    }

    #[test]
    fn every_trial_gets_an_equal_part_of_what_was_used_while_it_trained() {
        let mut accounts = Accounts::default();
        accounts.spend(used(1000.0, 1000.0));
        let one = accounts.open();
        accounts.count(one, 3);
        accounts.spend(used(6.0, 3.0));
        let other = accounts.open();
        // An account without trials gets nothing, and takes nothing from others.
        accounts.spend(used(3.0, 0.0));
        accounts.count(other, 1);
        accounts.spend(used(8.0, 4.0));
        assert_eq!(accounts.take(one), used(5.0, 2.0));
        assert_eq!(accounts.take(one), used(0.0, 0.0));
        // Two of the three have left.
        accounts.count(one, 1);
        accounts.spend(used(4.0, 2.0));
        assert_eq!(accounts.take(one), used(2.0, 1.0));
        assert_eq!(accounts.take(other), used(4.0, 2.0));
        accounts.close(one);
        accounts.spend(used(7.0, 5.0));
        assert_eq!(accounts.take(other), used(7.0, 5.0));
        assert_eq!(accounts.take(one), Energy::default());
    }

    #[test]
    fn parts_add_up_to_what_was_used() {
        let mut accounts = Accounts::default();
        let ided = [1, 2, 5].map(|trials| {
            let id = accounts.open();
            accounts.count(id, trials);
            (id, trials)
        });
        for joules in [0.5, 17.0, 3.25] {
            accounts.spend(used(joules, 2.0 * joules));
        }
        let sum: f64 =
            ided.iter().map(|(id, trials)| accounts.take(*id).gpu.expect("measured") * *trials as f64).sum();
        assert!((sum - 20.75).abs() < 1e-12, "{sum}");
    }

    #[test]
    fn what_was_not_measured_once_is_no_sum() {
        let mut accounts = Accounts::default();
        let id = accounts.open();
        accounts.count(id, 1);
        accounts.spend(used(1.0, 1.0));
        accounts.spend(Energy { gpu: None, cpu: Some(1.0) });
        accounts.spend(used(1.0, 1.0));
        assert_eq!(accounts.take(id), Energy { gpu: None, cpu: Some(3.0) });
        accounts.spend(used(1.0, 1.0));
        assert_eq!(accounts.take(id), used(1.0, 1.0));
    }
}
