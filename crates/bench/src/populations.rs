//! Populations of many sizes on one device: the time of a trial-step, next to the peers and to the memory bound.
//!
//! A trial-step is a training step of one trial in a population.

use engine::{DeviceError, memory_need, within_memory};
use settings::{Algorithm, Precision};

use crate::{
    case::{Case, Shape, name},
    peers::{self, COMPARED_STEPS, Mode},
    report::{Entry, Group, Unit, median},
    rounds::{self, Contestant},
    session::Session,
    tell,
};

/// The fraction of free memory for a population of ours; the need of a population is an estimate.
const OURS: f64 = 0.8;
/// The fraction of free memory for a population of ours that takes turns with peers, which need memory at the same time.
const OURS_NEXT_TO_PEERS: f64 = 0.25;
/// The fraction of free memory for a population of a peer, by our need: peers also keep gradients and copies.
const PEERS: f64 = 0.125;
/// The number of population sizes that are measured with peers: the largest ones that fit.
const SIZES_WITH_PEERS: usize = 2;
/// The size of a copy where memory allows, far beyond any cache.
const COPIED_BYTES: u64 = 2 << 30;
/// The largest fraction of free memory that is copied.
const COPIED: f64 = 0.1;
const COPIES: usize = 9;

/// Measures populations of DFA of the given sizes, and every rule at one size.
pub fn measure(session: &mut Session, sizes: Vec<usize>) -> anyhow::Result<()> {
    let gpu_memory = engine::gpu(session.device)?.map(|(_, free)| free);
    let free = gpu_memory.or_else(machine::memory::free).unwrap_or(u64::MAX);
    let bytes = COPIED_BYTES.min((free as f64 * COPIED) as u64);
    tell(&format!("measuring: the rate of copies of {:.2} GB", bytes as f64 / 1e9));
    let rates = engine::copy_rate(session.device, bytes as usize, COPIES)?;
    let mut populations = Populations { session, sizes, free, copies: Copies { bytes, rates } };
    for precision in [Precision::Full, Precision::Tf32] {
        if engine::check_precision(populations.session.device, precision).is_err() {
            continue;
        }
        let [cifar10, mnist] = [Shape::cifar10(), Shape::mnist()]
            .map(|shape| Case { precision, ..Case::new(shape, Algorithm::Dfa) });
        for case in [&cifar10, &mnist] {
            let ours = populations.by_size(case)?;
            populations.next_to_single_trials(case, ours)?;
            if case.shape.name == cifar10.shape.name {
                populations.next_to_populations(case, ours)?;
            }
        }
        populations.each_rule(&cifar10)?;
    }
    Ok(())
}

/// The measured copies of the device's memory.
struct Copies {
    bytes: u64,
    /// Bytes per second, read and written, of each copy.
    rates: Vec<f64>,
}

struct Populations<'a> {
    session: &'a mut Session,
    /// The numbers of trials that were asked for.
    sizes: Vec<usize>,
    /// The free bytes of the device's memory.
    free: u64,
    copies: Copies,
}

impl Populations<'_> {
    /// Returns the sizes whose population needs at most this fraction of the free memory, but at least the smallest size.
    fn fitting(&self, case: &Case, fraction: f64) -> Vec<usize> {
        let limit = (self.free as f64 * fraction) as u64;
        let mut sizes = self.sizes.clone();
        sizes.sort_unstable();
        sizes.dedup();
        let needs =
            sizes.iter().map(|trials| memory_need(self.session.device, &case.grid(*trials).population()));
        let fitting = needs.take_while(|need| need.peak() <= limit).count();
        sizes.truncate(fitting.max(1));
        sizes
    }

    /// Returns the largest size that takes turns with peers.
    fn largest_next_to_peers(&self, case: &Case) -> usize {
        self.fitting(case, OURS_NEXT_TO_PEERS).pop().unwrap_or(1)
    }

    fn title(&self, work: &str, case: &Case) -> String {
        let (shape, precision) = (case.shape.describe(), name(case.precision));
        format!("{work}, {shape}, {precision} on {}", self.session.device)
    }

    /// Returns the times of the contestants per trial-step, where each of them trains this many trials.
    fn time(&self, contestants: Vec<Contestant<'_>>, trials: &[usize]) -> anyhow::Result<Vec<Entry>> {
        let mut entries = rounds::time(contestants, self.session.effort)?;
        for (entry, trials) in entries.iter_mut().zip(trials) {
            entry.values.iter_mut().for_each(|seconds| *seconds /= *trials as f64);
        }
        Ok(entries)
    }

    fn add(&mut self, title: String, flops: Option<f64>, entries: Vec<Entry>, notes: Vec<String>) {
        let unit = Unit::SecondsPerTrialStep;
        self.session.add(Group { flops, unit, notes, ..Group::new(title, entries) });
    }

    /// Measures every size that fits. Returns the fastest size that leaves room for peers.
    fn by_size(&mut self, case: &Case) -> anyhow::Result<usize> {
        let largest = self.largest_next_to_peers(case);
        let title = self.title(&format!("a trial-step in populations, {}", case.algorithm.name()), case);
        if !self.session.begins(&title) {
            return Ok(largest);
        }
        let (mut sizes, mut entries, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        for trials in self.fitting(case, OURS) {
            let name = if trials == 1 { "1 trial".into() } else { format!("{trials} trials") };
            tell(&format!("measuring: {title}: {name}"));
            let device = self.session.device;
            let timed =
                within_memory(device, || self.time(vec![case.grid(trials).steps(device, name)?], &[trials]));
            match timed {
                Ok(timed) => {
                    sizes.push(trials);
                    entries.extend(timed?);
                }
                // The need of a population is an estimate.
                Err(DeviceError::OutOfMemory { reason }) if !sizes.is_empty() => {
                    notes.push(format!("{trials} trials, and more, do not fit: {reason}."));
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        notes.extend(self.memory_bound(&case.shape, &sizes, &entries));
        let fastest = fastest(&sizes, &entries, largest).unwrap_or(largest);
        self.add(title, Some(case.flops()), entries, notes);
        Ok(fastest)
    }

    /// Returns sentences on the memory bound, and on how close each size comes to it.
    fn memory_bound(&self, shape: &Shape, sizes: &[usize], entries: &[Entry]) -> [String; 2] {
        let Copies { bytes, rates } = &self.copies;
        let rate = median(rates);
        let seconds = shape.bytes_per_step() / rate;
        let shares: Vec<String> = sizes
            .iter()
            .zip(entries)
            .map(|(trials, entry)| format!("{trials}: {:.1} %", 100.0 * seconds / entry.median()))
            .collect();
        [
            format!(
                "Copies of {:.2} GB read and wrote {:.3} TB/s. At that rate the {:.1} MB of weights and moments that a trial-step reads and \
                 writes take {:.2} µs.",
                *bytes as f64 / 1e9,
                rate / 1e12,
                shape.bytes_per_step() / 1e6,
                1e6 * seconds
            ),
            format!("Shares of that bound, by number of trials: {}.", shares.join("; ")),
        ]
    }

    /// Measures `ours` trials of a population in turn with single trials of the peers.
    fn next_to_single_trials(&mut self, case: &Case, ours: usize) -> anyhow::Result<()> {
        let work = format!("{ours} trials together against one by one, {}", case.algorithm.name());
        let modes = self.session.peers.sequential_modes();
        self.next_to(self.title(&work, case), case, ours, &modes)
    }

    /// Measures `ours` trials of a population in turn with populations of the peers, one peer at a time: the memory may not hold all
    /// of them together.
    fn next_to_populations(&mut self, case: &Case, ours: usize) -> anyhow::Result<()> {
        let work = format!("{ours} trials against batched forms, {}", case.algorithm.name());
        let title = self.title(&work, case);
        let mut sizes = self.fitting(case, PEERS);
        // A population of one trial is slower than a single trial.
        sizes.retain(|trials| *trials > 1);
        for theirs in &sizes[sizes.len().saturating_sub(SIZES_WITH_PEERS)..] {
            for mode in self.session.peers.batched_modes() {
                let title = format!("{title}: {} with {theirs} trials", mode.name());
                self.next_to(title, &case.grid(*theirs), ours, &[mode])?;
            }
        }
        Ok(())
    }

    /// Measures `ours` trials of a population in turn with `case` in each of the modes.
    fn next_to(&mut self, title: String, case: &Case, ours: usize, modes: &[Mode]) -> anyhow::Result<()> {
        if modes.is_empty() || !self.session.begins(&title) {
            return Ok(());
        }
        let device = self.session.device;
        let losses = case.rehearse(device)?.steps(COMPARED_STEPS);
        let mut contestants = vec![case.grid(ours).steps(device, format!("bpfree, {ours} trials"))?];
        let mut notes = peers::join(modes, case, &losses, &mut contestants)?;
        let theirs = case.trials.len();
        let mut trials = vec![theirs; contestants.len()];
        trials[0] = ours;
        if theirs > 1 {
            contestants[1..].iter_mut().for_each(|peer| peer.name.push_str(&format!(", {theirs} trials")));
        }
        let entries = self.time(contestants, &trials).unwrap_or_else(|error| {
            notes.push(format!("Not measured: {error:#}."));
            Vec::new()
        });
        self.add(title, Some(case.flops()), entries, notes);
        Ok(())
    }

    /// Measures a trial-step of every rule at one size.
    fn each_rule(&mut self, case: &Case) -> anyhow::Result<()> {
        let trials = self.largest_next_to_peers(case);
        let title = self.title(&format!("a trial-step of each rule, {trials} trials"), case);
        if !self.session.begins(&title) {
            return Ok(());
        }
        let mut entries = Vec::new();
        for algorithm in Algorithm::ALL {
            tell(&format!("measuring: {title}: {}", algorithm.name()));
            let case = Case { algorithm, ..case.grid(trials) };
            let contestant = case.steps(self.session.device, algorithm.name())?;
            entries.extend(self.time(vec![contestant], &[trials])?);
        }
        self.add(title, None, entries, Vec::new());
        Ok(())
    }
}

/// Returns the size up to `largest` with the shortest trial-steps.
fn fastest(sizes: &[usize], entries: &[Entry], largest: usize) -> Option<usize> {
    let medians = sizes.iter().copied().zip(entries.iter().map(Entry::median));
    let fitting = medians.filter(|(trials, _)| *trials <= largest);
    fitting.min_by(|one, other| one.1.total_cmp(&other.1)).map(|(trials, _)| trials)
}

#[cfg(test)]
mod tests {
    use settings::Device;

    use super::*;
    use crate::{peers::Peers, rounds::Effort};

    fn small() -> Case {
        let shape = Shape { name: "a small shape", inputs: 20, hidden: vec![16, 12], outputs: 4, batch: 8 };
        Case::new(shape, Algorithm::Dfa)
    }

    fn session() -> Session {
        let (device, only, peers) = (Device::Cpu, String::new(), Peers::default());
        Session {
            device,
            effort: Effort { rounds: 2, seconds: 0.001, threads: 1 },
            only,
            peers,
            groups: Vec::new(),
        }
    }

    fn populations<'a>(session: &'a mut Session, sizes: &[usize], free: u64) -> Populations<'a> {
        let copies = Copies { bytes: 1 << 20, rates: vec![1e9, 2e9, 3e9] };
        Populations { session, sizes: sizes.to_vec(), free, copies }
    }

    #[test]
    fn sizes_are_limited_by_memory_but_the_smallest_is_always_measured() {
        let need = memory_need(Device::Cpu, &small().grid(48).population()).peak();
        for (free, sizes) in [(need, &[1, 12, 48][..]), (need - 1, &[1, 12]), (0, &[1])] {
            let mut session = session();
            assert_eq!(populations(&mut session, &[48, 1, 12, 1], free).fitting(&small(), 1.0), sizes);
        }
    }

    #[test]
    fn every_size_and_every_rule_is_measured() {
        let mut session = session();
        let mut populations = populations(&mut session, &[1, 3, 6], u64::MAX);
        let fastest = populations.by_size(&small()).expect("the CPU can be used");
        assert!([1, 3, 6].contains(&fastest));
        populations.each_rule(&small()).expect("the CPU can be used");
        let names =
            |group: &Group| -> Vec<String> { group.entries.iter().map(|entry| entry.name.clone()).collect() };
        assert_eq!(names(&session.groups[0]), ["1 trial", "3 trials", "6 trials"]);
        assert_eq!(session.groups[0].notes.len(), 2);
        assert_eq!(names(&session.groups[1]), Algorithm::ALL.map(|rule| rule.name()));
    }

    #[test]
    fn the_fastest_size_leaves_room_for_peers() {
        let entries = [3.0, 1.0, 2.0].map(|seconds| Entry { name: String::new(), values: vec![seconds; 2] });
        let fastest = |largest| fastest(&[1, 3, 6], &entries, largest);
        assert_eq!([fastest(usize::MAX), fastest(2), fastest(0)], [Some(3), Some(1), None]);
    }
}
