//! Searches: the points of `Random` and `Quasi`, and the messages for those that cannot be drawn.

use std::collections::{BTreeMap, HashSet};

use settings::{Algorithm, Configuration};
use spec::{Pipeline, Points, Stage};

/// Returns a file with `axes` as the axes of its only grid.
fn file(axes: &str) -> String {
    format!(
        r#"Pipeline(
    name: "test",
    stages: [
        Dataset(name: "images", source: Glyphs),
        Grid(name: "search", axes: {axes}),
        Train(name: "trials", dataset: "images", grid: "search", epochs: 2, batch_size: 16, seeds: 2),
        Summarize(name: "best", of: ["trials"], metric: "error_rate/validation"),
    ],
)"#
    )
}

fn pipeline(axes: &str) -> Pipeline {
    Pipeline::parse("test.ron", &file(axes)).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Returns the configurations of a grid with these axes.
fn configurations(axes: &str) -> Vec<Configuration> {
    match &pipeline(axes).stages[1] {
        Stage::Grid(grid) => grid.points.candidates().into_iter().cloned().collect(),
        other => panic!("{other:?}"),
    }
}

/// The axes of most tests, for `METHOD(count: .., seed: .., axes: AXES)`.
const AXES: &str = "(
    algorithm: [Backprop, Dfa], hidden: [[500, 500], [1000]],
    learning_rate: LogUniform(1e-5, 1e-1), dropout: Uniform(0.0, 0.5),
)";

fn search(method: &str, count: usize, seed: u64, axes: &str) -> Vec<Configuration> {
    configurations(&format!("{method}(count: {count}, seed: {seed}, axes: {axes})"))
}

fn names(configurations: &[Configuration]) -> String {
    configurations.iter().map(|configuration| format!("{configuration}\n")).collect()
}

/// The first version of this code drew these points. Others would be other trials of the same files.
#[test]
fn random_points_are_the_same_in_every_release() {
    insta::assert_snapshot!(names(&search("Random", 6, 0, AXES)), @r#"
    backprop 2x500 tanh lr0.0003506 dropout0.3826
    backprop 1000 tanh lr0.0000384 dropout0.05075
    backprop 2x500 tanh lr0.04407 dropout0.2784
    backprop 2x500 tanh lr0.0006605 dropout0.2085
    backprop 2x500 tanh lr0.03421 dropout0.3712
    backprop 1000 tanh lr0.0000829 dropout0.4701
    dfa 2x500 tanh lr0.0003506 dropout0.3826
    dfa 1000 tanh lr0.0000384 dropout0.05075
    dfa 2x500 tanh lr0.04407 dropout0.2784
    dfa 2x500 tanh lr0.0006605 dropout0.2085
    dfa 2x500 tanh lr0.03421 dropout0.3712
    dfa 1000 tanh lr0.0000829 dropout0.4701
    "#);
}

/// The first version of this code drew these points. Others would be other trials of the same files.
#[test]
fn quasi_random_points_are_the_same_in_every_release() {
    insta::assert_snapshot!(names(&search("Quasi", 6, 0, AXES)), @r#"
    backprop 1000 tanh lr0.09463 dropout0.0816
    backprop 2x500 tanh lr0.0009463 dropout0.1816
    backprop 2x500 tanh lr0.009463 dropout0.2816
    backprop 1000 tanh lr0.00009463 dropout0.4816
    backprop 1000 tanh lr0.02993 dropout0.3816
    backprop 2x500 tanh lr0.0002993 dropout0.001599
    dfa 1000 tanh lr0.09463 dropout0.0816
    dfa 2x500 tanh lr0.0009463 dropout0.1816
    dfa 2x500 tanh lr0.009463 dropout0.2816
    dfa 1000 tanh lr0.00009463 dropout0.4816
    dfa 1000 tanh lr0.02993 dropout0.3816
    dfa 2x500 tanh lr0.0002993 dropout0.001599
    "#);
}

#[test]
fn points_are_paired_across_rules_and_a_larger_count_keeps_those_before() {
    for method in ["Random", "Quasi"] {
        let points = search(method, 20, 3, AXES);
        let (backprop, dfa) = points.split_at(20);
        let as_dfa = |it: &Configuration| Configuration {
            algorithm: Algorithm::Dfa,
            feedback: dfa[0].feedback,
            ..it.clone()
        };
        assert_eq!(backprop.iter().map(as_dfa).collect::<Vec<_>>(), dfa);
        let more = search(method, 33, 3, AXES);
        assert_eq!((&more[..20], &more[33..53]), (backprop, dfa));
        assert_ne!(search(method, 20, 4, AXES), points);
    }
}

#[test]
fn a_point_does_not_depend_on_the_other_axes_and_rules() {
    for method in ["Random", "Quasi"] {
        let rates = |axes: &str| -> Vec<f64> {
            search(method, 20, 3, axes)[..20].iter().map(|it| it.learning_rate).collect()
        };
        let other = "(
            algorithm: [Drtp], hidden: [[8]], activation: [Tanh, Relu], learning_rate: LogUniform(1e-5, 1e-1),
            weight_decay: LogUniform(1e-6, 1e-3), clip_norm: Uniform(0.5, 2.0), batch_norm: [true, false],
        )";
        assert_eq!(rates(AXES), rates(other));
    }
}

#[test]
fn points_that_differ_only_on_an_axis_that_a_rule_lacks_are_trained_once() {
    let axes = "Random(count: 40, seed: 0, axes: (
        algorithm: [Shallow, Dfa], hidden: [[8]], learning_rate: [1e-3, 1e-2], feedback: [Orthogonal, HeUniform],
    ))";
    let found = configurations(axes);
    let of = |rule| found.iter().filter(|it| it.algorithm == rule).count();
    assert_eq!((of(Algorithm::Shallow), of(Algorithm::Dfa)), (2, 4));
    let mut seen = HashSet::new();
    assert!(found.iter().all(|it| seen.insert(it.to_string())));
    insta::assert_snapshot!(pipeline(axes).warnings.join("\n"), @r#"
    `search`: 38 of the 40 points of shallow repeat others and are trained once
    `search`: 36 of the 40 points of dfa repeat others and are trained once
    "#);
}

#[test]
fn values_of_a_list_are_drawn_equally_often() {
    for (method, tolerance) in [("Random", 60), ("Quasi", 1)] {
        let axes = "(
            algorithm: [Dfa], hidden: [[8], [9], [10]], learning_rate: LogUniform(1e-5, 1e-1),
        )";
        let mut counts: BTreeMap<Vec<u32>, i32> = BTreeMap::new();
        for point in search(method, 999, 0, axes) {
            *counts.entry(point.hidden).or_default() += 1;
        }
        assert!(
            counts.len() == 3 && counts.values().all(|count| (count - 333).abs() <= tolerance),
            "{counts:?}"
        );
    }
}

/// Returns the learning rate and the dropout of each point, as shares of their distributions.
fn shares(method: &str, count: usize, seed: u64) -> Vec<[f64; 2]> {
    let points = search(method, count, seed, AXES);
    points[..count].iter().map(|it| [(it.learning_rate.log10() + 5.0) / 4.0, it.dropout / 0.5]).collect()
}

/// The largest distance between the distribution of `numbers` and the uniform one (Kolmogorov-Smirnov).
fn distance_from_uniform(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let count = numbers.len() as f64;
    let at = |(index, number): (usize, &f64)| {
        (number - index as f64 / count).abs().max((number - (index + 1) as f64 / count).abs())
    };
    numbers.iter().enumerate().map(at).fold(0.0, f64::max)
}

#[test]
fn numbers_follow_their_distributions() {
    // 1.95 / sqrt(1000): one in a thousand samples is further away. Quasi-random points are far closer.
    for (method, bound) in [("Random", 0.0617), ("Quasi", 0.01)] {
        let shares = shares(method, 1000, 0);
        for axis in [0, 1] {
            let distance = distance_from_uniform(shares.iter().map(|share| share[axis]).collect());
            assert!(distance < bound, "{method}, axis {axis}: {distance}");
        }
    }
}

/// The L2 star discrepancy (Warnock 1972).
fn discrepancy(points: &[[f64; 2]]) -> f64 {
    let count = points.len() as f64;
    let of_one = |point: &[f64; 2]| point.iter().map(|x| (1.0 - x * x) / 2.0).product::<f64>();
    let of_two = |one: &[f64; 2], other: &[f64; 2]| {
        one.iter().zip(other).map(|(x, y)| 1.0 - x.max(*y)).product::<f64>()
    };
    let single: f64 = points.iter().map(of_one).sum();
    let pairs: f64 = points.iter().flat_map(|one| points.iter().map(move |other| of_two(one, other))).sum();
    (1.0 / 9.0 - 2.0 / count * single + pairs / (count * count)).sqrt()
}

#[test]
fn quasi_random_points_leave_smaller_gaps_than_random_ones() {
    for (count, factor) in [(30, 1.5), (60, 1.8), (300, 3.0)] {
        let mean_over_seeds =
            |method: &str| (0..10).map(|seed| discrepancy(&shares(method, count, seed))).sum::<f64>() / 10.0;
        let [random, quasi] = ["Random", "Quasi"].map(mean_over_seeds);
        assert!(quasi * factor < random, "{count} points: {quasi} and {random}");
    }
}

#[test]
fn the_default_of_an_axis_and_a_list_of_one_value_are_that_value() {
    let axes = |more: &str| {
        format!("(algorithm: [Dfa], hidden: [[8]], learning_rate: LogUniform(1e-5, 1e-1){more})")
    };
    let points = search("Quasi", 5, 0, &axes(""));
    assert_eq!(points.len(), 5);
    assert!(points.iter().all(|it| it.dropout == 0.0 && it.hidden == [8]));
    assert_eq!(points, search("Quasi", 5, 0, &axes(", dropout: [0.0], activation: [Tanh]")));
}

#[test]
fn the_origin_of_points_is_a_sentence() {
    let text = file(&format!("Random(count: 60, seed: 0, axes: {AXES})")).replace(
        "    ],\n)",
        r#"        Grid(name: "one", axes: BestOf("best")),
        Grid(name: "three", axes: BestOf(stage: "best", count: 3)),
    ],
)"#,
    );
    let pipeline = Pipeline::parse("test.ron", &text).unwrap_or_else(|problems| panic!("{problems}"));
    let grids = pipeline.stages.iter().filter_map(|stage| match stage {
        Stage::Grid(grid) => Some(grid.points.origin().expect("it is known")),
        _ => None,
    });
    let counts = pipeline.stages.iter().filter_map(|stage| match stage {
        Stage::Grid(grid) => match &grid.points {
            Points::BestOf { best, .. } => Some(best.to_string()),
            Points::Given(_) | Points::Drawn { .. } => None,
        },
        _ => None,
    });
    assert_eq!(counts.collect::<Vec<_>>(), ["the best", "the best 3"]);
    insta::assert_snapshot!(grids.collect::<Vec<_>>().join("\n"), @r#"
    60 random points per rule, seed 0
    the best of each group of stage best, from 60 random points per rule, seed 0
    the best 3 of each group of stage best, from 60 random points per rule, seed 0
    "#);
}

#[test]
fn a_rule_with_fewer_configurations_than_the_budget_is_named() {
    let warnings = |budget: u32, more: &str| {
        let axes = "Random(count: 30, seed: 0, axes: (
            algorithm: [Shallow, Dfa], hidden: [[8]], learning_rate: [1e-3, 1e-2, 1e-1], feedback: [Orthogonal, HeUniform],
        ))";
        let text = file(axes).replace("validation\"),", &format!("validation\", budget: {budget}),{more}"));
        let pipeline = Pipeline::parse("test.ron", &text).unwrap_or_else(|problems| panic!("{problems}"));
        pipeline.warnings.into_iter().filter(|warning| warning.contains("budget")).collect::<Vec<_>>()
    };
    assert!(warnings(3, "").is_empty());
    let warning = "`budget` of best: 4 configurations of each rule count, and shallow has 3; lower it, or give the rule more";
    assert_eq!(warnings(4, ""), [warning]);
    // Of chosen configurations, at most the candidates are known.
    let winners = r#"
        Grid(name: "winners", axes: BestOf("best")),
        Train(name: "final", dataset: "images", grid: "winners", epochs: 2, batch_size: 16, seeds: 2),
        Summarize(name: "report", of: ["final"], metric: "error_rate/validation", budget: 7),"#;
    let counts: Vec<bool> = ["shallow has 3", "dfa has 6"]
        .iter()
        .zip(warnings(1, winners))
        .map(|(count, warning)| warning.contains(count))
        .collect();
    assert_eq!(counts, [true, true]);
}

/// Each wrong part of a file, and the message without the line of the file.
#[test]
fn searches_that_cannot_be_drawn_are_refused() {
    let right = format!("Random(count: 60, seed: 0, axes: {AXES})");
    pipeline(&right);
    let mut messages = String::new();
    for (from, to) in [
        ("Random(", "Randm("),
        ("count: 60, ", ""),
        ("seed: 0, ", ""),
        ("count: 60", "count: 0"),
        ("count: 60", "count: 4000000000"),
        ("count: 60", "count: 600000"),
        ("seed: 0", "sed: 0"),
        ("LogUniform(1e-5, 1e-1)", "LogUnifrm(1e-5, 1e-1)"),
        ("LogUniform(1e-5, 1e-1)", "LogUniform(1e-1, 1e-5)"),
        ("LogUniform(1e-5, 1e-1)", "LogUniform(0, 1e-1)"),
        ("LogUniform(1e-5, 1e-1)", "LogUniform(1e-5)"),
        ("LogUniform(1e-5, 1e-1)", "Uniform(-1, 1e-1)"),
        ("LogUniform(1e-5, 1e-1)", "Logarithmic(from: 1e-5, to: 1e-1, factor: 10)"),
        ("Uniform(0.0, 0.5)", "Uniform(0.0, 1.0)"),
        ("[[500, 500], [1000]]", "Uniform(500, 1000)"),
        ("[Backprop, Dfa]", "Uniform(0, 1)"),
        ("dropout: Uniform(0.0, 0.5)", "activation: Tanh"),
        ("dropout: Uniform(0.0, 0.5)", "activation: Linear"),
        ("dropout: Uniform(0.0, 0.5)", "clip_norm: None"),
        ("dropout: Uniform(0.0, 0.5)", "batch_size: LogUniform(16, 256)"),
        ("learning_rate: LogUniform(1e-5, 1e-1), ", ""),
        ("Random(count: 60, seed: 0, axes: (\n", "(\n"),
        (&right, "BestOf(\"best\", count: 3)"),
        (&right, "BestOf(stage: \"best\", count: 0)"),
        (&right, "BestOf(count: 3)"),
    ] {
        assert!(right.contains(from), "`{from}` is not in the right file");
        let mut axes = right.replacen(from, to, 1);
        if to == "(\n" {
            axes.truncate(axes.len() - 1);
        }
        let problems = Pipeline::parse("test.ron", &file(&axes)).expect_err(to).to_string();
        let told = problems.lines().filter(|line| !line.starts_with(' '));
        messages += &format!("{to:?}\n{}\n", told.collect::<Vec<_>>().join("\n"));
    }
    insta::assert_snapshot!(messages, @r#"
    "Randm("
    error: test.ron:5:36: unknown search `Randm`
    hint: did you mean `Random`? known: Random, Quasi
    all combinations of values are `axes: (...)`, the winners of a summary `axes: BestOf("...")`
    ""
    error: test.ron:8:2: the field `count` of Random is missing
    hint: add `count: ...`
    ""
    error: test.ron:8:2: the field `seed` of Random is missing
    hint: add `seed: ...`
    "count: 0"
    error: test.ron:5:50: expected a whole number from 1 to 4294967295, found the unsigned integer `0`
    "count: 4000000000"
    error: test.ron:5:77: the search has 4000000000 configurations, at most 1000000 are allowed
    hint: leave some values out, or draw fewer points
    "count: 600000"
    error: test.ron:5:73: the search has, with all rules, 1200000 configurations, at most 1000000 are allowed
    hint: leave some values out, or draw fewer points
    "sed: 0"
    error: test.ron:5:54: unknown field `sed` of Random
    hint: did you mean `seed`? known: count, seed, axes
    "LogUnifrm(1e-5, 1e-1)"
    error: test.ron:7:20: unknown distribution `LogUnifrm`
    hint: did you mean `LogUniform`? known: Uniform, LogUniform
    "LogUniform(1e-1, 1e-5)"
    error: test.ron:7:20: `learning_rate`: these are no bounds of a distribution
    hint: the first bound is below the second
    "LogUniform(0, 1e-1)"
    error: test.ron:7:20: `learning_rate`: these are no bounds of a distribution
    hint: the bounds of `LogUniform` are above 0
    "LogUniform(1e-5)"
    error: test.ron:7:35: a distribution has two bounds
    hint: for example `LogUniform(1e-5, 1e-1)` or `Uniform(0.0, 0.5)`
    "Uniform(-1, 1e-1)"
    error: test.ron:7:20: `learning_rate`: got -1.0, allowed: above 0, from 1.2e-38 to 3.4e38
    "Logarithmic(from: 1e-5, to: 1e-1, factor: 10)"
    error: test.ron:7:20: `learning_rate`: `Logarithmic` is a range of a grid, and a search draws
    hint: give a list of values, or a distribution: `learning_rate: LogUniform(1e-5, 1e-1)`
    "Uniform(0.0, 1.0)"
    error: test.ron:7:53: `dropout`: got 1.0, allowed: at least 0 and below 1
    "Uniform(500, 1000)"
    error: test.ron:6:41: `hidden`: `Uniform` draws decimal numbers, which this axis does not take
    hint: give a list of values: `hidden: [...]`
    "Uniform(0, 1)"
    error: test.ron:6:16: `algorithm`: `Uniform` draws decimal numbers, which this axis does not take
    hint: give a list of values: `algorithm: [...]`
    "activation: Tanh"
    error: test.ron:7:56: expected a list `[...]`
    hint: an axis is a list of the values to compare: `activation: [Tanh]`
    "activation: Linear"
    error: test.ron:7:56: `activation`: `Linear` is a range of a grid, and a search draws
    hint: give a list of values, or a distribution: `learning_rate: LogUniform(1e-5, 1e-1)`
    "clip_norm: None"
    error: test.ron:7:55: expected a list `[...]`
    hint: an axis is a list of the values to compare: `clip_norm: [None]`
    "batch_size: LogUniform(16, 256)"
    error: test.ron:7:56: `batch_size`: `LogUniform` draws decimal numbers, which this axis does not take
    hint: give a list of values: `batch_size: [...]`
    ""
    error: test.ron:8:1: the field `learning_rate` of axes is missing
    hint: add `learning_rate: ...`
    "(\n"
    error: test.ron:7:20: `learning_rate`: `LogUniform` is drawn from, and a grid combines given values
    hint: draw points with `axes: Random(count: 60, seed: 0, axes: (...))`, or give a list of values

    error: test.ron:7:53: `dropout`: `Uniform` is drawn from, and a grid combines given values
    hint: draw points with `axes: Random(count: 60, seed: 0, axes: (...))`, or give a list of values
    "BestOf(\"best\", count: 3)"
    error: test.ron:5:56: the value before has no name, and this one has
    hint: `BestOf("best")`, or with names for both: `BestOf(stage: "best", count: 3)`
    "BestOf(stage: \"best\", count: 0)"
    error: test.ron:5:65: expected a whole number from 1 to 4294967295, found the unsigned integer `0`
    "BestOf(count: 3)"
    error: test.ron:5:51: the field `stage` of BestOf is missing
    hint: add `stage: ...`
    "#);
}
