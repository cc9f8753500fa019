//! Files that are right and probably not what was meant.

use spec::Pipeline;

/// Returns the warnings about a stage with these axes of its grid and fields.
fn warnings(axes: &str, fields: &str) -> Vec<String> {
    let text = format!(
        r#"Pipeline(name: "small", stages: [
            Dataset(name: "images", source: Glyphs),
            Grid(name: "rules", axes: (hidden: [[8, 8, 8]], learning_rate: [1e-3], {axes})),
            Train(name: "trials", dataset: "images", grid: "rules", batch_size: 20, seeds: 1, {fields}),
        ])"#
    );
    Pipeline::parse("test.ron", &text).unwrap_or_else(|problems| panic!("{problems}")).warnings
}

#[test]
fn trackers_that_measure_nothing_are_named() {
    let of = |rules: &str| {
        let axes = format!("algorithm: [{rules}], activation: [Relu]");
        warnings(&axes, "epochs: 3, trackers: [BpCosine, LocalLoss, Goodness, Memory]")
    };
    assert_eq!(of("Dfa, ForwardForward"), [""; 0]);
    insta::assert_snapshot!(of("Backprop, FeedbackAlignment").join("\n"), @r"
    the tracker LocalLoss measures nothing of backprop, feedback-alignment
    the tracker Goodness measures nothing of backprop, feedback-alignment
    ");
    insta::assert_snapshot!(of("ForwardForward").join("\n"), @r"
    the tracker BpCosine measures nothing of forward-forward
    the tracker LocalLoss measures nothing of forward-forward
    ");
}

#[test]
fn forward_forward_with_bounded_activities_or_too_few_epochs_is_unlikely_to_learn() {
    let of = |activation: &str, settings: &str, epochs: u32| {
        let axes =
            format!("algorithm: [ForwardForward], activation: [{activation}], forward_forward: [{settings}]");
        warnings(&axes, &format!("epochs: {epochs}")).join("\n")
    };
    assert_eq!(of("Relu", "(order: OneAfterAnother)", 3), "");
    assert_eq!(of("Relu", "()", 1), "");
    insta::assert_snapshot!(of("Relu", "(order: OneAfterAnother)", 2), @"layers learn one after another, so with fewer epochs (2) than hidden layers (3) some never learn");
    insta::assert_snapshot!(of("Tanh", "()", 3), @"forward-forward with the bounded activation tanh: squared activities, one per unit at most, do not get above their threshold, which is one per unit: `activation: [Relu]` works");
}
