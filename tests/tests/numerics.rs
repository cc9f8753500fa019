//! Equal settings give the same numbers as before, unless the revision in every key changes.

use results::NUMERICS_REVISION;
use settings::{Metric, Split};
use tests::Bench;

/// A pipeline with batch norm, dropout and weight decay, so that all numeric code takes part.
const PIPELINE: &str = r#"Pipeline(
    name: "numerics",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 300, test: 60)),
        Grid(name: "rules", axes: (
            algorithm: [Backprop, Dfa, Drtp, LocalLoss(CrossEntropy), LocalLoss(MeanSquaredError)],
            hidden: [[16, 12]], activation: [Swish], batch_norm: [true], dropout: [0.2],
            weight_decay: [1e-3], learning_rate: [1e-2],
        )),
        Train(name: "trials", dataset: "images", grid: "rules", epochs: 3, batch_size: 20, seeds: [5]),
    ],
)"#;

/// The revision that the numbers below belong to.
const REVISION: u32 = 2;

/// Training and validation loss of each rule after three epochs.
const LOSSES: [(&str, [f64; 2]); 5] = [
    ("backprop", [2.071295, 2.332362]),
    ("dfa", [2.341334, 2.273232]),
    ("drtp", [2.249729, 2.242822]),
    ("local-cross-entropy", [2.244575, 2.203583]),
    ("local-mse", [2.316696, 2.346442]),
];

/// The allowed relative deviation: processors round last bits differently, and 45 steps amplify this.
const TOLERANCE: f64 = 1e-3;

#[test]
fn losses_are_those_of_the_numerics_revision() {
    let bench = Bench::new(2, 1);
    bench.run(PIPELINE);
    let measured: Vec<(&str, [f64; 2])> = bench
        .trials(PIPELINE)
        .iter()
        .map(|trial| {
            let history = results::trial::history(trial.artifact.as_ref().expect("done")).expect("a history");
            let last = |split| history.last(&Metric::Loss(split)).expect("measured").1;
            (trial.trial.configuration.algorithm.name(), [Split::Train, Split::Validation].map(last))
        })
        .collect();
    let is_close = |(got, wanted): (&f64, &f64)| (got - wanted).abs() <= TOLERANCE * wanted.abs();
    let are_equal = measured.len() == LOSSES.len()
        && measured.iter().zip(&LOSSES).all(|((rule, got), (expected, wanted))| {
            rule == expected && got.iter().zip(wanted).all(is_close)
        });
    assert!(
        are_equal && REVISION == NUMERICS_REVISION,
        "bump the revision or keep the numerics: revision {NUMERICS_REVISION} gives {measured:?}, \
         revision {REVISION} gave {LOSSES:?}"
    );
}
