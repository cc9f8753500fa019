//! What the tests of the whole share.

/// Every rule on a few glyphs.
pub const SMALL_PIPELINE: &str = r#"Pipeline(
    name: "small",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 200, test: 50), holdout: 0.2),
        Grid(name: "rules", axes: (
            algorithm: [Backprop, Dfa, Drtp, LocalLoss(CrossEntropy), LocalLoss(MeanSquaredError)],
            hidden: [[12, 8]],
            learning_rate: [1e-3],
        )),
        Train(name: "trials", dataset: "images", grid: "rules", epochs: 2, batch_size: 20, seeds: 2),
        Summarize(name: "report", of: ["trials"], metric: "error_rate/test"),
    ],
)"#;
