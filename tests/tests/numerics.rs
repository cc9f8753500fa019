//! Equal settings give the same numbers as before, unless the revision in every key changes.

use results::NUMERICS_REVISION;
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

/// The revision that the hashes below belong to.
const REVISION: u32 = 3;

/// The first digits of the BLAKE3 hash of each rule's `weights.safetensors` after three epochs: on every processor.
const WEIGHTS: [(&str, &str); 5] = [
    ("backprop", "89033f99ca321364"),
    ("dfa", "caddb1de2b2e7424"),
    ("drtp", "0a701293db73ff08"),
    ("local-cross-entropy", "510e3fe70a5d60a5"),
    ("local-mse", "8fa9dbe9e97c9d9a"),
];

#[test]
fn weights_have_the_bits_of_the_numerics_revision() {
    let bench = Bench::new(2, 1);
    bench.run(PIPELINE);
    let trials = bench.trials(PIPELINE);
    let hashes: Vec<(&str, String)> = trials
        .iter()
        .map(|trial| {
            let file = trial.artifact.as_ref().expect("done").path().join("weights.safetensors");
            let hash = blake3::hash(&std::fs::read(file).expect("a trial keeps its weights")).to_hex();
            (trial.trial.configuration.algorithm.name(), hash[..16].to_owned())
        })
        .collect();
    let expected = WEIGHTS.map(|(rule, hash)| (rule, hash.to_owned()));
    assert!(
        hashes == expected && REVISION == NUMERICS_REVISION,
        "bump the revision or keep the numerics: revision {NUMERICS_REVISION} gives {hashes:?}, \
         revision {REVISION} gave {expected:?}"
    );
}
