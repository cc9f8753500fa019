//! Studies that nobody ran.

use report::{
    AxisValue, Configuration, Criterion, End, Expectation, Picture, Provenance, Row, Series, Setting, Study,
    Trial, Verdict, Versus,
};
use statistics::{Comparison, Description, Interval};

/// How large a made-up study is.
pub struct Extent {
    /// Names of algorithms.
    pub algorithms: Vec<String>,
    /// Networks, by their label.
    pub networks: Vec<String>,
    /// Learning rates.
    pub rates: Vec<f64>,
    /// Trials of each configuration.
    pub seeds: u64,
    /// Epochs of each trial.
    pub epochs: u32,
    /// Hidden layers that are tracked.
    pub layers: u32,
}

/// Five rules, four learning rates, two networks, three seeds, thirty epochs.
pub fn typical() -> Extent {
    let names = ["backprop", "dfa", "drtp", "local-cross-entropy", "local-mse"];
    Extent {
        algorithms: names.map(str::to_owned).to_vec(),
        networks: ["2x128", "2x500"].map(str::to_owned).to_vec(),
        rates: vec![1e-4, 1e-3, 1e-2, 1e-1],
        seeds: 3,
        epochs: 30,
        layers: 2,
    }
}

/// A study of that extent, with a few trials that diverged, failed, or were not trained yet.
pub fn study(extent: &Extent) -> Study {
    let mut rows = Vec::new();
    for (place, algorithm) in extent.algorithms.iter().enumerate() {
        for network in &extent.networks {
            for rate in &extent.rates {
                rows.push(row(extent, place, algorithm, network, *rate));
            }
        }
    }
    rank(&mut rows);
    compare(&mut rows);
    Study {
        pipeline: "fashion-mnist-rates".to_owned(),
        stage: "report".to_owned(),
        settings: settings(extent),
        ranked_by: Some(Criterion { metric: "loss/validation".to_owned(), epoch: "last epoch".to_owned() }),
        reported: Criterion { metric: "error_rate/validation".to_owned(), epoch: "last epoch".to_owned() },
        test_metric: Some("error_rate/test".to_owned()),
        notes: vec![
            "the table selects on the split that it reports on: its best values are too good by a little"
                .to_owned(),
        ],
        rows,
        expectations: expectations(),
        pictures: vec![Picture {
            caption: "first weights of layer 1, epoch 30, seed 0".to_owned(),
            algorithm: extent.algorithms[0].clone(),
            png: PNG.to_vec(),
        }],
        provenance: provenance(extent),
    }
}

fn row(extent: &Extent, place: usize, algorithm: &str, network: &str, rate: f64) -> Row {
    let label = format!("{algorithm} {network} tanh lr{rate}");
    let trials: Vec<Trial> =
        (0..extent.seeds).map(|seed| trial(extent, place, network, rate, seed)).collect();
    let count = |is: fn(&End) -> bool| trials.iter().filter(|trial| is(&trial.end)).count();
    let values: Vec<f64> = trials.iter().filter_map(|trial| trial.value).collect();
    let ranked: Vec<f64> = trials.iter().filter_map(|trial| trial.ranked_by).collect();
    let test: Vec<f64> = trials.iter().filter_map(|trial| trial.test).collect();
    Row {
        stage: "trials".to_owned(),
        configuration: Configuration {
            slug: label.replace(' ', "-"),
            label,
            algorithm: algorithm.to_owned(),
            axes: vec![
                ("algorithm", Some(AxisValue::Text(algorithm.to_owned()))),
                ("hidden", Some(AxisValue::Text(network.to_owned()))),
                ("activation", Some(AxisValue::Text("tanh".to_owned()))),
                ("feedback", (algorithm != "backprop").then(|| AxisValue::Text("orthogonal".to_owned()))),
                ("learning_rate", Some(AxisValue::Number(rate))),
            ],
        },
        rank: None,
        seeds: trials.len(),
        diverged: count(|end| matches!(end, End::Diverged(_))),
        failed: count(|end| matches!(end, End::Failed(_))),
        missing: count(|end| matches!(end, End::Missing)),
        value: describe(&values),
        ranked_by: describe(&ranked),
        test: describe(&test),
        versus: None,
        is_baseline: false,
        best_of: None,
        steps_per_epoch: Some(843),
        trials,
    }
}

fn trial(extent: &Extent, place: usize, network: &str, rate: f64, seed: u64) -> Trial {
    let end = end(place, rate, seed);
    let trained = match &end {
        End::Missing | End::Failed(_) => 0,
        End::Diverged(_) => 4.min(extent.epochs),
        End::Stopped => extent.epochs - extent.epochs / 5,
        End::Finished => extent.epochs,
    };
    let course = Course::of(place, network, rate, seed);
    let series = if trained == 0 { Vec::new() } else { series(extent, &course, trained, &end) };
    let gives_value = matches!(end, End::Finished | End::Stopped);
    let at_the_end = |offset: f64| gives_value.then(|| course.error(trained) + offset);
    Trial {
        seed,
        epochs: trained,
        epoch: gives_value.then_some(trained),
        value: at_the_end(0.0),
        ranked_by: at_the_end(0.0).map(|error| error / 40.0),
        test: at_the_end(0.6 + 0.2 * course.noise(9)),
        seconds: (trained > 0).then(|| f64::from(trained) * (1.1 + 0.2 * place as f64) + course.noise(5)),
        key: format!("{:016x}{:048x}", place as u64 + 77, seed * 1000 + (rate * 1e6) as u64),
        series,
        end,
    }
}

fn end(place: usize, rate: f64, seed: u64) -> End {
    match (place, seed) {
        (2, _) if rate >= 0.1 => {
            End::Diverged("loss/train was 8.4e7 in epoch 4, above 100 times the first epoch's".to_owned())
        }
        (4, 1) if rate >= 0.1 => End::Failed("cannot write events: no space left on device".to_owned()),
        (3, 2) if rate >= 0.1 => End::Missing,
        (1, 1) => End::Stopped,
        _ => End::Finished,
    }
}

fn series(extent: &Extent, course: &Course, trained: u32, end: &End) -> Vec<Series> {
    let over_epochs = |metric: &str, value: &dyn Fn(u32) -> f64| Series {
        metric: metric.to_owned(),
        points: (1..=trained).map(|epoch| (epoch, value(epoch))).collect(),
    };
    let explodes = matches!(end, End::Diverged(_));
    let loss = |epoch: u32, share: f64| {
        if explodes { 10_f64.powi(2 * epoch as i32) } else { share * course.error(epoch) / 40.0 }
    };
    let mut series = vec![
        over_epochs("loss/train", &|epoch| loss(epoch, 1.0 / (1.0 + 0.12 * f64::from(epoch)))),
        over_epochs("loss/validation", &|epoch| loss(epoch, 1.0)),
        over_epochs("error_rate/train", &|epoch| course.error(epoch) / (1.0 + 0.05 * f64::from(epoch))),
        over_epochs("error_rate/validation", &|epoch| course.error(epoch)),
        over_epochs("network/activation_bytes", &|_| course.bytes()),
    ];
    for layer in 1..=extent.layers {
        let cosine = |epoch: u32| course.cosine(epoch, layer);
        series.push(over_epochs(&format!("layer_{layer}/bp_cosine"), &cosine));
        series.push(over_epochs(&format!("layer_{layer}/weight_alignment"), &|epoch| 0.8 * cosine(epoch)));
    }
    if extent.layers > 0 {
        series.push(over_epochs("output/bp_cosine", &|_| 1.0));
    }
    series
}

/// How a trial learns.
struct Course {
    place: usize,
    width: f64,
    rate: f64,
    seed: u64,
}

impl Course {
    fn of(place: usize, network: &str, rate: f64, seed: u64) -> Self {
        let width = network.rsplit('x').next().and_then(|units| units.parse().ok()).unwrap_or(100.0);
        Self { place, width, rate, seed }
    }

    /// Between -1 and 1, the same for the same number.
    fn noise(&self, number: u32) -> f64 {
        let mixed = (self.seed + 1) * 7919 + u64::from(number) * 104_729 + self.place as u64 * 1301;
        let mixed = mixed + (self.rate * 1e6) as u64 * 31 + self.width as u64 * 17;
        let mixed = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11;
        mixed as f64 / (1_u64 << 52) as f64 - 1.0
    }

    fn error(&self, epoch: u32) -> f64 {
        let distance = (self.rate.log10() + 3.0 - 0.2 * self.place as f64).abs();
        let floor = 10.0 + 1.1 * self.place as f64 + 3.0 * distance.powi(2) - self.width / 500.0;
        floor + 45.0 / f64::from(epoch).powf(0.9) + 0.35 * self.noise(epoch) + 0.3 * self.noise(1000)
    }

    fn cosine(&self, epoch: u32, layer: u32) -> f64 {
        if self.place == 0 {
            return 1.0;
        }
        let most = 0.85 - 0.15 * self.place as f64 - 0.1 / f64::from(layer);
        most * (1.0 - (-f64::from(epoch) / 6.0).exp()) + 0.02 * self.noise(epoch)
    }

    fn bytes(&self) -> f64 {
        let layers = if self.place < 2 { 2.0 } else { 1.0 };
        64.0 * 4.0 * (784.0 + layers * self.width) * (1.0 + 0.1 * self.place as f64)
    }
}

fn rank(rows: &mut [Row]) {
    let key = |row: &Row| match row.value {
        Some(value) if value.count == row.seeds => value.mean,
        _ => f64::INFINITY,
    };
    rows.sort_by(|first, second| key(first).total_cmp(&key(second)));
    let mut seen: Vec<String> = Vec::new();
    for (index, row) in rows.iter_mut().enumerate() {
        if key(row).is_infinite() {
            continue;
        }
        row.rank = Some(index as u32 + 1);
        if !seen.contains(&row.configuration.algorithm) {
            row.best_of = Some(row.configuration.algorithm.clone());
            seen.push(row.configuration.algorithm.clone());
        }
    }
}

fn compare(rows: &mut [Row]) {
    let Some(place) = rows.iter().position(|row| row.best_of.as_deref() == Some("backprop")) else { return };
    rows[place].is_baseline = true;
    let baseline: Vec<(u64, Option<f64>)> =
        rows[place].trials.iter().map(|trial| (trial.seed, trial.value)).collect();
    for (_, row) in rows.iter_mut().enumerate().filter(|(index, _)| *index != place) {
        let pairs = row.trials.iter().zip(&baseline);
        let differences: Vec<f64> =
            pairs.filter_map(|(trial, (_, base))| Some(trial.value? - (*base)?)).collect();
        row.versus = describe(&differences).map(|description| Versus {
            comparison: Comparison {
                pairs: description.count,
                difference: description.mean,
                interval: description.interval,
                effect_size: description
                    .deviation
                    .filter(|deviation| *deviation > 1e-9)
                    .map(|deviation| description.mean / deviation),
                t_test: description.deviation.map(|_| 0.01 / (1.0 + description.mean.abs())),
                wilcoxon: None,
            },
            corrected: description
                .deviation
                .map(|_| (0.2 / (1.0 + 9.0 * description.mean.abs().powi(2))).min(1.0)),
        });
    }
}

/// As the true statistics would, but for Student's quantile, which is that of three seeds.
pub fn describe(values: &[f64]) -> Option<Description> {
    let count = values.len();
    let mean = values.iter().sum::<f64>() / count as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (count > 1).then(|| (squares / (count as f64 - 1.0)).sqrt());
    let half = deviation.map(|deviation| 4.303 * deviation / (count as f64).sqrt());
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (count > 0).then(|| Description {
        count,
        mean,
        deviation,
        interval: half.map(|half| Interval { low: mean - half, high: mean + half }),
        median: f64::midpoint(sorted[(count - 1) / 2], sorted[count / 2]),
    })
}

fn settings(extent: &Extent) -> Vec<Setting> {
    let setting = |name: &str, value: String| Setting { name: name.to_owned(), value };
    vec![
        setting(
            "dataset",
            "Fashion-MNIST, 60,000 training and 10,000 test images, 28x28, 10 classes".to_owned(),
        ),
        setting("splits", "54,000 training, 6,000 validation (drawn with seed 0), 10,000 test".to_owned()),
        setting("scaling", "standard: to −1 … 1".to_owned()),
        setting("task", "classification".to_owned()),
        setting(
            "epochs",
            format!("{}, early stopping on error_rate/validation after 6 without progress", extent.epochs),
        ),
        setting("batch_size", "64".to_owned()),
        setting("seeds", (0..extent.seeds).map(|seed| seed.to_string()).collect::<Vec<_>>().join(", ")),
        setting("trackers", "BpCosine and WeightAlignment at every 10th batch, Memory".to_owned()),
    ]
}

fn expectations() -> Vec<Expectation> {
    let expectation = |of: &str, published, ours, verdict| Expectation {
        of: of.to_owned(),
        published,
        tolerance: 0.5,
        source: "Frenkel, Lefebvre & Bol 2021, table 2".to_owned(),
        ours,
        verdict,
    };
    vec![
        expectation("backprop, 2x500 tanh", 10.9, Some(11.02), Verdict::Pass),
        expectation("drtp, 2x500 tanh", 14.2, Some(15.31), Verdict::Fail),
        expectation("dfa, 2x500 tanh, batch norm", 12.1, None, Verdict::NotRun),
    ]
}

fn provenance(extent: &Extent) -> Provenance {
    Provenance {
        command: "cargo xtask run pipelines/fashion-mnist-rates.ron --data DIR".to_owned(),
        text: "// A made-up study.\nPipeline(\n    name: \"fashion-mnist-rates\",\n    stages: [\n        Dataset(name: \"fashion\", \
               source: FashionMnist, holdout: 0.1),\n        Grid(name: \"rules\", axes: (algorithm: [Backprop, Dfa, Drtp, \
               LocalLoss(CrossEntropy), LocalLoss(MeanSquaredError)], hidden: [[128, 128], [500, 500]])),\n    ],\n)\n"
            .to_owned(),
        builds: vec!["bpfree 0.1.0 (33a33f7af17f)".to_owned()],
        machines: vec![
            "node-1: cpu, AMD EPYC 7B13, Linux 6.1".to_owned(),
            "node-2: cuda, NVIDIA H100, Linux 6.1".to_owned(),
        ],
        seeds: (0..extent.seeds).collect(),
    }
}

/// Two discs, 56 by 28 pixels.
const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
    0x00, 0x00, 0x38, 0x00, 0x00, 0x00, 0x1c, 0x08, 0x00, 0x00, 0x00, 0x00, 0x11, 0xd0, 0x23, 0xe2, 0x00,
    0x00, 0x00, 0x5b, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0xed, 0x94, 0x31, 0x0a, 0x00, 0x20, 0x0c, 0x03,
    0xf3, 0x1c, 0xff, 0xff, 0xc1, 0x88, 0xa0, 0x08, 0x5a, 0x94, 0xa6, 0x0e, 0x0a, 0x66, 0xbe, 0x1b, 0x8c,
    0x6d, 0x91, 0xc4, 0xe0, 0x8b, 0x3d, 0x2c, 0x71, 0x8b, 0xec, 0x71, 0x89, 0xe4, 0x6c, 0x62, 0x24, 0x76,
    0x5e, 0x23, 0x30, 0x03, 0x1b, 0xaf, 0x02, 0x30, 0x00, 0xa7, 0x68, 0x14, 0x10, 0x13, 0x49, 0xd3, 0xc4,
    0xaa, 0xb9, 0x4b, 0x45, 0xf9, 0x8d, 0x7a, 0xab, 0xf2, 0x3f, 0xea, 0x93, 0xa3, 0xcf, 0x6a, 0x60, 0x3b,
    0x4e, 0xef, 0xa3, 0x7e, 0x01, 0xde, 0x3e, 0x8f, 0x19, 0xdf, 0x3a, 0x4a, 0x19, 0x4b, 0x6c, 0x2f, 0xf6,
    0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];
