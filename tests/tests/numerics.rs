//! Equal settings give the same numbers as before, unless the revision in every key changes.

use results::NUMERICS_REVISION;
use settings::{Configuration, Optimizer};
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
        Grid(name: "more-rules", axes: (
            algorithm: [
                FeedbackAlignment, SignSymmetric(Uniform), SignSymmetric(Fixed), SignSymmetric(Batchwise), KolenPollack,
                DirectKolenPollack, SignDfa, LocalLoss(LearnedCrossEntropy), Pepita, Shallow,
            ],
            hidden: [[16, 12]], activation: [Elu], loss: [SigmoidCrossEntropy], weights: [TorchDefault],
            feedback: [HeUniform], optimizer: [Adam(epsilon: 1e-8, form: Paper)], learning_rate: [1e-2],
            decoupled_decay: [1e-2], clip_norm: [1.0],
        )),
        Train(name: "more-trials", dataset: "images", grid: "more-rules", epochs: 3, batch_size: 20, seeds: [5]),
        Grid(name: "optimizers", axes: (
            algorithm: [Dfa], hidden: [[16, 12]], activation: [Sigmoid], loss: [MeanSquaredError],
            weights: [GlorotNormal], feedback: [Normal(0.2)], schedule: [Cosine(floor: 1e-4)],
            optimizer: [Sgd, Sgd(momentum: 0.9), Sgd(momentum: 0.9, nesterov: true), RmsProp], learning_rate: [1e-2],
        )),
        Train(name: "optimizers-tried", dataset: "images", grid: "optimizers", epochs: 3, batch_size: 20, seeds: [5]),
    ],
)"#;

/// The revision that the hashes below belong to.
const REVISION: u32 = 3;

/// The first digits of the BLAKE3 hash of the `weights.safetensors` of each rule or optimizer after three epochs: on every processor.
const WEIGHTS: [(&str, &str); 19] = [
    ("backprop", "89033f99ca321364"),
    ("dfa", "caddb1de2b2e7424"),
    ("drtp", "0a701293db73ff08"),
    ("local-cross-entropy", "510e3fe70a5d60a5"),
    ("local-mse", "8fa9dbe9e97c9d9a"),
    ("feedback-alignment", "883613309f937732"),
    ("sign-symmetric-uniform", "b64cf4afe8887061"),
    ("sign-symmetric-fixed", "cbf17de756129d56"),
    ("sign-symmetric-batchwise", "2521cdd8d389a1b2"),
    ("kolen-pollack", "7045f5809d7255e0"),
    ("direct-kolen-pollack", "769bdcca654b16a4"),
    ("sign-dfa", "78c752c6d3491b08"),
    ("local-learned", "49dad2c083573702"),
    ("pepita", "743e9b99131add01"),
    ("shallow", "07ce974efc2d8ec1"),
    ("sgd", "555b025b474094a3"),
    ("sgd-momentum0.9", "3522261d083f0730"),
    ("sgd-momentum0.9-nesterov", "796e50a16ad95605"),
    ("rmsprop", "aec762cad66e0fd2"),
];

#[test]
fn weights_have_the_bits_of_the_numerics_revision() {
    let bench = Bench::new(2, 1);
    bench.run(PIPELINE);
    let trials = bench.trials(PIPELINE);
    let hashes: Vec<(String, String)> = trials
        .iter()
        .map(|trial| {
            let file = trial.artifact.as_ref().expect("done").path().join("weights.safetensors");
            let hash = blake3::hash(&std::fs::read(file).expect("a trial keeps its weights")).to_hex();
            let Configuration { algorithm, optimizer, .. } = &trial.trial.configuration;
            let name = match optimizer {
                Optimizer::Adam { .. } => algorithm.name().to_owned(),
                others => others.name(),
            };
            (name, hash[..16].to_owned())
        })
        .collect();
    let expected = WEIGHTS.map(|(name, hash)| (name.to_owned(), hash.to_owned()));
    assert!(
        hashes == expected && REVISION == NUMERICS_REVISION,
        "bump the revision or keep the numerics: revision {NUMERICS_REVISION} gives {hashes:?}, \
         revision {REVISION} gave {expected:?}"
    );
}
