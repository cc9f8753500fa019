//! Made-up studies for the tests of tables and pages.

use base64::{Engine, engine::general_purpose::STANDARD};
use report::{
    AxisValue, Configuration, Criterion, End, Expectation, Images, Picture, Provenance, Published, Row,
    Series, Setting, Study, Trial, Verdict, Versus,
};
use statistics::{compare, describe, holm};

/// The size of a study.
pub struct Extent {
    pub algorithms: Vec<String>,
    pub networks: Vec<String>,
    pub rates: Vec<f64>,
    pub seeds: u64,
    pub epochs: u32,
    /// The number of hidden layers that trackers watch.
    pub layers: u32,
}

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

/// Makes a study of that extent. A few of its trials diverged, failed, or were not trained yet.
pub fn made_up(extent: &Extent) -> Study {
    let mut rows = Vec::new();
    for (place, algorithm) in extent.algorithms.iter().enumerate() {
        for network in &extent.networks {
            for rate in &extent.rates {
                let trials = (0..extent.seeds).map(|seed| simulated(extent, place, network, *rate, seed));
                rows.push(row(configuration(algorithm, network, *rate), trials.collect()));
            }
        }
    }
    rank(&mut rows);
    if let Some(baseline) = rows.iter_mut().find(|row| row.best_of.as_deref() == Some("backprop")) {
        baseline.is_baseline = true;
    }
    compare_with_baseline(&mut rows);
    Study {
        pipeline: "fashion-mnist-rates".into(),
        stage: "report".into(),
        images: vec![Images {
            account: "Fashion-MNIST: 70,000 grey 28x28 images, 10 classes; 60,000 training images; 10,000 validation images, the official test split".into(),
            warnings: vec!["12 validation images are also trained on".into()],
        }],
        settings: vec![
            setting("dataset", "Fashion-MNIST, 60,000 training and 10,000 test images, 28x28, 10 classes"),
            setting("epochs", "30, early stopping on error_rate/validation with a patience of 6 epochs"),
            setting("batch_size", "64"),
            setting("trackers", "BpCosine and WeightAlignment at every 10th batch, Memory"),
        ],
        ranked_by: Some(Criterion { metric: "loss/validation".into(), epoch: "last epoch".into() }),
        reported: Criterion { metric: "error_rate/validation".into(), epoch: "last epoch".into() },
        test_metric: Some("error_rate/test".into()),
        pivot: None,
        halved_by: None,
        compared_within: Vec::new(),
        notes: vec!["the table selects on the split that it reports on".into()],
        rows,
        search: Vec::new(),
        expectations: vec![
            expectation("backprop, 2x500 tanh", 10.9, Some(11.02), Verdict::Pass),
            expectation("drtp, 2x500 tanh", 14.2, Some(15.31), Verdict::Fail),
            expectation("dfa, 2x500 tanh, batch norm", 12.1, None, Verdict::NotRun),
        ],
        publications: Vec::new(),
        pictures: vec![Picture {
            caption: "first weights of layer 1, epoch 30, seed 0".into(),
            algorithm: extent.algorithms[0].clone(),
            png: STANDARD.decode(PNG).expect("base64"),
        }],
        provenance: Provenance {
            command: "cargo xtask run pipelines/fashion-mnist-rates.ron --data DIR".into(),
            text: "// A made-up study.\nPipeline(\n    name: \"fashion-mnist-rates\",\n    stages: [],\n)\n"
                .into(),
            builds: vec!["bpfree 0.1.0 (33a33f7af17f)".into()],
            datasets: vec![setting(
                "images",
                "b9d4ed2788e8888cfa709ff1b0deeca37d6923997439434f489ffec884e1e4d3",
            )],
            machines: vec![
                "node-1: cpu, AMD EPYC 7B13, Linux 6.1".into(),
                "node-2: cuda, NVIDIA H100, Linux 6.1".into(),
            ],
            seeds: (0..extent.seeds).collect(),
        },
    }
}

/// Makes a study of a random search with this many points of each of five rules: networks and activations from lists, rates and dropout
/// from distributions. The largest rates diverge.
pub fn random_search(points: u64, seeds: u64) -> Study {
    let extent = Extent { rates: Vec::new(), seeds, epochs: 3, layers: 0, ..typical() };
    let numbers = |point: u64| {
        [0.618_034, 0.754_878, 0.569_84, 0.819_173].map(|step: f64| (point as f64 * step + 0.5).fract())
    };
    let mut rows = Vec::new();
    for (place, algorithm) in extent.algorithms.iter().enumerate() {
        for point in 0..points {
            let [rate, dropout, network, activation] = numbers(point);
            let network = ["2x128", "2x500", "100", "1000"][(network * 4.0) as usize];
            let rate = 10_f64.powf(-5.0 + 4.5 * rate);
            let trials = (0..seeds).map(|seed| match simulated(&extent, place, network, rate, seed) {
                trial if rate < 0.1 => trial,
                _ => diverged(),
            });
            let mut drawn = row(configuration(algorithm, network, rate), trials.collect());
            let axes = &mut drawn.configuration.axes;
            axes[2].1 = text(["tanh", "relu"][(activation * 2.0) as usize]);
            axes.push(("dropout", Some(AxisValue::Number((dropout * 0.5 * 1e4).round() / 1e4))));
            rows.push(drawn);
        }
    }
    rank(&mut rows);
    Study { rows, pictures: Vec::new(), expectations: Vec::new(), ..made_up(&extent) }
}

/// Two discs, 56 by 28 pixels.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAADgAAAAcCAAAAAAR0CPiAAAAW0lEQVR42u2UMQoAIAwD8xz//8GIoAhalKYOCma+G4xtkcTgiz0sc\
    YvscYnkbGIkdl4jMAMbrwIwAKdoFBATSdPEqrlLRfmNeqvyP+qTo89qYDtO76N+Ad4+jxnfOkoZS2wv9gAAAABJRU5ErkJggg==";

/// Makes a study of two rules and three seeds, with a trial that diverged, one that failed and one that was not trained. Its names
/// have every character that some format reserves.
pub fn special() -> Study {
    let mut rows = vec![
        row(special_configuration("dfa", Some("uniform<0.1>"), 0.001), [5.5, 5.25, 6.0].map(finished).into()),
        row(special_configuration("backprop", None, 0.001), [6.25, 6.125, 6.625].map(finished).into()),
        row(
            special_configuration("dfa", Some("a|b & c_d"), 0.1),
            vec![finished(7.0), finished(7.75), diverged()],
        ),
        row(
            special_configuration("backprop", None, 1e-10),
            vec![
                finished(88.0),
                Trial { end: End::Failed("out of memory".into()), ..Trial::default() },
                Trial::default(),
            ],
        ),
    ];
    for (row, rank) in rows.iter_mut().zip(1..=2) {
        (row.rank, row.best_of) = (Some(rank), Some(row.configuration.algorithm.clone()));
    }
    for row in &mut rows {
        for (seed, trial) in (1..).zip(&mut row.trials) {
            (trial.seed, trial.key) = (seed, format!("key-of-{}-{seed}", row.configuration.slug));
        }
    }
    rows[1].is_baseline = true;
    compare_with_baseline(&mut rows);
    let source = "Nøkland 2016, arXiv:1609.01596, table 1 | p. 6";
    let expectation = |of, published, ours, verdict| Expectation {
        tolerance: 0.25,
        source: source.into(),
        ..expectation(of, published, ours, verdict)
    };
    Study {
        pipeline: "r&d_100%".into(),
        stage: "summary".into(),
        settings: vec![
            setting("dataset", "MNIST, 100 % of the training images, 28×28, \"raw\""),
            setting(
                "early stopping",
                "loss/validation < 1e-3 || patience_epochs > 5 & $HOME #1 {x^2} ~ \\n `[*]`",
            ),
        ],
        ranked_by: Some(Criterion { metric: "loss/validation".into(), epoch: "best epoch".into() }),
        reported: Criterion {
            metric: "error_rate/validation".into(),
            epoch: "best epoch by loss/validation".into(),
        },
        notes: vec!["The dataset has no holdout: `validation` is the official test split.".into()],
        rows,
        expectations: vec![
            expectation("dfa 2x500", 5.5, Some(5.583_333), Verdict::Pass),
            expectation("backprop_* 2x500", 1.25, Some(6.333_333), Verdict::Fail),
            expectation("drtp", 9.0, None, Verdict::NotRun),
        ],
        publications: vec![setting("drtp-2021/mnist", "Frenkel et al. 2021. Read from <slides>, p. 18.")],
        ..made_up(&Extent { rates: Vec::new(), ..typical() })
    }
}

fn setting(name: &str, value: &str) -> Setting {
    Setting { name: name.into(), value: value.into() }
}

fn expectation(of: &str, published: f64, ours: Option<f64>, verdict: Verdict) -> Expectation {
    let source = "Frenkel, Lefebvre & Bol 2021, table 2".into();
    let known = verdict != Verdict::Fail;
    let published =
        Published { mean: published, deviation: known.then_some(0.08), count: known.then_some(10) };
    let ours = ours.map(|mean| describe(&[mean - 0.5, mean, mean + 0.5]).expect("finite"));
    Expectation { of: of.into(), published, tolerance: 0.5, source, ours, verdict, reason: None }
}

fn text(text: &str) -> Option<AxisValue> {
    Some(AxisValue::Text(text.into()))
}

fn configuration(algorithm: &str, network: &str, rate: f64) -> Configuration {
    let label = format!("{algorithm} {network} tanh lr{rate}");
    Configuration {
        slug: label.replace(' ', "-"),
        label,
        algorithm: algorithm.into(),
        rule: algorithm.to_uppercase(),
        axes: vec![
            ("algorithm", text(algorithm)),
            ("hidden", text(network)),
            ("activation", text("tanh")),
            ("feedback", text("orthogonal").filter(|_| algorithm != "backprop")),
            ("learning_rate", Some(AxisValue::Number(rate))),
        ],
    }
}

fn special_configuration(algorithm: &str, feedback: Option<&str>, rate: f64) -> Configuration {
    let label = format!("{algorithm} 2x500 lr{rate:?}");
    Configuration {
        slug: label.replace(' ', "-"),
        label: feedback.map_or(label.clone(), |feedback| format!("{label} {feedback}")),
        algorithm: algorithm.into(),
        rule: algorithm.to_uppercase(),
        axes: vec![
            ("algorithm", text(algorithm)),
            ("hidden", text("500-500")),
            ("feedback", feedback.and_then(text)),
            ("learning_rate", Some(AxisValue::Number(rate))),
        ],
    }
}

fn row(configuration: Configuration, trials: Vec<Trial>) -> Row {
    let count = |is: fn(&End) -> bool| trials.iter().filter(|trial| is(&trial.end)).count();
    let over_seeds =
        |value: fn(&Trial) -> Option<f64>| describe(&trials.iter().filter_map(value).collect::<Vec<_>>());
    Row {
        stage: "train".into(),
        dataset: "images".into(),
        group: configuration.algorithm.clone(),
        configuration,
        seeds: trials.len(),
        diverged: count(|end| matches!(end, End::Diverged(_))),
        failed: count(|end| matches!(end, End::Failed(_))),
        missing: count(|end| matches!(end, End::Missing)),
        value: over_seeds(|trial| trial.value),
        ranked_by: over_seeds(|trial| trial.ranked_by),
        test: over_seeds(|trial| trial.test),
        steps_per_epoch: Some(25),
        trials,
        ..Row::default()
    }
}

fn rank(rows: &mut [Row]) {
    let mean = |row: &Row| row.value.filter(|value| value.count == row.seeds).map(|value| value.mean);
    rows.sort_by(|one, other| {
        mean(one).unwrap_or(f64::INFINITY).total_cmp(&mean(other).unwrap_or(f64::INFINITY))
    });
    let mut ranked = Vec::new();
    for (rank, row) in (1..).zip(rows).filter(|(_, row)| mean(row).is_some()) {
        row.rank = Some(rank);
        if !ranked.contains(&row.configuration.algorithm) {
            row.best_of = Some(row.configuration.algorithm.clone());
            ranked.push(row.configuration.algorithm.clone());
        }
    }
}

fn compare_with_baseline(rows: &mut [Row]) {
    let Some(baseline) = rows.iter().find(|row| row.is_baseline).map(|row| row.trials.clone()) else {
        return;
    };
    let comparisons: Vec<_> = rows
        .iter()
        .map(|row| {
            let pairs = row.trials.iter().zip(&baseline);
            let pairs: Vec<_> = pairs.filter_map(|(this, other)| this.value.zip(other.value)).collect();
            compare(&pairs).filter(|_| !row.is_baseline)
        })
        .collect();
    let raw: Vec<_> = comparisons.iter().map(|comparison| comparison.as_ref()?.t_test).collect();
    for ((row, comparison), corrected) in rows.iter_mut().zip(comparisons).zip(holm(&raw)) {
        row.versus = comparison.map(|comparison| Versus { comparison, corrected });
    }
}

/// A finished trial of four epochs.
fn finished(error_rate: f64) -> Trial {
    let falling = |metric: &str, last: f64| Series {
        metric: metric.into(),
        points: (1..=4).map(|epoch| (epoch, last * 4.0 / f64::from(epoch))).collect(),
    };
    Trial {
        end: End::Finished,
        epochs: 4,
        epoch: Some(3),
        value: Some(error_rate),
        ranked_by: Some(error_rate / 30.0),
        test: Some(error_rate + 0.1),
        seconds: Some(12.5),
        series: vec![
            falling("loss/train", error_rate / 40.0),
            falling("loss/validation", error_rate / 30.0),
            falling("error_rate/validation", error_rate),
            // Measured at every other epoch only.
            Series { metric: "layer_1/bp_angle".into(), points: vec![(1, 0.1), (3, 0.3)] },
        ],
        ..Trial::default()
    }
}

fn diverged() -> Trial {
    let reason = "loss/train is inf, \"more\" than 10 times the first epoch's,\nsays <layer_2>";
    Trial {
        end: End::Diverged(reason.into()),
        epochs: 2,
        seconds: Some(3.0),
        series: vec![Series { metric: "loss/train".into(), points: vec![(1, 2.5), (2, f64::INFINITY)] }],
        ..Trial::default()
    }
}

fn simulated(extent: &Extent, place: usize, network: &str, rate: f64, seed: u64) -> Trial {
    let end = end(place, rate, seed);
    let trained = match &end {
        End::Missing | End::Failed(_) => 0,
        End::Diverged(_) => 4.min(extent.epochs),
        End::Stopped => extent.epochs - extent.epochs / 5,
        End::Finished => extent.epochs,
    };
    let width = network.rsplit('x').next().and_then(|units| units.parse().ok()).unwrap_or(100.0);
    let simulation = Simulation { place, width, rate, seed };
    let gives_value = matches!(end, End::Finished | End::Stopped);
    let error = gives_value.then(|| simulation.error(trained));
    Trial {
        seed,
        epochs: trained,
        epoch: gives_value.then_some(trained),
        value: error,
        ranked_by: error.map(|error| error / 40.0),
        test: error.map(|error| error + 0.6 + 0.2 * simulation.noise(9)),
        seconds: (trained > 0).then(|| f64::from(trained) * (1.1 + 0.2 * place as f64) + simulation.noise(5)),
        key: format!("{:016x}{:048x}", place as u64 + 77, seed * 1000 + (rate * 1e6) as u64),
        training: String::new(),
        is_continued: false,
        series: if trained == 0 { Vec::new() } else { simulation.series(extent.layers, trained, &end) },
        end,
    }
}

fn end(place: usize, rate: f64, seed: u64) -> End {
    match (place, seed) {
        (2, _) if rate >= 0.1 => {
            End::Diverged("loss/train was 8.4e7 in epoch 4, above 100 times the first epoch's".into())
        }
        (4, 1) if rate >= 0.1 => End::Failed("cannot write events: no space left on device".into()),
        (3, 2) if rate >= 0.1 => End::Missing,
        (1, 1) => End::Stopped,
        _ => End::Finished,
    }
}

/// Curves of a trial as smooth functions of its settings, with noise.
struct Simulation {
    place: usize,
    width: f64,
    rate: f64,
    seed: u64,
}

impl Simulation {
    /// Returns a number between -1 and 1, always the same one.
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
        let limit = 0.85 - 0.15 * self.place as f64 - 0.1 / f64::from(layer);
        limit * (1.0 - (-f64::from(epoch) / 6.0).exp()) + 0.02 * self.noise(epoch)
    }

    fn bytes(&self) -> f64 {
        let layers = if self.place < 2 { 2.0 } else { 1.0 };
        64.0 * 4.0 * (784.0 + layers * self.width) * (1.0 + 0.1 * self.place as f64)
    }

    fn series(&self, layers: u32, trained: u32, end: &End) -> Vec<Series> {
        let over_epochs = |metric: &str, value: &dyn Fn(u32) -> f64| Series {
            metric: metric.into(),
            points: (1..=trained).map(|epoch| (epoch, value(epoch))).collect(),
        };
        let loss = |epoch: u32, share: f64| match end {
            End::Diverged(_) => 10_f64.powi(2 * epoch as i32),
            _ => share * self.error(epoch) / 40.0,
        };
        let mut series = vec![
            over_epochs("loss/train", &|epoch| loss(epoch, 1.0 / (1.0 + 0.12 * f64::from(epoch)))),
            over_epochs("loss/validation", &|epoch| loss(epoch, 1.0)),
            over_epochs("error_rate/train", &|epoch| self.error(epoch) / (1.0 + 0.05 * f64::from(epoch))),
            over_epochs("error_rate/validation", &|epoch| self.error(epoch)),
            over_epochs("network/activation_bytes", &|_| self.bytes()),
        ];
        for layer in 1..=layers {
            let cosine = |epoch: u32| self.cosine(epoch, layer);
            let degrees = |cosine: f64| cosine.acos().to_degrees();
            series.push(over_epochs(&format!("layer_{layer}/bp_angle"), &|epoch| degrees(cosine(epoch))));
            series.push(over_epochs(&format!("layer_{layer}/weight_alignment_angle"), &|epoch| {
                degrees(0.8 * cosine(epoch))
            }));
        }
        if layers > 0 {
            series.push(over_epochs("output/bp_angle", &|_| 0.0));
        }
        series
    }
}
