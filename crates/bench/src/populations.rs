//! Populations of many sizes on one device: what a step of a trial takes, beside the peers and beside what memory allows.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use algorithms::Algorithm;
use engine::{Device, DeviceError, Precision, Rehearsal, memory_need, rehearse};

use crate::{
    BenchError, Case, Effort, Entry, Group, Measured, Peers, Setting, Shape, Unit,
    case::{name, precisions},
    claims::{Bound, Claim, Found},
    default_grid,
    peers::{Peer, Start, Way},
    rounds::{Contestant, alternate, with_threads},
    steps::{COMPARED_STEPS, Steps},
};

/// Of what is free, so much may be taken: what a population needs is known only about.
const SHARE: f64 = 0.8;
/// Of what is free, so much goes to the population that meets the peers, which need room at the same time.
const SHARE_BESIDE_PEERS: f64 = 0.25;
/// Of what is free, so much goes to a population of a peer, by our need: it also keeps gradients and copies.
const SHARE_OF_A_PEER: f64 = 0.125;
/// So many sizes are tried with the peers, the largest ones.
const SIZES_WITH_PEERS: usize = 2;
/// What is copied is this large where memory allows: far beyond any cache.
const COPIED_BYTES: u64 = 2 << 30;
/// Of what is free, so much is copied at most.
const COPIED_SHARE: f64 = 0.1;
const COPIES: usize = 9;

/// What a run promises at one shape.
struct Promises {
    shape: Shape,
    /// Against PyTorch, one trial after the other.
    one_by_one: f64,
    /// Against the best form for many trials.
    batched: Option<f64>,
    /// Of what memory allows.
    memory: Option<f64>,
}

pub(crate) fn measure(
    setting: &Setting,
    effort: &Effort,
    peers: &mut Peers,
    progress: &dyn Fn(&str),
) -> Result<Measured, BenchError> {
    let free = free_memory(setting.device)?;
    let bytes = COPIED_BYTES.min(of(free, COPIED_SHARE));
    progress(&format!("the rate of copies of {:.2} GB", bytes as f64 / 1e9));
    let copies = Copies { bytes, rates: engine::copy_rate(setting.device, bytes as usize, COPIES)? };
    let hall = Hall { setting, effort, progress, free, copies: &copies };
    let mut measured = Measured::default();
    for precision in precisions(setting.device) {
        for promises in [
            Promises { shape: Shape::cifar10(), one_by_one: 8.0, batched: Some(1.3), memory: Some(0.6) },
            Promises { shape: Shape::mnist(), one_by_one: 15.0, batched: None, memory: None },
        ] {
            hall.populations(&promises, precision, peers, &mut measured)?;
        }
        hall.rules(precision, &mut measured)?;
        hall.default_grid(precision, &mut measured)?;
    }
    Ok(measured)
}

/// Bytes that are free on `device`; without limit where nobody can tell.
fn free_memory(device: Device) -> Result<u64, DeviceError> {
    let of_gpu = device.gpu()?.map(|(_, free)| free);
    Ok(of_gpu.or_else(machine::memory::free).unwrap_or(u64::MAX))
}

fn of(free: u64, share: f64) -> u64 {
    (free as f64 * share) as u64
}

/// What a device copies.
struct Copies {
    bytes: u64,
    /// Bytes per second, read and written, of each copy.
    rates: Vec<f64>,
}

impl Copies {
    fn rate(&self) -> f64 {
        Entry { name: String::new(), values: self.rates.clone() }.median()
    }

    /// Of the time that a trial-step took, what its bytes would take alone.
    fn share(&self, bytes: f64, seconds: f64) -> f64 {
        bytes / self.rate() / seconds
    }
}

/// Where everything is measured.
struct Hall<'a> {
    setting: &'a Setting,
    effort: &'a Effort,
    progress: &'a dyn Fn(&str),
    free: u64,
    copies: &'a Copies,
}

impl Hall<'_> {
    fn rehearsal(&self, case: &Case) -> Result<Box<dyn Rehearsal>, DeviceError> {
        rehearse(self.setting.device, &case.population(), &case.shape.batches())
    }

    /// The sizes whose population needs at most this share of what is free; the smallest in any case.
    fn sizes(&self, shape: &Shape, algorithm: Algorithm, share: f64) -> Vec<usize> {
        let most = of(self.free, share);
        let fits = |trials: &usize| {
            let population = Case::grid(shape.clone(), algorithm, *trials).population();
            memory_need(self.setting.device, &population).peak() <= most
        };
        let mut sizes = self.setting.populations.clone();
        sizes.sort_unstable();
        sizes.dedup();
        let fitting = sizes.iter().copied().take_while(fits).count();
        sizes.truncate(fitting.max(1));
        sizes
    }

    fn title(&self, what: &str, shape: &Shape, precision: Precision) -> String {
        format!("{what}, {}, {} on {}", shape.describe(), name(precision), self.setting.device)
    }

    /// Seconds of the contestants, for each round and trial-step; `trials` says how many trials each one trains.
    fn seconds(
        &self,
        contestants: &mut [Box<dyn Contestant>],
        trials: &[usize],
    ) -> Result<Vec<Vec<f64>>, BenchError> {
        let mut samples = with_threads(self.effort.threads, || alternate(contestants, self.effort))?;
        for (samples, trials) in samples.iter_mut().zip(trials) {
            samples.iter_mut().for_each(|seconds| *seconds /= *trials as f64);
        }
        Ok(samples)
    }

    fn group(&self, title: String, case: &Case, names: Vec<String>, samples: Vec<Vec<f64>>) -> Group {
        let mut group = Group::new(title, Some(case.flops()), names, samples);
        group.unit = Unit::SecondsPerTrialStep;
        group
    }

    /// DFA at one shape: all sizes, then the best of them against the peers.
    fn populations(
        &self,
        promises: &Promises,
        precision: Precision,
        peers: &mut Peers,
        measured: &mut Measured,
    ) -> Result<(), BenchError> {
        let (shape, algorithm) = (&promises.shape, Algorithm::Dfa);
        let (name, precision_name) = (shape.name, name(precision).to_owned());
        let claim =
            |work: String, bound, found| Claim { work, precision: precision_name.clone(), bound, found };
        let by_size = self.by_size(shape, algorithm, precision)?;
        let best = by_size.as_ref().and_then(|sizes| sizes.fastest(usize::MAX));
        if let Some(least) = promises.memory {
            let found = best.map(|(trials, seconds)| Found {
                value: self.copies.share(shape.bytes_of_a_step(), seconds),
                from: format!(
                    "{trials} trials: {:.2} µs for {:.1} MB at {:.3} TB/s; with gradients written and read {:.1} MB, {:.1} %",
                    1e6 * seconds,
                    shape.bytes_of_a_step() / 1e6,
                    self.copies.rate() / 1e12,
                    shape.bytes_with_gradients() / 1e6,
                    100.0 * self.copies.share(shape.bytes_with_gradients(), seconds),
                ),
            });
            let work = format!("{name}: share of what memory allows");
            measured.claims.push(claim(work, Bound::ShareAtLeast(least), found));
        }
        let largest = self.sizes(shape, algorithm, SHARE_BESIDE_PEERS).pop().unwrap_or(1);
        let rival =
            by_size.as_ref().and_then(|sizes| sizes.fastest(largest)).map_or(largest, |(trials, _)| trials);
        measured.groups.extend(by_size.map(|sizes| sizes.group));
        let found = self.one_by_one(shape, algorithm, precision, rival, peers, measured)?;
        let work = format!("{name}: a population against PyTorch one by one");
        measured.claims.push(claim(work, Bound::TimesAtLeast(promises.one_by_one), found));
        if let Some(least) = promises.batched {
            let found = self.duels(shape, algorithm, precision, rival, peers, measured)?;
            let work = format!("{name}: a population against the best batched form");
            measured.claims.push(claim(work, Bound::TimesAtLeast(least), found));
        }
        Ok(())
    }

    /// Ours alone, at every size that fits.
    fn by_size(
        &self,
        shape: &Shape,
        algorithm: Algorithm,
        precision: Precision,
    ) -> Result<Option<BySize>, BenchError> {
        let what = format!("a trial-step in populations, {}", algorithm.name());
        let title = self.title(&what, shape, precision);
        if !self.effort.includes(&title) {
            return Ok(None);
        }
        let (mut sizes, mut names, mut samples, mut notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for trials in self.sizes(shape, algorithm, SHARE) {
            let name = if trials == 1 { "1 trial".to_owned() } else { format!("{trials} trials") };
            (self.progress)(&format!("{title}: {name}"));
            let case = Case::grid(shape.clone(), algorithm, trials).in_precision(precision);
            // Whatever happens at a size that was thought to fit, the smaller ones were measured.
            let timed = catch_unwind(AssertUnwindSafe(|| -> Result<_, BenchError> {
                let mut contestants: Vec<Box<dyn Contestant>> = vec![Box::new(Steps(self.rehearsal(&case)?))];
                self.seconds(&mut contestants, &[trials])
            }));
            match timed {
                Ok(timed) => {
                    sizes.push(trials);
                    names.push(name);
                    samples.extend(timed?);
                }
                Err(panic) if !sizes.is_empty() => {
                    notes.push(format!("{trials} trials, and more, were given up: {}.", in_words(&*panic)));
                    break;
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        let mut group = self.group(title, &Case::single(shape.clone(), algorithm), names, samples);
        notes.extend(self.bound_by_memory(shape, &sizes, &group.entries));
        group.notes = notes;
        Ok(Some(BySize { sizes, group }))
    }

    /// Sentences on what memory allows and how near the sizes come to it.
    fn bound_by_memory(&self, shape: &Shape, sizes: &[usize], entries: &[Entry]) -> [String; 2] {
        let Copies { bytes, rates } = self.copies;
        let [few, many] = [shape.bytes_of_a_step(), shape.bytes_with_gradients()];
        let (lowest, highest) = rates
            .iter()
            .fold((f64::INFINITY, 0.0_f64), |(low, high), rate| (low.min(*rate), high.max(*rate)));
        let microseconds = |bytes: f64| 1e6 * bytes / self.copies.rate();
        let shares = sizes.iter().zip(entries).map(|(trials, entry)| {
            let share = |bytes| 100.0 * self.copies.share(bytes, entry.median());
            format!("{trials}: {:.1} and {:.1} %", share(few), share(many))
        });
        [
            format!(
                "Copies of {:.2} GB ran at {:.3} TB/s, read and written ({:.3} to {:.3}). At that rate the {:.1} MB of weights and moments that a trial-step reads \
                 and writes take {:.2} µs, and {:.1} MB with gradients written and read {:.2} µs.",
                *bytes as f64 / 1e9,
                self.copies.rate() / 1e12,
                lowest / 1e12,
                highest / 1e12,
                few / 1e6,
                microseconds(few),
                many / 1e6,
                microseconds(many),
            ),
            format!("Shares of that, by trials: {}.", shares.collect::<Vec<_>>().join("; ")),
        ]
    }

    /// A population of ours beside single trials in the peers; how many times as fast ours is as the fastest of PyTorch.
    fn one_by_one(
        &self,
        shape: &Shape,
        algorithm: Algorithm,
        precision: Precision,
        trials: usize,
        peers: &mut Peers,
        measured: &mut Measured,
    ) -> Result<Option<Found>, BenchError> {
        let what = format!("{trials} trials together against one by one, {}", algorithm.name());
        let title = self.title(&what, shape, precision);
        if !self.effort.includes(&title) || peers.ways_of_one().is_empty() {
            return Ok(None);
        }
        (self.progress)(&title);
        let single = Case::single(shape.clone(), algorithm).in_precision(precision);
        let losses = self.rehearsal(&single)?.steps(COMPARED_STEPS);
        let together = Case::grid(shape.clone(), algorithm, trials).in_precision(precision);
        let mut entrants =
            Entrants::with(format!("bpfree, {trials} trials"), self.rehearsal(&together)?, trials);
        let start = Start::of(&single)?;
        for way in peers.ways_of_one() {
            (self.progress)(&format!("{title}: {}", way.name()));
            match way.prepare(&start) {
                Ok(peer) => entrants.add(way.name(), peer, 1, &losses),
                Err(error) => entrants.notes.push(left_out(&way, &error)),
            }
        }
        let samples = self.seconds(&mut entrants.contestants, &entrants.trials)?;
        let mut group = self.group(title, &single, entrants.names, samples);
        group.notes = entrants.notes;
        let found = fastest_rival(&group, |name| name.starts_with("PyTorch"));
        measured.groups.push(group);
        Ok(found)
    }

    /// A population of ours beside every peer's population, one after the other, because not all of them have room together.
    fn duels(
        &self,
        shape: &Shape,
        algorithm: Algorithm,
        precision: Precision,
        trials: usize,
        peers: &mut Peers,
        measured: &mut Measured,
    ) -> Result<Option<Found>, BenchError> {
        let what = format!("{trials} trials against batched forms, {}", algorithm.name());
        let title = self.title(&what, shape, precision);
        if !self.effort.includes(&title) || peers.ways_of_many().is_empty() {
            return Ok(None);
        }
        let ours = Case::grid(shape.clone(), algorithm, trials).in_precision(precision);
        let mut slowest: Option<Found> = None;
        let mut sizes = self.sizes(shape, algorithm, SHARE_OF_A_PEER);
        // A single trial as a population of one is nobody's fastest way.
        sizes.retain(|trials| *trials > 1);
        for theirs in &sizes[sizes.len().saturating_sub(SIZES_WITH_PEERS)..] {
            let case = Case::grid(shape.clone(), algorithm, *theirs).in_precision(precision);
            let losses = self.rehearsal(&case)?.steps(COMPARED_STEPS);
            let start = Start::of(&case)?;
            for way in peers.ways_of_many() {
                let title = format!("{title}: {} with {theirs} trials", way.name());
                (self.progress)(&title);
                let mut entrants =
                    Entrants::with(format!("bpfree, {trials} trials"), self.rehearsal(&ours)?, trials);
                let samples = way.prepare(&start).map_err(BenchError::from).and_then(|peer| {
                    entrants.add(format!("{}, {theirs} trials", way.name()), peer, *theirs, &losses);
                    self.seconds(&mut entrants.contestants, &entrants.trials)
                });
                let mut group = match samples {
                    Ok(samples) => self.group(title, &case, entrants.names, samples),
                    Err(BenchError::Peer(error)) => {
                        entrants.notes.push(left_out(&way, &error));
                        self.group(title, &case, Vec::new(), Vec::new())
                    }
                    Err(error) => return Err(error),
                };
                group.notes = entrants.notes;
                let found = fastest_rival(&group, |_| true);
                slowest = [slowest, found]
                    .into_iter()
                    .flatten()
                    .min_by(|one, other| one.value.total_cmp(&other.value));
                measured.groups.push(group);
            }
        }
        Ok(slowest)
    }

    /// Every rule at one size.
    fn rules(&self, precision: Precision, measured: &mut Measured) -> Result<(), BenchError> {
        let shape = Shape::cifar10();
        measured.groups.extend(self.every_rule(&shape, precision)?.map(|(group, _)| group));
        Ok(())
    }

    /// What the predecessor's default grid would take, by steps of its own batch size.
    fn default_grid(&self, precision: Precision, measured: &mut Measured) -> Result<(), BenchError> {
        let shape = default_grid::shape();
        let found = self.every_rule(&shape, precision)?.map(|(group, trials)| {
            let seconds = |algorithm: Algorithm| {
                let position = Algorithm::ALL.iter().position(|rule| *rule == algorithm);
                group.entries[position.expect("every rule was timed")].median()
            };
            let days = default_grid::seconds(&shape, seconds) / 86_400.0;
            measured.groups.push(group);
            let from =
                format!("{trials} trials of {} at a time; other networks by their weights", shape.describe());
            Found { value: days, from }
        });
        measured.claims.push(Claim {
            work: "the default grid (pipelines/default-grid.ron), every trial to its last epoch".into(),
            precision: name(precision).into(),
            bound: Bound::DaysBelow(1.0),
            found,
        });
        Ok(())
    }

    /// A step of every rule, in the order of [`Algorithm::ALL`], and how many trials took it.
    fn every_rule(&self, shape: &Shape, precision: Precision) -> Result<Option<(Group, usize)>, BenchError> {
        let trials = self.sizes(shape, Algorithm::Dfa, SHARE_BESIDE_PEERS).pop().unwrap_or(1);
        let title = self.title(&format!("a trial-step of each rule, {trials} trials"), shape, precision);
        if !self.effort.includes(&title) {
            return Ok(None);
        }
        let (mut names, mut samples) = (Vec::new(), Vec::new());
        for algorithm in Algorithm::ALL {
            (self.progress)(&format!("{title}: {}", algorithm.name()));
            let case = Case::grid(shape.clone(), algorithm, trials).in_precision(precision);
            let mut contestants: Vec<Box<dyn Contestant>> = vec![Box::new(Steps(self.rehearsal(&case)?))];
            names.push(algorithm.name().to_owned());
            samples.extend(self.seconds(&mut contestants, &[trials])?);
        }
        let mut group = Group::new(title, None, names, samples);
        group.unit = Unit::SecondsPerTrialStep;
        Ok(Some((group, trials)))
    }
}

/// One population after the other.
struct BySize {
    sizes: Vec<usize>,
    /// Its entries belong to the sizes.
    group: Group,
}

impl BySize {
    /// Of the sizes up to `largest`, the one whose trial-steps take least, and their seconds.
    fn fastest(&self, largest: usize) -> Option<(usize, f64)> {
        let sizes = self.sizes.iter().copied().zip(self.group.entries.iter().map(Entry::median));
        sizes.filter(|(trials, _)| *trials <= largest).min_by(|one, other| one.1.total_cmp(&other.1))
    }
}

/// Who takes turns.
struct Entrants {
    names: Vec<String>,
    contestants: Vec<Box<dyn Contestant>>,
    /// That each one trains at a time.
    trials: Vec<usize>,
    notes: Vec<String>,
}

impl Entrants {
    /// Ours.
    fn with(name: String, rehearsal: Box<dyn Rehearsal>, trials: usize) -> Self {
        Self {
            names: vec![name],
            contestants: vec![Box::new(Steps(rehearsal))],
            trials: vec![trials],
            notes: Vec::new(),
        }
    }

    /// A peer, whose first losses must be `losses`.
    fn add(&mut self, name: String, peer: Peer, trials: usize, losses: &[Vec<f32>]) {
        self.notes.push(peer.agreement(losses));
        self.names.push(name);
        self.contestants.push(Box::new(peer));
        self.trials.push(trials);
    }
}

/// How many times as fast the first entry is as the fastest of the others that `counts`.
fn fastest_rival(group: &Group, counts: impl Fn(&str) -> bool) -> Option<Found> {
    let (ours, others) = group.entries.split_first()?;
    let rivals = others.iter().filter(|entry| counts(&entry.name));
    let rival = rivals.min_by(|one, other| one.median().total_cmp(&other.median()))?;
    let microseconds = |entry: &Entry| format!("{} {:.2} µs", entry.name, 1e6 * entry.median());
    let from = format!("{}; {}; the median of the rounds' ratios", microseconds(ours), microseconds(rival));
    Some(Found { value: rival.times(ours), from })
}

fn left_out(way: &Way, error: &crate::PeerError) -> String {
    format!("{} is left out: {error}.", way.name())
}

/// What a panic said.
fn in_words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(populations: &[usize]) -> Setting {
        Setting { device: Device::Cpu, populations: populations.to_vec(), vectors: std::path::PathBuf::new() }
    }

    fn effort() -> Effort {
        Effort { rounds: 2, seconds: 0.001, threads: 1, only: String::new() }
    }

    fn small() -> Shape {
        Shape { name: "a small shape", inputs: 20, hidden: vec![16, 12], outputs: 4, batch: 8 }
    }

    /// Measures on the CPU, with so much free memory.
    fn with_hall<T>(populations: &[usize], free: u64, work: impl FnOnce(&Hall<'_>) -> T) -> T {
        let (setting, effort) = (setting(populations), effort());
        let copies = Copies { bytes: 1 << 20, rates: vec![1e9, 2e9, 3e9] };
        work(&Hall { setting: &setting, effort: &effort, progress: &|_| {}, free, copies: &copies })
    }

    #[test]
    fn sizes_go_as_far_as_memory_holds_and_one_is_always_tried() {
        let of = |trials: usize| {
            memory_need(Device::Cpu, &Case::grid(small(), Algorithm::Dfa, trials).population()).peak()
        };
        let sizes = |free| with_hall(&[48, 1, 12, 1], free, |hall| hall.sizes(&small(), Algorithm::Dfa, 1.0));
        assert_eq!(sizes(of(48)), [1, 12, 48]);
        assert_eq!(sizes(of(48) - 1), [1, 12]);
        assert_eq!(sizes(0), [1]);
    }

    #[test]
    fn every_size_is_measured_and_the_fastest_one_is_named() {
        let by_size =
            with_hall(&[1, 3, 6], u64::MAX, |hall| hall.by_size(&small(), Algorithm::Dfa, Precision::Full));
        let mut by_size = by_size.expect("the CPU is always there").expect("everything is included");
        let names: Vec<&str> = by_size.group.entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["1 trial", "3 trials", "6 trials"]);
        for (entry, seconds) in by_size.group.entries.iter_mut().zip([3.0, 1.0, 2.0]) {
            entry.values = vec![seconds; 2];
        }
        assert_eq!(by_size.fastest(usize::MAX), Some((3, 1.0)));
        assert_eq!(by_size.fastest(1), Some((1, 3.0)));
        assert_eq!(by_size.fastest(0), None);
    }

    #[test]
    fn a_share_of_memory_is_the_time_of_the_bytes_alone() {
        let copies = Copies { bytes: 1, rates: vec![1e9, 3e9, 2e9] };
        assert!((copies.share(1e6, 1e-3) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn the_fastest_counting_rival_is_who_a_population_is_held_against() {
        let names = ["bpfree", "JAX", "PyTorch, eager", "PyTorch, graph"].map(str::to_owned).to_vec();
        let group =
            Group::new("a step".into(), None, names, vec![vec![1.0], vec![2.0], vec![9.0], vec![8.0]]);
        let value = |counts: fn(&str) -> bool| fastest_rival(&group, counts).map(|found| found.value);
        assert_eq!(value(|name| name.starts_with("PyTorch")), Some(8.0));
        assert_eq!(value(|_| true), Some(2.0));
        assert_eq!(value(|_| false), None);
    }

    #[test]
    fn every_rule_is_timed_for_the_default_grid() {
        let timed = with_hall(&[3], u64::MAX, |hall| hall.every_rule(&small(), Precision::Full));
        let (group, trials) = timed.expect("the CPU is always there").expect("everything is included");
        assert_eq!((group.entries.len(), trials), (Algorithm::ALL.len(), 3));
    }
}
