//! Who used it? Divides what meters counted among the trials that trained meanwhile.

use std::collections::BTreeMap;

use super::Energy;

/// Accounts of trials that train together.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: BTreeMap<Number, Account>,
    opened: u64,
}

/// Names an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number(u64);

#[derive(Debug)]
struct Account {
    trials: usize,
    /// What each of them used since it was taken last.
    each: Energy,
}

const NOTHING: Energy = Energy { gpu: Some(0.0), cpu: Some(0.0) };

impl Ledger {
    /// An account of no trials.
    pub(super) fn open(&mut self) -> Number {
        let number = Number(self.opened);
        self.opened += 1;
        self.accounts.insert(number, Account { trials: 0, each: NOTHING });
        number
    }

    /// Forgets the account, and what was not taken of it.
    pub(super) fn close(&mut self, number: Number) {
        self.accounts.remove(&number);
    }

    /// So many trials train from now on.
    pub(super) fn count(&mut self, number: Number, trials: usize) {
        if let Some(account) = self.accounts.get_mut(&number) {
            account.trials = trials;
        }
    }

    /// Divides what was used among all trials, in equal parts. What is absent is absent for all of them, until they take it.
    pub(super) fn spend(&mut self, used: Energy) {
        let trials: usize = self.accounts.values().map(|account| account.trials).sum();
        let part = |used: Option<f64>| used.map(|joules| joules / trials as f64);
        let (gpu, cpu) = (part(used.gpu), part(used.cpu));
        for Account { each, .. } in self.accounts.values_mut().filter(|account| account.trials > 0) {
            each.gpu = each.gpu.zip(gpu).map(|(sum, part)| sum + part);
            each.cpu = each.cpu.zip(cpu).map(|(sum, part)| sum + part);
        }
    }

    /// What each of an account's trials used since this was asked last.
    pub(super) fn take(&mut self, number: Number) -> Energy {
        let account = self.accounts.get_mut(&number);
        account.map_or(Energy::default(), |account| std::mem::replace(&mut account.each, NOTHING))
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
        let mut ledger = Ledger::default();
        ledger.spend(used(1000.0, 1000.0));
        let one = ledger.open();
        ledger.count(one, 3);
        ledger.spend(used(6.0, 3.0));
        let other = ledger.open();
        // An account without trials gets nothing, and takes nothing from others.
        ledger.spend(used(3.0, 0.0));
        ledger.count(other, 1);
        ledger.spend(used(8.0, 4.0));
        assert_eq!(ledger.take(one), used(5.0, 2.0));
        assert_eq!(ledger.take(one), used(0.0, 0.0));
        // Two of the three have left.
        ledger.count(one, 1);
        ledger.spend(used(4.0, 2.0));
        assert_eq!(ledger.take(one), used(2.0, 1.0));
        assert_eq!(ledger.take(other), used(4.0, 2.0));
        ledger.close(one);
        ledger.spend(used(7.0, 5.0));
        assert_eq!(ledger.take(other), used(7.0, 5.0));
        assert_eq!(ledger.take(one), Energy::default());
    }

    #[test]
    fn parts_add_up_to_what_was_used() {
        let mut ledger = Ledger::default();
        let accounts = [1, 2, 5].map(|trials| {
            let number = ledger.open();
            ledger.count(number, trials);
            (number, trials)
        });
        for joules in [0.5, 17.0, 3.25] {
            ledger.spend(used(joules, 2.0 * joules));
        }
        let sum: f64 = accounts
            .iter()
            .map(|(number, trials)| ledger.take(*number).gpu.expect("measured") * *trials as f64)
            .sum();
        assert!((sum - 20.75).abs() < 1e-12, "{sum}");
    }

    #[test]
    fn what_was_not_measured_once_is_no_sum() {
        let mut ledger = Ledger::default();
        let number = ledger.open();
        ledger.count(number, 1);
        ledger.spend(used(1.0, 1.0));
        ledger.spend(Energy { gpu: None, cpu: Some(1.0) });
        ledger.spend(used(1.0, 1.0));
        assert_eq!(ledger.take(number), Energy { gpu: None, cpu: Some(3.0) });
        ledger.spend(used(1.0, 1.0));
        assert_eq!(ledger.take(number), used(1.0, 1.0));
    }
}
