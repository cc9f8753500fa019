//! Trials that fail, and results that are damaged: they change no other result, and the user sees the reason.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use results::trial::{PlannedTrial, TRIAL};
use runner::{
    Context,
    plan::StagePlan,
    progress::{Progress, Reporter, TrialEnd},
    run::{RunReport, RunSettings},
};
use settings::Algorithm;
use spec::Pipeline;
use store::Name;
use tests::{Bench, SMALL_PIPELINE, Witness};
use walkdir::{DirEntry, WalkDir};

/// Panics in the first epoch of some trials, on the thread that trains them.
struct Saboteur {
    rule: Algorithm,
    /// The number of panics that are left.
    times: AtomicUsize,
    ends: Mutex<Vec<String>>,
}

impl Saboteur {
    fn of(rule: Algorithm, times: usize) -> Self {
        Self { rule, times: AtomicUsize::new(times), ends: Mutex::default() }
    }
}

impl Reporter for Saboteur {
    fn report(&self, progress: &Progress<'_>) {
        match progress {
            Progress::Epoch { trial, .. } if trial.configuration.algorithm == self.rule => {
                let left =
                    self.times.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
                assert!(left.is_err(), "sabotage");
            }
            Progress::TrialEnded { end: TrialEnd::Panicked(reason), .. } => {
                self.ends.lock().expect("no panic").push(reason.clone());
            }
            _ => {}
        }
    }
}

fn run(bench: &Bench, text: &str, reporter: &dyn Reporter, fail_fast: bool, largest: usize) -> RunReport {
    run_within(bench, text, reporter, fail_fast, largest, None)
}

fn run_within(
    bench: &Bench,
    text: &str,
    reporter: &dyn Reporter,
    fail_fast: bool,
    largest: usize,
    memory: Option<u64>,
) -> RunReport {
    let pipeline = Pipeline::parse("test.ron", text).unwrap_or_else(|problems| panic!("{problems}"));
    let interrupt = AtomicBool::new(false);
    let settings = RunSettings {
        jobs: 1,
        largest_population: Some(largest),
        memory,
        fail_fast,
        interrupt: &interrupt,
        reporter,
        build: "test",
    };
    runner::run::run(&bench.context(), &pipeline, settings).expect("the run is possible")
}

#[test]
fn a_trial_that_panics_takes_no_other_with_it() {
    let calm = Bench::new(1, 1);
    calm.run(SMALL_PIPELINE);
    for largest in [1, 8] {
        let bench = Bench::new(1, largest);
        let saboteur = Saboteur::of(Algorithm::Dfa, usize::MAX);
        let report = run(&bench, SMALL_PIPELINE, &saboteur, false, largest);
        assert_eq!((report.trained, report.failed.len()), (8, 2), "{report:?}");
        for (trial, reason) in &report.failed {
            assert_eq!(trial.configuration.algorithm, Algorithm::Dfa);
            assert!(reason.starts_with("panicked: sabotage"), "{reason}");
        }
        // The reason is kept until the trial is done.
        let failed = |bench: &Bench| {
            let store = bench.context().store;
            let trials = bench.trials(SMALL_PIPELINE);
            trials.iter().filter_map(|trial| store.failure(TRIAL, &trial.key)).collect::<Vec<String>>()
        };
        assert!(failed(&bench).len() == 2 && failed(&bench)[0].contains("sabotage"), "{:?}", failed(&bench));
        let (report, _) = bench.run(SMALL_PIPELINE);
        assert_eq!((report.skipped, report.trained), (8, 2), "a rerun tries what failed");
        assert_eq!(bench.contents(SMALL_PIPELINE), calm.contents(SMALL_PIPELINE));
        assert!(failed(&bench).is_empty());
    }
}

#[test]
fn a_population_that_panics_is_split_until_the_other_trials_are_done() {
    // Four panics: in populations of eight, four and two trials, and in the first seed alone. The second seed then trains.
    let bench = Bench::new(1, 8);
    let saboteur = Saboteur::of(Algorithm::Drtp, 4);
    let report = run(&bench, SMALL_PIPELINE, &saboteur, false, 8);
    assert_eq!((report.trained, report.failed.len()), (9, 1), "{report:?}");
    assert_eq!(
        saboteur.ends.lock().expect("no panic").len(),
        1,
        "only the end of the failed trial is reported"
    );
    let (report, _) = bench.run(SMALL_PIPELINE);
    let calm = Bench::new(1, 1);
    calm.run(SMALL_PIPELINE);
    assert_eq!((report.trained, bench.contents(SMALL_PIPELINE)), (1, calm.contents(SMALL_PIPELINE)));
}

/// Puts a folder in the place of the first trial's history, and lists what is reported of the attempts.
struct Obstructor<'a> {
    bench: &'a Bench,
    seen: Mutex<Vec<String>>,
}

impl Reporter for Obstructor<'_> {
    fn report(&self, progress: &Progress<'_>) {
        let mut seen = self.seen.lock().expect("no panic");
        match progress {
            Progress::Epoch { .. } if seen.is_empty() => {
                let work = fs::read_dir(self.bench.path("work")).expect("listable");
                let mut folders = work.map(|entry| entry.expect("an entry").path());
                let folder = folders.find(|path| path.is_dir()).expect("a trial is in training");
                fs::create_dir_all(folder.join("history.csv")).expect("writable");
            }
            Progress::AttemptFailed { reason, .. } => seen.push(format!("again, {reason}")),
            Progress::TrialEnded { end, .. } => {
                seen.push(end.failure().map_or("ended", |_| "failed").to_owned());
            }
            _ => {}
        }
    }
}

#[test]
fn a_failed_attempt_is_not_the_end_of_a_trial() {
    let bench = Bench::new(1, 1);
    let reporter = Obstructor { bench: &bench, seen: Mutex::default() };
    let text = SMALL_PIPELINE.replace("seeds: 2", "seeds: 1, retries: 1");
    let report = run(&bench, &text, &reporter, false, 1);
    assert_eq!((report.trained, report.failed.len()), (5, 0), "{report:?}");
    let seen = reporter.seen.into_inner().expect("no panic");
    assert!(seen[0].starts_with("again, cannot write "), "{seen:?}");
    assert_eq!(seen[1..], ["ended"; 5]);
}

/// Takes the lease of the first trial for another host, and gives it back when the run waits for it.
struct Thief<'a> {
    bench: &'a Bench,
    /// The stolen lease, until it is given back.
    stolen: Mutex<Option<PathBuf>>,
    seen: Mutex<Vec<String>>,
}

impl Reporter for Thief<'_> {
    fn report(&self, progress: &Progress<'_>) {
        let mut seen = self.seen.lock().expect("no panic");
        let mut stolen = self.stolen.lock().expect("no panic");
        match progress {
            Progress::Epoch { .. } if seen.is_empty() => {
                let work = fs::read_dir(self.bench.path("work")).expect("listable");
                let mut files = work.map(|entry| entry.expect("an entry").path());
                let is_lease = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "lease");
                let lease = files.find(is_lease).expect("a trial is in training");
                let text =
                    fs::read_to_string(&lease).expect("readable").replace("boot:\"", "boot:\"elsewhere ");
                fs::write(&lease, text).expect("writable");
                fs::write(lease.with_extension("").join("mine"), "").expect("writable");
                seen.push("stolen".into());
                *stolen = Some(lease);
            }
            Progress::WaitingFor { trials, .. } => {
                let lease = stolen.take().expect("the run waits once");
                assert!(lease.exists() && lease.with_extension("").join("mine").exists(), "{lease:?}");
                assert!(!lease.with_extension("failure").exists(), "{lease:?}");
                seen.push(format!("waits for {trials}"));
                fs::remove_file(&lease).expect("removable");
            }
            Progress::TrialEnded { end, .. } => {
                seen.push(end.failure().map_or("ended", |_| "failed").to_owned());
            }
            _ => {}
        }
    }
}

#[test]
fn a_trial_that_another_host_took_over_is_waited_for_like_any_other() {
    let bench = Bench::new(1, 1);
    let thief = Thief { bench: &bench, stolen: Mutex::default(), seen: Mutex::default() };
    let text = SMALL_PIPELINE
        .replace("[Backprop, Dfa, Drtp, LocalLoss(CrossEntropy), LocalLoss(MeanSquaredError)]", "[Dfa]");
    let report = run(&bench, &text, &thief, false, 1);
    assert_eq!((report.trained, report.failed.len()), (2, 0), "{report:?}");
    assert_eq!(thief.seen.into_inner().expect("no panic"), ["stolen", "ended", "waits for 1", "ended"]);
    assert!(fs::read_dir(bench.path("work")).expect("listable").next().is_none());
}

#[test]
fn with_fail_fast_no_trial_starts_after_the_first_failure() {
    let bench = Bench::new(1, 1);
    let report = run(&bench, SMALL_PIPELINE, &Saboteur::of(Algorithm::Dfa, usize::MAX), true, 1);
    // Backprop's two seeds come first.
    assert_eq!((report.trained, report.failed.len(), report.not_begun), (2, 1, 7), "{report:?}");
}

#[test]
fn if_the_first_trials_all_fail_the_others_are_not_started() {
    let bench = Bench::new(1, 1);
    let text = SMALL_PIPELINE.replace("seeds: 2", "seeds: 4");
    let report = run(&bench, &text, &Saboteur::of(Algorithm::Backprop, usize::MAX), false, 1);
    assert_eq!((report.trained, report.failed.len(), report.not_begun), (0, 3, 17), "{report:?}");
}

#[test]
fn a_trial_that_needs_too_much_memory_fails_alone() {
    let wide = SMALL_PIPELINE.replace("hidden: [[12, 8]]", "hidden: [[12, 8], [3000, 3000]]");
    let calm = Bench::new(2, 1);
    calm.run(SMALL_PIPELINE);
    for largest in [1, 8] {
        let bench = Bench::new(2, largest);
        let report = run_within(&bench, &wide, &Witness::new(None), false, largest, Some(100_000_000));
        assert_eq!((report.trained, report.failed.len()), (10, 10), "{report:?}");
        for (trial, reason) in &report.failed {
            assert_eq!(trial.configuration.hidden, [3000, 3000]);
            assert!(reason.starts_with("needs about ") && reason.contains("100 MB may be used"), "{reason}");
        }
        assert_eq!(bench.contents(SMALL_PIPELINE), calm.contents(SMALL_PIPELINE));
    }
}

#[test]
fn a_population_that_needs_too_much_memory_is_split() {
    let calm = Bench::new(1, 1);
    calm.run(SMALL_PIPELINE);
    let bench = Bench::new(1, 8);
    // Enough for one trial, which evaluates a thousand images at a time, and not for two.
    let report = run_within(&bench, SMALL_PIPELINE, &Witness::new(None), false, 8, Some(5_000_000));
    assert_eq!((report.trained, report.failed.len()), (10, 0), "{report:?}");
    assert_eq!(bench.contents(SMALL_PIPELINE), calm.contents(SMALL_PIPELINE));
}

/// Panics like a GPU's backend without memory if more trials than fit train together.
struct SmallDevice {
    fits: usize,
    began: Mutex<Vec<String>>,
    halved: Mutex<Vec<usize>>,
}

impl Reporter for SmallDevice {
    fn report(&self, progress: &Progress<'_>) {
        let mut began = self.began.lock().unwrap_or_else(PoisonError::into_inner);
        let name = |trial: &settings::Trial| format!("{} {}", trial.configuration, trial.seed);
        match progress {
            Progress::TrialStarted { trial, .. } => began.push(name(trial)),
            Progress::TrialEnded { trial, .. } => began.retain(|other| *other != name(trial)),
            Progress::Epoch { .. } if began.len() > self.fits => {
                panic!("io error:\n  can't allocate buffer of size: {}\n  at ...", began.len())
            }
            Progress::Halved { trials, reason } => {
                assert!(reason.ends_with(&format!("can't allocate buffer of size: {trials}")), "{reason}");
                self.halved.lock().expect("no panic").push(*trials);
                // The trials start again.
                began.clear();
            }
            _ => {}
        }
    }
}

#[test]
fn a_population_that_runs_out_of_the_devices_memory_is_halved_until_it_fits() {
    let calm = Bench::new(1, 1);
    calm.run(SMALL_PIPELINE);
    let device = SmallDevice { fits: 3, began: Mutex::default(), halved: Mutex::default() };
    let bench = Bench::new(1, 10);
    let report = run(&bench, SMALL_PIPELINE, &device, false, 10);
    assert_eq!((report.trained, report.failed.len()), (10, 0), "{report:?}");
    // Ten trials of five rules in one population; five and five; two and three of each.
    assert_eq!(*device.halved.lock().expect("no panic"), [10, 5, 5]);
    assert_eq!(bench.contents(SMALL_PIPELINE), calm.contents(SMALL_PIPELINE));
    let device = SmallDevice { fits: 0, began: Mutex::default(), halved: Mutex::default() };
    let bench = Bench::new(1, 2);
    let report = run(&bench, SMALL_PIPELINE, &device, false, 2);
    assert_eq!((report.trained, report.failed.len()), (0, 10), "{report:?}");
    assert!(report.failed[0].1.contains("can't allocate buffer of size: 1"), "{report:?}");
}

#[test]
fn trials_that_failed_before_are_trained_last() {
    let bench = Bench::new(1, 1);
    run(&bench, SMALL_PIPELINE, &Saboteur::of(Algorithm::Dfa, usize::MAX), false, 1);
    let others = SMALL_PIPELINE.replace("seeds: 2", "seeds: 3");
    // No trial starts after the first failure, so that all others were trained before it.
    let report = run(&bench, &others, &Saboteur::of(Algorithm::Dfa, usize::MAX), true, 1);
    assert_eq!((report.skipped, report.trained + report.failed.len()), (8, 2), "{report:?}");
    let report = run(&bench, &others.replace("Dfa, ", ""), &Witness::new(None), false, 1);
    assert_eq!((report.skipped, report.trained), (9, 3), "{report:?}");
}

#[test]
fn one_damaged_result_stops_nothing_and_is_computed_again() {
    let bench = Bench::new(2, 1);
    bench.run(SMALL_PIPELINE);
    let contents = bench.contents(SMALL_PIPELINE);
    let victim = bench.trials(SMALL_PIPELINE).swap_remove(3).artifact.expect("it is done");
    fs::write(victim.path().join("history.csv"), "").expect("writable");
    let planned = bench.trials(SMALL_PIPELINE);
    let damaged: Vec<&str> = planned.iter().filter_map(|trial| trial.damage.as_deref()).collect();
    assert!(matches!(damaged[..], [damage] if damage.contains("history.csv: expected")), "{damaged:?}");
    let (report, tables) = bench.run(SMALL_PIPELINE);
    assert_eq!((report.skipped, report.trained), (9, 1), "{report:?}");
    assert_eq!((bench.contents(SMALL_PIPELINE), tables.len()), (contents, 1));
    assert_eq!(bench.context().store.aside().expect("listable").0, 1);
}

#[test]
fn damage_that_is_found_while_reading_is_repaired_within_the_run() {
    let bench = Bench::new(2, 1);
    bench.run(SMALL_PIPELINE);
    let contents = bench.contents(SMALL_PIPELINE);
    let victim = bench.trials(SMALL_PIPELINE).swap_remove(3).artifact.expect("it is done");
    let history = victim.path().join("history.csv");
    let text = fs::read_to_string(&history).expect("readable");
    // The length is the same, so that names and sizes show no damage.
    fs::write(&history, text.replace('1', "2")).expect("writable");
    assert!(bench.trials(SMALL_PIPELINE).iter().all(|trial| trial.damage.is_none()));
    let other = SMALL_PIPELINE.replace("error_rate/test", "loss/test");
    let (report, tables) = bench.run(&other);
    assert_eq!((report.trials, report.skipped, report.trained), (10, 9, 1), "{report:?}");
    assert_eq!((bench.contents(&other), tables.len()), (contents, 1));
    assert_eq!(bench.context().store.aside().expect("listable").0, 1);
}

#[test]
fn with_same_build_results_of_other_builds_do_not_count() {
    let bench = Bench::new(1, 1);
    bench.run(SMALL_PIPELINE);
    let pipeline = Pipeline::parse("test.ron", SMALL_PIPELINE).expect("the file is right");
    let done = |build: Option<&str>| {
        let context = Context { same_build: build, ..bench.context() };
        let plans = runner::plan::plan(&context, &pipeline).expect("the store is whole");
        let of = |plan| if let StagePlan::Train { trials, .. } = plan { trials } else { Vec::new() };
        let trials: Vec<PlannedTrial> = plans.into_iter().flat_map(of).collect();
        trials.iter().filter(|trial| trial.artifact.is_some()).count()
    };
    assert_eq!((done(None), done(Some("another build"))), (10, 0));
}

/// A kind of damage: its name, and a function that damages a file.
type Damage = (&'static str, fn(&Path));

const DAMAGES: [Damage; 5] = [
    ("deleted", |path| fs::remove_file(path).expect("removable")),
    ("truncated", |path| {
        let bytes = fs::read(path).expect("readable");
        fs::write(path, &bytes[..bytes.len() / 2]).expect("writable");
    }),
    ("one bit flipped", |path| {
        let mut bytes = fs::read(path).expect("readable");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).expect("writable");
    }),
    ("replaced by an empty file", |path| fs::write(path, b"").expect("writable")),
    ("replaced by a folder", |path| {
        fs::remove_file(path).expect("removable");
        fs::create_dir(path).expect("writable");
    }),
];

#[test]
fn every_damage_of_every_file_of_every_kind_is_found_and_made_good() {
    let bench = Bench::new(2, 1);
    let text = SMALL_PIPELINE
        .replace("[Backprop, Dfa, Drtp, LocalLoss(CrossEntropy), LocalLoss(MeanSquaredError)]", "[Dfa]");
    bench.run(&text);
    let store = bench.context().store;
    let mut kinds: BTreeMap<String, Name> = BTreeMap::new();
    for name in store.names().expect("the store is whole") {
        kinds.insert(name.kind.clone(), name);
    }
    assert_eq!(kinds.keys().collect::<Vec<_>>(), ["board", "dataset", "mean", "summary", "trial"]);
    let mut seen = String::new();
    for (kind, name) in &kinds {
        let folder = store.verify(name).expect("it is whole").path().to_owned();
        let listed = |folder: &Path| -> Vec<PathBuf> {
            let entries = WalkDir::new(folder).sort_by_file_name().into_iter();
            let entries = entries.map(|entry| entry.expect("an entry"));
            entries.filter(|entry| entry.file_type().is_file()).map(DirEntry::into_path).collect()
        };
        for index in 0..listed(&folder).len() {
            for (what, damage) in DAMAGES {
                // The name of an event file differs every time.
                let file = listed(&folder).swap_remove(index);
                let shown = file.file_name().expect("a name").to_string_lossy().into_owned();
                let shown = shown.split(".tfevents").next().unwrap_or_default();
                damage(&file);
                let error = store.verify(name).expect_err("the damage is found").to_string();
                seen.push_str(&format!("{kind}/{shown} {what}: {}\n", without_numbers(&error)));
                store.move_aside(name).expect("it can be moved");
                assert!(store.find(kind, &name.key).expect("readable").is_none());
                // A dataset's artifact is written only if a trial is missing.
                let again = match kind.as_str() {
                    "dataset" => {
                        text.replace("seeds: 2", &format!("seeds: [{}]", 100 + seen.lines().count()))
                    }
                    _ => text.clone(),
                };
                bench.run(&again);
                store.verify(name).unwrap_or_else(|error| panic!("{kind} {shown} {what}: {error}"));
            }
        }
    }
    insta::assert_snapshot!(seen);
}

/// Returns the message after the artifact's path, with `#` for every word that contains a digit.
fn without_numbers(message: &str) -> String {
    let message = message.rsplit(" is damaged: ").next().unwrap_or_default();
    // The place where a text is cut, and the first missing part, depend on the names in the text.
    let message = message.split(", found other text").next().unwrap_or_default();
    let words = message
        .split(' ')
        .map(|word| if word.contains(|letter: char| letter.is_ascii_digit()) { "#" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
