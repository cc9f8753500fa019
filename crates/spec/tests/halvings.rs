//! Successive halving in pipeline files: the stages that it stands for, and its refusals.

use spec::{Pipeline, Points, Problems, Stage, Train};

fn file(halving: &str, fields: &str) -> String {
    format!(
        r#"Pipeline(name: "p", stages: [
    Dataset(name: "images", source: Glyphs, holdout: 0.1),
    Grid(name: "grid", axes: (algorithm: [Dfa, Drtp], hidden: [[5], [6]], learning_rate: [1e-2, 1e-3, 1e-4, 1e-5])),
    Train(name: "search", dataset: "images", grid: "grid", batch_size: 8, {fields}, halving: {halving}),
    Summarize(name: "report", of: ["search"], metric: "error_rate/test"),
])"#
    )
}

const METRIC: &str = "metric: \"error_rate/validation\"";
const FIELDS: &str = "epochs: 20, seeds: 2";

fn stages(text: &str) -> Vec<Train> {
    let pipeline = Pipeline::parse("test.ron", text).unwrap_or_else(|problems| panic!("{problems}"));
    let train = |stage| if let Stage::Train(train) = stage { Some(train.as_ref().clone()) } else { None };
    pipeline.stages.into_iter().filter_map(train).collect()
}

fn refusal(text: &str) -> String {
    let problems: Problems = Pipeline::parse("test.ron", text).expect_err(text);
    problems.to_string()
}

#[test]
fn a_halving_stands_for_a_stage_for_each_rung() {
    let stages = stages(&file(&format!("(first: 2, {METRIC})"), &format!("{FIELDS}, keep_state: false")));
    let facts: Vec<(&str, u32, usize, bool)> = stages
        .iter()
        .map(|train| (train.name.as_str(), train.training.epochs, train.most_trials(), train.keep_state))
        .collect();
    // Eight configurations of each rule, of which two go on, and one of them.
    let expected = [
        ("search-rung-1", 2, 32, true),
        ("search-rung-2", 6, 8, true),
        ("search-rung-3", 18, 4, true),
        ("search", 20, 4, false),
    ];
    assert_eq!(facts, expected);
    let names: Vec<&str> = stages[3].rungs.iter().map(|rung| rung.name.as_str()).collect();
    assert_eq!(names, ["search-rung-1", "search-rung-2", "search-rung-3"]);
    assert_eq!(stages[3].rung_before().map(|rung| rung.name.as_str()), Some("search-rung-3"));
    assert!(matches!(stages[0].grid.points, Points::Given(_)) && stages[0].rung_before().is_none());
}

#[test]
fn other_groups_and_parts_go_on() {
    let halving = format!("(first: 5, eta: 2, {METRIC}, per: [])");
    let most: Vec<usize> = stages(&file(&halving, FIELDS)).iter().map(Train::most_trials).collect();
    assert_eq!(most, [32, 16, 8], "halves of all");
    let whole = stages(&file("None", FIELDS));
    assert_eq!((whole.len(), whole[0].rungs.len(), whole[0].most_trials()), (1, 0, 32));
}

#[test]
fn halvings_that_cannot_be_are_refused() {
    let with = |halving: &str| refusal(&file(halving, FIELDS));
    let all = [
        with(&format!("(first: 20, {METRIC})")),
        with(&format!("(first: 0, {METRIC})")),
        with(&format!("(first: 2, eta: 1, {METRIC})")),
        with("(first: 2, metric: \"error_rate/test\")"),
        with("(first: 2, metric: \"layer_1/bp_cosine\")"),
        with("(first: 2)"),
        refusal(&file(&format!("(first: 2, {METRIC})"), "epochs: 20, seeds: 1")),
        refusal(&file(&format!("(first: 2, {METRIC})"), FIELDS).replace("\"images\"", "\"search-rung-1\"")),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_schedule_that_depends_on_the_length_is_told() {
    let text = file(&format!("(first: 2, {METRIC})"), FIELDS)
        .replace("hidden: [[5], [6]]", "hidden: [[5]], schedule: [Cosine()]");
    let warnings = Pipeline::parse("test.ron", &text).expect("it is right").warnings;
    insta::assert_snapshot!(warnings.join("\n"));
}
