//! The whole message for each kind of wrong pipeline file.

use spec::Pipeline;

/// A file without problems; each test breaks it.
const RIGHT: &str = r#"Pipeline(
    name: "test",
    stages: [
        Dataset(name: "images", source: Glyphs),
        Grid(name: "rates", axes: (
            algorithm: [Backprop, Dfa],
            hidden: [[8, 8]],
            learning_rate: [1e-3],
        )),
        Train(name: "trials", dataset: "images", grid: "rates", epochs: 2, batch_size: 16, seeds: 2),
        Summarize(name: "report", of: ["trials"], metric: "error_rate/validation"),
    ],
)"#;

#[track_caller]
fn refusal(text: &str) -> String {
    Pipeline::parse("test.ron", text).expect_err("the file is wrong").to_string()
}

/// Returns the refusal of the right file with `from` replaced by `to`.
#[track_caller]
fn with(from: &str, to: &str) -> String {
    assert!(RIGHT.contains(from), "`{from}` is not in the right file");
    refusal(&RIGHT.replacen(from, to, 1))
}

#[test]
fn the_right_file_is_right() {
    let pipeline = Pipeline::parse("test.ron", RIGHT).expect("the file is right");
    assert_eq!((pipeline.name.as_str(), pipeline.stages.len()), ("test", 4));
}

#[test]
fn unknown_field() {
    insta::assert_snapshot!(with("batch_size: 16", "batchsize: 16"));
}

#[test]
fn unknown_variant() {
    insta::assert_snapshot!(with("Backprop, Dfa", "Backprop, Dffa"));
}

#[test]
fn unknown_stage() {
    insta::assert_snapshot!(with("Summarize(", "Summarise("));
}

#[test]
fn wrong_type() {
    insta::assert_snapshot!(with("epochs: 2", "epochs: \"two\""));
}

#[test]
fn missing_field() {
    insta::assert_snapshot!(with("epochs: 2, ", ""));
}

#[test]
fn a_stage_that_is_not_there() {
    insta::assert_snapshot!(with("grid: \"rates\"", "grid: \"rate\""));
}

#[test]
fn a_stage_of_the_wrong_kind() {
    insta::assert_snapshot!(with("dataset: \"images\"", "dataset: \"rates\""));
}

#[test]
fn duplicate_name() {
    insta::assert_snapshot!(with("name: \"report\"", "name: \"trials\""));
}

#[test]
fn unknown_axis() {
    insta::assert_snapshot!(with("learning_rate", "learning_rates"));
}

#[test]
fn missing_axis() {
    insta::assert_snapshot!(with("learning_rate: [1e-3],", ""));
}

#[test]
fn an_axis_twice() {
    insta::assert_snapshot!(with("hidden: [[8, 8]],", "hidden: [[8, 8]], hidden: [[8]],"));
}

#[test]
fn axes_that_are_no_struct() {
    insta::assert_snapshot!(with("axes: (", "axes: Axes("));
}

#[test]
fn empty_axis() {
    insta::assert_snapshot!(with("[1e-3]", "[]"));
}

#[test]
fn negative_rate() {
    insta::assert_snapshot!(with("[1e-3]", "[1e-3, -0.1]"));
}

#[test]
fn an_axis_that_is_no_list() {
    insta::assert_snapshot!(with("[1e-3]", "1e-3"));
}

#[test]
fn a_range_that_never_ends() {
    insta::assert_snapshot!(with("[1e-3]", "Logarithmic(from: 1e-4, to: 1e-1, factor: 1)"));
}

#[test]
fn drtp_on_reconstruction() {
    let text = RIGHT
        .replace("Backprop, Dfa", "Dfa, Drtp")
        .replace("seeds: 2", "seeds: 2, task: Reconstruction")
        .replace("error_rate", "loss");
    insta::assert_snapshot!(refusal(&text));
}

#[test]
fn zero_units() {
    insta::assert_snapshot!(with("[8, 8]", "[8, 0]"));
}

#[test]
fn zero_epochs_and_seeds() {
    insta::assert_snapshot!(refusal(
        &RIGHT.replace("epochs: 2", "epochs: 0").replace("seeds: 2", "seeds: 0")
    ));
}

#[test]
fn not_ron_at_all() {
    insta::assert_snapshot!(refusal("stages:\n  - dataset: mnist\n"));
}

#[test]
fn a_bracket_that_is_never_closed() {
    let open = RIGHT.trim_end_matches(')');
    insta::assert_snapshot!(refusal(open));
    assert_eq!(refusal(&format!("{open}\n")), refusal(open), "a line break at the end changes nothing");
}

#[test]
fn an_unknown_metric() {
    insta::assert_snapshot!(with("error_rate/validation", "error_rate/valid"));
}

#[test]
fn a_test_metric_without_a_holdout() {
    insta::assert_snapshot!(with("error_rate/validation", "error_rate/test"));
}

#[test]
fn early_stopping_on_test_data() {
    let text = RIGHT
        .replace("source: Glyphs", "source: Glyphs, holdout: 0.2")
        .replace("seeds: 2", "seeds: 2, early_stopping: (metric: \"loss/test\", patience: 2)");
    insta::assert_snapshot!(refusal(&text));
}

#[test]
fn aligned_backprop() {
    insta::assert_snapshot!(with("[1e-3],", "[1e-3], weights: [Orthogonal, Aligned],"));
}

#[test]
fn a_name_that_is_no_folder() {
    insta::assert_snapshot!(with("name: \"report\"", "name: \"../report\""));
}

#[test]
fn a_fraction_above_one() {
    insta::assert_snapshot!(with("source: Glyphs", "source: Glyphs(train: 5), fraction: 1.5"));
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = RIGHT
        .replace("source: Glyphs", "source: Glyfs")
        .replace("[[8, 8]]", "[[8, 0], []]")
        .replace("[1e-3]", "[]")
        .replace("batch_size: 16", "batch_size: 0")
        .replace("error_rate/validation", "error_rate/valdation");
    insta::assert_snapshot!(refusal(&text));
}

#[test]
fn a_stage_that_is_summarized_twice() {
    insta::assert_snapshot!(with("of: [\"trials\"]", "of: [\"trials\", \"trials\"]"));
}

#[test]
fn reconstruction_of_unscaled_pixels() {
    let text = RIGHT
        .replace("source: Glyphs", "source: Glyphs, scaling: Identity")
        .replace("seeds: 2", "seeds: 2, task: Reconstruction")
        .replace("error_rate", "loss");
    insta::assert_snapshot!(refusal(&text));
}

#[test]
fn batch_norm_over_one_example() {
    let text = RIGHT
        .replace("batch_size: 16", "batch_size: 1")
        .replace("[1e-3],", "[1e-3], batch_norm: [false, true],");
    insta::assert_snapshot!(refusal(&text));
}

#[test]
fn batch_norm_over_one_example_of_an_axis() {
    insta::assert_snapshot!(refusal(&with_axis("[16, 1]").replace("[1e-3],", "[1e-3], batch_norm: [true],")));
}

/// Returns the right file with an axis of batch sizes instead of the field.
fn with_axis(sizes: &str) -> String {
    RIGHT.replace("batch_size: 16, ", "").replace("[1e-3],", &format!("[1e-3], batch_size: {sizes},"))
}

#[test]
fn batch_sizes_are_an_axis_or_a_field() {
    for text in [with_axis("[16, 32]"), with_axis("[None]").replace("seeds: 2", "batch_size: 16, seeds: 2")] {
        if let Err(problems) = Pipeline::parse("test.ron", &text) {
            panic!("{problems}");
        }
    }
}

#[test]
fn no_batch_size() {
    insta::assert_snapshot!(with("batch_size: 16, ", ""));
}

#[test]
fn a_batch_size_of_the_stage_and_of_the_grid() {
    insta::assert_snapshot!(with("[1e-3],", "[1e-3], batch_size: [16, 32],"));
}

#[test]
fn a_batch_size_for_some_configurations_only() {
    insta::assert_snapshot!(refusal(&with_axis("[None, 16]")));
}

#[test]
fn a_batch_of_no_examples_in_an_axis() {
    insta::assert_snapshot!(refusal(&with_axis("[16, 0]")));
}

/// Returns a file that trains the winners of `search`, with the `fields` of that last stage.
fn with_winners(search: &str, fields: &str) -> String {
    search.replace(
        "    ],\n)",
        &format!(
            r#"        Grid(name: "winners", axes: BestOf("report")),
        Train(name: "final", dataset: "images", grid: "winners", epochs: 2, {fields}seeds: 2),
    ],
)"#
        ),
    )
}

#[test]
fn winners_with_a_batch_size_in_a_stage_with_another() {
    insta::assert_snapshot!(refusal(&with_winners(&with_axis("[16, 32]"), "batch_size: 64, ")));
}

#[test]
fn winners_without_a_batch_size() {
    insta::assert_snapshot!(refusal(&with_winners(RIGHT, "")));
}

#[test]
fn winners_of_which_some_have_a_batch_size() {
    let search = with_axis("[16, 32]").replace("of: [\"trials\"]", "of: [\"trials\", \"others\"]").replace(
        "        Summarize(",
        r#"        Grid(name: "plain", axes: (algorithm: [Dfa], hidden: [[8]], learning_rate: [1e-3])),
        Train(name: "others", dataset: "images", grid: "plain", epochs: 2, batch_size: 16, seeds: 2),
        Summarize("#,
    );
    insta::assert_snapshot!(refusal(&with_winners(&search, "batch_size: 64, ")));
}

#[test]
fn winners_keep_their_batch_sizes() {
    for text in [with_winners(&with_axis("[16, 32]"), ""), with_winners(RIGHT, "batch_size: 64, ")] {
        if let Err(problems) = Pipeline::parse("test.ron", &text) {
            panic!("{problems}");
        }
    }
}

#[test]
fn a_network_that_is_no_list() {
    insta::assert_snapshot!(with("[[8, 8]]", "[8, 8]"));
}

#[test]
fn a_choice_in_quotes() {
    insta::assert_snapshot!(with("Backprop, Dfa", "Backprop, \"Dfa\""));
}

#[test]
fn a_comment_of_another_language() {
    insta::assert_snapshot!(with("Train(", "# trials\n        Train("));
}

#[test]
fn more_units_than_fit_anywhere() {
    insta::assert_snapshot!(with("[8, 8]", "[8, 2000000000]"));
}

#[test]
fn a_mean_over_no_epoch() {
    insta::assert_snapshot!(with(
        "metric: \"error_rate/validation\"",
        "metric: \"error_rate/validation\", epoch: MeanOfLast(0)"
    ));
}

#[test]
fn a_mean_over_more_epochs_than_are_trained() {
    insta::assert_snapshot!(with(
        "metric: \"error_rate/validation\"",
        "metric: \"error_rate/validation\", epoch: MeanOfLast(3)"
    ));
}

#[test]
fn a_checkpoint_rule_without_an_interval() {
    insta::assert_snapshot!(with("seeds: 2", "seeds: 2, checkpoint: Every()"));
}

#[test]
fn an_unknown_tracker() {
    insta::assert_snapshot!(with("seeds: 2", "seeds: 2, trackers: [BpCosin]"));
}

#[test]
fn a_tracker_that_never_looks() {
    insta::assert_snapshot!(with("seeds: 2", "seeds: 2, trackers: [BpCosine(every: 0)]"));
}

#[test]
fn a_tracker_twice() {
    insta::assert_snapshot!(with("seeds: 2", "seeds: 2, trackers: [BpCosine, Memory, BpCosine(every: 1)]"));
}

#[test]
fn a_trackers_setting_that_it_does_not_have() {
    insta::assert_snapshot!(with("seeds: 2", "seeds: 2, trackers: [Histograms(every: 5)]"));
}

#[test]
fn comments_are_allowed_before_any_value() {
    let text = RIGHT
        .replace("seeds: 2", "seeds: /* two */ [1, 2]")
        .replace("[1e-3]", "// rates\n Logarithmic(from: 1e-3, to: 1e-2, factor: 10)")
        .replace("\"images\", grid", "/* these */ \"images\", grid");
    if let Err(problems) = Pipeline::parse("test.ron", &text) {
        panic!("{problems}");
    }
}

#[test]
fn a_whole_number_with_decimals() {
    insta::assert_snapshot!(
        [with("epochs: 2", "epochs: 10.0"), with("seeds: 2", "seeds: 2.0"), with("[[8, 8]]", "[[8, 8.5]]"),]
            .join("\n")
    );
}

#[test]
fn a_bracket_is_missing_where_the_message_says() {
    insta::assert_snapshot!(
        [
            with("        )),\n", "        ),\n"),
            with("source: Glyphs),", "source: Glyphs(train: 100),"),
            with("of: [\"trials\"]", "of: [\"trials\""),
            with("seeds: 2),", "seeds: 2,"),
            refusal(&RIGHT.replace("    ],\n)", "")),
        ]
        .join("\n")
    );
}

#[test]
fn a_comma_is_missing_where_the_message_says() {
    insta::assert_snapshot!(
        [
            with("        )),\n", "        )) // no comma\n"),
            with("epochs: 2, batch", "epochs: 2 batch"),
            with("Backprop, Dfa", "Backprop Dfa"),
        ]
        .join("\n")
    );
}
