//! Successive halving: the best configurations of each rung go on, and nothing is trained twice.

use std::{collections::BTreeMap, fs};

use results::trial::{PlannedTrial, history};
use settings::{Metric, Split};
use tests::{Bench, Witness};

/// Nine configurations of each rule, of which three and then one go on.
const PIPELINE: &str = r#"Pipeline(
    name: "halving",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 200, test: 50), holdout: 0.2),
        Grid(name: "grid", axes: (
            algorithm: [Backprop, Dfa], hidden: [[8], [12], [16]], learning_rate: [1e-1, 1e-2, 1e-3],
        )),
        Train(
            name: "search", dataset: "images", grid: "grid", epochs: 9, batch_size: 20, seeds: 2,
            halving: (first: 1, metric: "loss/validation"),
        ),
        Summarize(name: "report", of: ["search"], metric: "error_rate/test", rank_by: "loss/validation"),
    ],
)"#;

const LOSS: Metric = Metric::Loss(Split::Validation);

/// The mean of the last validation losses of each configuration of a stage, in the order of the grid.
fn losses(trials: &[PlannedTrial], epochs: u32) -> Vec<(String, f64)> {
    let mean = |seeds: &[PlannedTrial]| {
        let losses = seeds.iter().map(|planned| {
            let history = history(planned.artifact.as_ref().expect("it is finished")).expect("it is whole");
            history.at(epochs, &LOSS).expect("it was measured")
        });
        losses.sum::<f64>() / seeds.len() as f64
    };
    trials.chunks(2).map(|seeds| (seeds[0].trial.configuration.to_string(), mean(seeds))).collect()
}

#[test]
fn the_best_third_of_each_rule_goes_on_and_ends_as_in_the_whole_grid() {
    let (bench, whole) = (Bench::new(2, 1), Bench::new(2, 1));
    let witness = Witness::new(None);
    let report = bench.run_with(PIPELINE, &witness);
    assert_eq!((report.trials, report.trained, report.failed.len()), (36 + 12 + 4, 52, 0));
    assert_eq!(witness.epochs(), 36 + 2 * 12 + 6 * 4, "each epoch once");
    let grid = PIPELINE.replace("halving: (first: 1, metric: \"loss/validation\"),", "");
    whole.run(&grid);
    let all = whole.trials(&grid);
    // The same choice, computed directly from the whole grid.
    let mut expected: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for rule in ["backprop", "dfa"] {
        let mut left: Vec<PlannedTrial> =
            all.iter().filter(|it| it.trial.configuration.algorithm.name() == rule).cloned().collect();
        for (epochs, count) in [(1, 3), (3, 1)] {
            let mut ranked = losses(&left, epochs);
            ranked.sort_by(|one, other| one.1.total_cmp(&other.1));
            ranked.truncate(count);
            left.retain(|it| ranked.iter().any(|(name, _)| *name == it.trial.configuration.to_string()));
        }
        expected.insert(rule, losses(&left, 9).into_iter().map(|(name, _)| name).collect());
    }
    let planned = bench.trials(PIPELINE);
    assert_eq!(planned.len(), 52);
    for last in &planned[48..] {
        let name = last.trial.configuration.to_string();
        assert!(expected[last.trial.configuration.algorithm.name()].contains(&name), "{name}, {expected:?}");
        let same = all.iter().find(|it| it.key == last.key).expect("it is a trial of the whole grid");
        let content = |it: &PlannedTrial| it.artifact.as_ref().expect("finished").manifest().content();
        assert_eq!(content(last), content(same), "{name}");
    }
    // A value that is expected of a dropped configuration is not missed.
    let expecting = PIPELINE.replace(
        "rank_by:",
        "expect: [(of: (algorithm: Dfa, learning_rate: 1e-1), value: 1.0, within: 0.1, source: \"a paper\")], rank_by:",
    );
    let (report, tables) = bench.run(&expecting);
    assert_eq!(report.missed, [""; 0]);
    assert!(tables[0].contains("NOT RUN: dropped by halving after epoch"), "{}", tables[0]);
    let (report, tables) = bench.run(PIPELINE);
    assert_eq!((report.skipped, report.trained), (52, 0));
    let table = &tables[0];
    assert_eq!(table.matches("dropped after 1 epoch at ").count(), 12, "{table}");
    assert_eq!(table.matches("dropped after 3 epochs at ").count(), 4, "{table}");
    assert!(table.contains(", place 9 of 9, 3 went on"), "{table}");
    assert!(table.contains(", place 3 of 3, 1 went on"), "{table}");
    let page = fs::read_to_string(bench.path("runs/halving/report/report.html")).expect("it was written");
    assert!(page.contains("the best third of each group goes on after 1, 3 epochs, by loss/validation"));
}

#[test]
fn another_eta_and_a_longer_last_rung_reuse_the_rungs() {
    let bench = Bench::new(2, 1);
    bench.run(PIPELINE);
    let witness = Witness::new(None);
    let report = bench.run_with(&PIPELINE.replace("epochs: 9", "epochs: 12"), &witness);
    // A fourth rung: one configuration of one goes on from 9 to 12 epochs.
    assert_eq!((report.skipped, report.trained, witness.epochs()), (52, 4, 12));
    let witness = Witness::new(None);
    let halves = PIPELINE.replace("(first: 1, ", "(first: 3, eta: 2, ");
    let report = bench.run_with(&halves, &witness);
    // Rungs of 3, 6 and 9 epochs with 9, 4 and 2 configurations of each rule. A third of the first is there, and of the last the winners.
    let known = report.skipped - 12;
    assert_eq!((report.trials, report.failed.len()), (36 + 16 + 8, 0));
    assert_eq!(witness.epochs(), 24 * 2 + 16 * 3 + (8 - known) * 3, "{known}");
}

#[test]
fn a_diverged_seed_is_dropped_and_ties_follow_the_grid() {
    let bench = Bench::new(2, 1);
    // Two spellings of one network: their values are equal, and the first of them goes on.
    let pipeline = PIPELINE
        .replace("[[8], [12], [16]]", "[[8]]")
        .replace("[1e-1, 1e-2, 1e-3]", "[1e-2, 1e38], dropout: [0.0, 1e-12]")
        .replace("halving: (", "may_diverge: true, halving: (eta: 2, ");
    let (report, tables) = bench.run(&pipeline);
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert_eq!(
        tables[0].matches("dropped after 1 epoch: a seed has no value; 2 diverged").count(),
        4,
        "{}",
        tables[0]
    );
    let last: Vec<String> =
        bench.trials(&pipeline).iter().rev().take(4).map(|it| it.trial.configuration.to_string()).collect();
    assert!(last.iter().all(|name| !name.contains("drop")), "{last:?}");
}

#[test]
fn an_interrupted_halving_ends_with_the_same_table() {
    let undisturbed = Bench::new(1, 1);
    let (_, tables) = undisturbed.run(PIPELINE);
    let bench = Bench::new(2, 1);
    let mut epochs = 0;
    for after in [3, 20, 9, 14, 11] {
        let witness = Witness::after_epochs(after);
        bench.run_with(PIPELINE, &witness);
        epochs += witness.epochs();
    }
    let witness = Witness::new(None);
    bench.run_with(PIPELINE, &witness);
    assert_eq!(epochs + witness.epochs(), 36 + 24 + 24, "no epoch was repeated");
    assert_eq!(bench.run(PIPELINE).1, tables);
    assert_eq!(bench.contents(PIPELINE), undisturbed.contents(PIPELINE));
}
