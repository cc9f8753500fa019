//! Equal settings give the numbers that they gave before, or the revision in every key is another one.

use results::NUMERICS_REVISION;
use settings::{Metric, Split};
use tests::Bench;

/// Batch norm, dropout and weight decay, so that everything that turns settings into numbers has its part.
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

/// The revision whose numbers these are.
const REVISION: u32 = 2;

/// Training and validation loss of each rule after three epochs.
const LOSSES: [(&str, [f64; 2]); 5] = [
    ("backprop", [2.071295, 2.332362]),
    ("dfa", [2.341334, 2.273232]),
    ("drtp", [2.249729, 2.242822]),
    ("local-cross-entropy", [2.244575, 2.203583]),
    ("local-mse", [2.316696, 2.346442]),
];

/// Processors round last bits differently, and forty-five steps let them grow.
const TOLERANCE: f64 = 1e-3;

#[test]
fn the_numbers_are_those_of_their_revision() {
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
