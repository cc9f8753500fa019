//! Counters that only grow, and start again at 0 when they are full.

use super::Energy;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counter {
    pub(super) microjoules: u64,
    /// The count in microjoules at which the counter starts again at 0; absent if it is never reached.
    pub(super) range: Option<u64>,
}

impl Counter {
    /// Returns the microjoules since `earlier`, if the counter was full at most once in between; none if it was reset.
    fn since(self, earlier: Self) -> Option<u64> {
        match self.microjoules.checked_sub(earlier.microjoules) {
            Some(more) => Some(more),
            None => Some(self.range?.checked_sub(earlier.microjoules)? + self.microjoules),
        }
    }
}

/// All counters at one time; a kind is absent if one of its counters could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) gpus: Option<Vec<Counter>>,
    pub(super) packages: Option<Vec<Counter>>,
}

impl Reading {
    pub(super) fn since(&self, earlier: &Self) -> Energy {
        Energy {
            gpu: joules(self.gpus.as_deref(), earlier.gpus.as_deref()),
            cpu: joules(self.packages.as_deref(), earlier.packages.as_deref()),
        }
    }
}

fn joules(now: Option<&[Counter]>, earlier: Option<&[Counter]>) -> Option<f64> {
    let (now, earlier) = (now?, earlier?);
    if now.len() != earlier.len() {
        return None;
    }
    let pairs = now.iter().zip(earlier);
    let microjoules: Option<u64> = pairs.map(|(now, earlier)| now.since(*earlier)).sum();
    Some(microjoules? as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(microjoules: u64, range: Option<u64>) -> Counter {
        Counter { microjoules, range }
    }

    #[test]
    fn a_counter_that_was_full_goes_on_from_0() {
        let since = |earlier, now, range| counter(now, range).since(counter(earlier, range));
        assert_eq!(since(100, 250, Some(1000)), Some(150));
        assert_eq!(since(900, 50, Some(1000)), Some(150));
        assert_eq!(since(900, 900, Some(1000)), Some(0));
        // The system said that it never gets there.
        assert_eq!(since(900, 50, Some(800)), None);
        assert_eq!(since(900, 50, None), None);
    }

    #[test]
    fn a_kind_counts_if_all_its_meters_were_read() {
        let reading = |gpus: Option<&[u64]>, packages: Option<&[u64]>| Reading {
            gpus: gpus.map(|counts| counts.iter().map(|count| counter(*count, None)).collect()),
            packages: packages.map(|counts| counts.iter().map(|count| counter(*count, Some(10))).collect()),
        };
        let earlier = reading(Some(&[1_000_000, 5_000_000]), Some(&[8]));
        let now = reading(Some(&[2_000_000, 5_500_000]), Some(&[2]));
        assert_eq!(now.since(&earlier), Energy { gpu: Some(1.5), cpu: Some(4e-6) });
        assert_eq!(reading(None, Some(&[8])).since(&earlier), Energy { gpu: None, cpu: Some(0.0) });
        assert_eq!(now.since(&reading(Some(&[1]), None)), Energy::default());
    }
}
