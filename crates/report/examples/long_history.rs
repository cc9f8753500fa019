//! How long a long history takes: 2,000 trials x 100 epochs x 6 metrics as CSV.
//!
//! ```text
//! cargo run --release -p report --example long_history
//! ```
#![expect(clippy::print_stdout, reason = "it is there to be read")]

use std::time::Instant;

use report::{Configuration, Criterion, End, Provenance, Row, Series, Study, Trial, history_csv};

fn main() {
    let study = study();
    for _ in 0..3 {
        let start = Instant::now();
        let csv = history_csv(&study);
        let seconds = start.elapsed().as_secs_f64();
        println!("{seconds:.2} s, {:.1} MB", csv.len() as f64 / 1e6);
    }
}

/// 200 configurations with ten seeds each.
fn study() -> Study {
    Study {
        pipeline: "long".into(),
        stage: "summary".into(),
        settings: Vec::new(),
        ranked_by: None,
        reported: Criterion { metric: "error_rate/validation".into(), epoch: "last epoch".into() },
        test_metric: None,
        notes: Vec::new(),
        rows: (0..200).map(row).collect(),
        expectations: Vec::new(),
        pictures: Vec::new(),
        provenance: Provenance {
            command: String::new(),
            text: String::new(),
            builds: Vec::new(),
            machines: Vec::new(),
            seeds: (0..10).collect(),
        },
    }
}

fn row(index: u32) -> Row {
    let slug = format!("dfa-2x500-tanh-lr0.{index:03}-uniform0.1");
    Row {
        stage: "train".into(),
        configuration: Configuration { label: slug.clone(), slug, algorithm: "dfa".into(), axes: Vec::new() },
        rank: Some(index + 1),
        seeds: 10,
        diverged: 0,
        failed: 0,
        missing: 0,
        value: None,
        ranked_by: None,
        test: None,
        versus: None,
        is_baseline: false,
        best_of: None,
        trials: (0..10).map(|seed| trial(index, seed)).collect(),
    }
}

fn trial(row: u32, seed: u32) -> Trial {
    let tags = ["loss/train", "loss/validation", "loss/test", "error_rate/train", "error_rate/validation"];
    let tags = tags.into_iter().chain(["layer_1/bp_cosine"]);
    // Single precision, as training measures it, and no two alike.
    let value = |metric: usize, epoch: u32| {
        f64::from(((row * 7919 + seed * 104_729 + metric as u32 * 1_299_709 + epoch) as f32 * 0.618).sin())
    };
    Trial {
        seed: seed.into(),
        end: End::Finished,
        epochs: 100,
        epoch: Some(100),
        value: None,
        ranked_by: None,
        test: None,
        seconds: None,
        key: String::new(),
        series: tags
            .enumerate()
            .map(|(metric, tag)| Series {
                metric: tag.into(),
                points: (1..=100).map(|epoch| (epoch, value(metric, epoch))).collect(),
            })
            .collect(),
    }
}
