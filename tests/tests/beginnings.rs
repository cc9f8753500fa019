//! Trials that begin from finished ones: nothing is trained twice, and all bytes are those of a training from the beginning.

use std::{collections::HashSet, fs};

use history::History;
use results::trial::{self, EVENT_FILES, MACHINE, PlannedTrial, RESULT, STATE};
use runner::run::RunReport;
use settings::Tracker;
use tests::{Bench, Witness};

/// Every kind of state that learning changes: moments, learned feedback, offsets, moving statistics, the best weights so far.
const PIPELINE: &str = r#"Pipeline(
    name: "longer",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 200, test: 50), holdout: 0.2),
        Grid(name: "rules", axes: (
            algorithm: [Backprop, Dfa, Drtp, DirectKolenPollack, LocalLoss(LearnedCrossEntropy)],
            hidden: [[12, 8]], learning_rate: [1e-3], batch_norm: [true, false], dropout: [0.2],
        )),
        Grid(name: "offsets", axes: (
            algorithm: [KolenPollack, SignSymmetric(Batchwise)], hidden: [[12, 8]], learning_rate: [1e-2],
            feedback: [GlorotUniform], optimizer: [Sgd(momentum: 0.9), RmsProp()],
            schedule: [Step(at: [1, 3], factor: 0.5), Warmup(epochs: 2, then: Exponential(factor: 0.9))],
        )),
        Train(name: "trials", dataset: "images", grid: "rules", epochs: EPOCHS, batch_size: 20, seeds: 1, EXTRA),
        Train(
            name: "best", dataset: "images", grid: "offsets", epochs: EPOCHS, batch_size: 20, seeds: 1,
            keep_weights: Best("loss/validation"),
        ),
    ],
)"#;

fn pipeline(epochs: u32, extra: &str) -> String {
    PIPELINE.replace("EPOCHS", &epochs.to_string()).replace("EXTRA", extra)
}

/// The numbers of trials that were done before, trained, and taken from finished ones, and of the epochs that were trained.
fn counts(bench: &Bench, text: &str) -> (usize, usize, usize, usize) {
    let witness = Witness::new(None);
    let report: RunReport = bench.run_with(text, &witness);
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    (report.skipped, report.trained, report.adopted, witness.epochs())
}

/// Asserts that the results of `text` have the same files in both, except for event files.
fn assert_same(one: &Bench, other: &Bench, text: &str) {
    let files = |planned: &PlannedTrial| {
        let artifact = planned.artifact.as_ref().expect("it is finished");
        let files = artifact.manifest().files.iter().filter(|file| !file.path.starts_with(EVENT_FILES));
        files.map(|file| (file.path.clone(), file.hash)).collect::<Vec<_>>()
    };
    let (one, other) = (one.trials(text), other.trials(text));
    assert_eq!(one.len(), other.len());
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(files(one), files(other), "{}", one.trial);
    }
}

#[test]
fn more_epochs_go_on_from_fewer_to_the_same_bytes() {
    let (bench, fresh) = (Bench::new(2, 4), Bench::new(2, 1));
    let (short, long) = (pipeline(3, ""), pipeline(5, ""));
    assert_eq!(counts(&bench, &short), (0, 18, 0, 54));
    assert_eq!(counts(&bench, &long), (0, 18, 0, 36), "two epochs of each trial");
    assert_eq!(counts(&fresh, &long), (0, 18, 0, 90));
    assert_same(&bench, &fresh, &long);
    assert_eq!(counts(&bench, &short), (18, 0, 0, 0), "the short trials are still there");
    assert_eq!(counts(&bench, &pipeline(4, "")), (0, 18, 0, 18), "from the third epoch, not from the fifth");
}

#[test]
fn an_interrupted_continuation_goes_on_from_its_own_checkpoint() {
    let (bench, fresh) = (Bench::new(1, 1), Bench::new(2, 1));
    let (short, long) = (pipeline(2, ""), pipeline(5, ""));
    counts(&bench, &short);
    let report = bench.run_with(&long, &Witness::after_epochs(1));
    assert_eq!((report.interrupted, report.saved), (true, 1));
    let (_, trained, _, epochs) = counts(&bench, &long);
    assert_eq!((trained, epochs), (18, 18 * 3 - 2), "no epoch is repeated");
    counts(&fresh, &long);
    assert_same(&bench, &fresh, &long);
}

#[test]
fn a_result_that_measured_more_serves() {
    let (bench, fresh) = (Bench::new(2, 1), Bench::new(2, 1));
    let all = pipeline(2, "trackers: [BpCosine, WeightAlignment, Memory, Histograms]");
    let some = pipeline(2, "trackers: [WeightAlignment, Histograms]");
    assert_eq!(counts(&bench, &all), (0, 18, 0, 36));
    assert_eq!(counts(&bench, &some), (8, 0, 10, 0), "nothing is trained");
    counts(&fresh, &some);
    assert_eq!(bench.contents(&some), fresh.contents(&some));
    // An adopted result was made when the other one was.
    let made = |text: &str| {
        let trials = bench.trials(text);
        let artifacts = trials.iter().take(10).filter_map(|it| it.artifact.clone());
        artifacts.map(|artifact| artifact.manifest().made.duration_seconds.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(made(&all), made(&some));
    assert_eq!(
        counts(&bench, &pipeline(3, "trackers: [WeightAlignment]")),
        (0, 18, 0, 18),
        "and longer trials"
    );
    assert_eq!(counts(&bench, &pipeline(2, "trackers: [BpCosine(every: 1)]")), (8, 10, 0, 20), "other steps");
}

#[test]
fn a_trial_that_ended_early_is_the_result_of_longer_ones() {
    let extra =
        "may_diverge: true, early_stopping: (metric: \"loss/validation\", patience: 1, min_delta: 10.0)";
    let (bench, fresh) = (Bench::new(2, 1), Bench::new(2, 1));
    let only = |epochs| {
        let text = pipeline(epochs, extra);
        let end = text.find("        Train(\n").expect("the second stage");
        text[..end].to_owned() + "    ],\n)"
    };
    assert_eq!(counts(&bench, &only(4)).1, 10);
    assert_eq!(counts(&bench, &only(9)), (0, 0, 10, 0));
    counts(&fresh, &only(9));
    assert_eq!(bench.contents(&only(9)), fresh.contents(&only(9)));
}

#[test]
fn schedules_that_depend_on_the_length_and_stages_without_states_begin_again() {
    let cosine = |epochs| pipeline(epochs, "").replace("dropout: [0.2]", "schedule: [Cosine()]");
    let bench = Bench::new(2, 1);
    counts(&bench, &cosine(2));
    assert_eq!(counts(&bench, &cosine(3)), (0, 18, 0, 10 * 3 + 8));
    let bench = Bench::new(2, 1);
    let (short, long) = (pipeline(2, "keep_state: false"), pipeline(3, "keep_state: false"));
    counts(&bench, &short);
    let has_state = |planned: &PlannedTrial| {
        planned.artifact.as_ref().is_some_and(|artifact| artifact.manifest().file(STATE).is_some())
    };
    assert_eq!(bench.trials(&short).iter().filter(|planned| has_state(planned)).count(), 8);
    assert_eq!(counts(&bench, &long), (0, 18, 0, 10 * 3 + 8));
    assert_eq!(bench.contents(&pipeline(2, "")), bench.contents(&short), "a state is no content");
}

#[test]
fn a_damaged_state_is_told_and_the_trial_begins_again() {
    let (bench, fresh) = (Bench::new(1, 1), Bench::new(1, 1));
    let (short, long) = (pipeline(2, ""), pipeline(3, ""));
    counts(&bench, &short);
    let trials = bench.trials(&short);
    let folder = trials[0].artifact.as_ref().expect("it is finished").path().to_owned();
    let mut bytes = fs::read(folder.join(STATE)).expect("it keeps its state");
    *bytes.last_mut().expect("it has values") ^= 1;
    fs::write(folder.join(STATE), bytes).expect("writable");
    let trials = bench.trials(&short);
    let folder = trials[1].artifact.as_ref().expect("it is finished").path().to_owned();
    fs::write(folder.join(RESULT), "").expect("writable");
    let witness = Witness::new(None);
    let report = bench.run_with(&long, &witness);
    assert_eq!((report.trained, witness.epochs()), (18, 18 + 2 + 2));
    let warnings = witness.warnings();
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(warning.contains("the finished trial from which it would begin cannot be read"), "{warning}");
    counts(&fresh, &long);
    assert_same(&bench, &fresh, &long);
}

#[test]
fn each_tracker_names_what_it_measures() {
    let mut named = HashSet::new();
    for tracker in Tracker::all() {
        let bench = Bench::new(1, 1);
        let rules = "algorithm: [Dfa], hidden: [[12, 8]], learning_rate: [1e-3], bias: [true]";
        let text = format!(
            r#"Pipeline(name: "one", stages: [
                Dataset(name: "images", source: Glyphs(train: 100, test: 50)),
                Grid(name: "rules", axes: ({rules})),
                Train(name: "trials", dataset: "images", grid: "rules", epochs: 1, batch_size: 20, seeds: 1, trackers: [{}]),
            ])"#,
            tracker.name()
        );
        bench.run(&text);
        let trials = bench.trials(&text);
        let artifact = trials[0].artifact.as_ref().expect("it is finished");
        let mut histories = vec![trial::history(artifact).expect("it is whole")];
        if artifact.manifest().file(MACHINE).is_some() {
            histories.push(trial::machine(artifact).expect("it is whole"));
        }
        for (metric, _) in histories.iter().flat_map(History::epochs).flat_map(|epoch| &epoch.values) {
            assert!(metric.is_measured_with(&[tracker]), "{metric} of {}", tracker.name());
            assert_eq!(metric.is_measured_with(&[]), metric.split().is_some(), "{metric}");
        }
        assert!(
            tracker.quantities().iter().all(|name| named.insert(*name)),
            "of two trackers: {}",
            tracker.name()
        );
    }
}
