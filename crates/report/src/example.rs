//! A study as a pipeline would tell it: two rules, three seeds, one trial that diverged, one that failed, one that was not trained; names
//! with every character that some format takes for its own.

use statistics::{compare, describe, holm};

use crate::study::{
    AxisValue, Configuration, Criterion, End, Expectation, Provenance, Row, Series, Setting, Study, Trial,
    Verdict, Versus,
};

const EPOCHS: u32 = 4;

/// The four configurations, ranked and compared with the second, which is the baseline.
pub(crate) fn study() -> Study {
    let mut rows = vec![
        row(Some(1), configuration("dfa", Some("uniform<0.1>"), 0.001), [5.5, 5.25, 6.0].map(finished)),
        row(Some(2), configuration("backprop", None, 0.001), [6.25, 6.125, 6.625].map(finished)),
        row(None, configuration("dfa", Some("a|b & c_d"), 0.1), [finished(7.0), finished(7.75), diverged()]),
        row(None, configuration("backprop", None, 1e-10), [finished(88.0), failed(), missing()]),
    ];
    rows[0].best_of = Some("dfa".into());
    rows[1].best_of = Some("backprop".into());
    rows[1].is_baseline = true;
    compare_with_baseline(&mut rows);
    Study {
        pipeline: "r&d_100%".into(),
        stage: "summary".into(),
        settings: settings(),
        ranked_by: Some(Criterion { metric: "loss/validation".into(), epoch: "best epoch".into() }),
        reported: Criterion {
            metric: "error_rate/validation".into(),
            epoch: "best epoch by loss/validation".into(),
        },
        test_metric: Some("error_rate/test".into()),
        notes: vec!["The dataset has no holdout: `validation` is the official test split.".into()],
        rows,
        expectations: expectations(),
        pictures: Vec::new(),
        provenance: provenance(),
    }
}

fn settings() -> Vec<Setting> {
    let setting = |name: &str, value: &str| Setting { name: name.into(), value: value.into() };
    vec![
        setting("dataset", "MNIST, 100 % of the training images, 28×28, \"raw\""),
        setting(
            "early stopping",
            "loss/validation < 1e-3 || patience_epochs > 5 & $HOME #1 {x^2} ~ \\n `[*]`",
        ),
    ]
}

fn configuration(algorithm: &str, feedback: Option<&str>, learning_rate: f64) -> Configuration {
    let text = |text: &str| Some(AxisValue::Text(text.into()));
    let label = format!("{algorithm} 2x500 lr{learning_rate:?}");
    Configuration {
        slug: label.replace(' ', "-"),
        label: feedback.map_or(label.clone(), |feedback| format!("{label} {feedback}")),
        algorithm: algorithm.into(),
        axes: vec![
            ("algorithm", text(algorithm)),
            ("hidden", text("500-500")),
            ("feedback", feedback.and_then(text)),
            ("learning_rate", Some(AxisValue::Number(learning_rate))),
        ],
    }
}

fn row(rank: Option<u32>, configuration: Configuration, mut trials: [Trial; 3]) -> Row {
    for (seed, trial) in (1..).zip(&mut trials) {
        trial.seed = seed;
        trial.key = format!("key-of-{}-{seed}", configuration.slug);
    }
    let of =
        |value: fn(&Trial) -> Option<f64>| describe(&trials.iter().filter_map(value).collect::<Vec<_>>());
    let ended = |is_so: fn(&End) -> bool| trials.iter().filter(|trial| is_so(&trial.end)).count();
    Row {
        stage: "train".into(),
        configuration,
        rank,
        seeds: trials.len(),
        diverged: ended(|end| matches!(end, End::Diverged(_))),
        failed: ended(|end| matches!(end, End::Failed(_))),
        missing: ended(|end| matches!(end, End::Missing)),
        value: of(|trial| trial.value),
        ranked_by: of(|trial| trial.ranked_by),
        test: of(|trial| trial.test),
        versus: None,
        is_baseline: false,
        best_of: None,
        steps_per_epoch: Some(25),
        trials: trials.into(),
    }
}

fn compare_with_baseline(rows: &mut [Row]) {
    let baseline = rows.iter().find(|row| row.is_baseline).expect("a baseline").trials.clone();
    let compared = |row: &Row| {
        let pairs: Vec<(f64, f64)> = row
            .trials
            .iter()
            .zip(&baseline)
            .filter_map(|(this, other)| this.value.zip(other.value))
            .collect();
        compare(&pairs).filter(|_| !row.is_baseline)
    };
    let comparisons: Vec<_> = rows.iter().map(compared).collect();
    let raw: Vec<_> = comparisons.iter().map(|comparison| comparison.as_ref()?.t_test).collect();
    for ((row, comparison), corrected) in rows.iter_mut().zip(comparisons).zip(holm(&raw)) {
        row.versus = comparison.map(|comparison| Versus { comparison, corrected });
    }
}

fn finished(error_rate: f64) -> Trial {
    Trial {
        end: End::Finished,
        epochs: EPOCHS,
        epoch: Some(EPOCHS - 1),
        value: Some(error_rate),
        ranked_by: Some(error_rate / 30.0),
        test: Some(error_rate + 0.1),
        seconds: Some(12.5),
        series: every_series(error_rate),
        ..missing()
    }
}

fn diverged() -> Trial {
    let reason = "loss/train is inf, \"more\" than 10 times the first epoch's,\nsays <layer_2>";
    let series = Series { metric: "loss/train".into(), points: vec![(1, 2.5), (2, f64::INFINITY)] };
    Trial {
        end: End::Diverged(reason.into()),
        epochs: 2,
        seconds: Some(3.0),
        series: vec![series],
        ..missing()
    }
}

fn failed() -> Trial {
    Trial { end: End::Failed("out of memory".into()), ..missing() }
}

fn missing() -> Trial {
    Trial {
        seed: 0,
        end: End::Missing,
        epochs: 0,
        epoch: None,
        value: None,
        ranked_by: None,
        test: None,
        seconds: None,
        key: String::new(),
        series: Vec::new(),
    }
}

fn every_series(error_rate: f64) -> Vec<Series> {
    let falling = |metric: &str, last: f64| Series {
        metric: metric.into(),
        points: (1..=EPOCHS).map(|epoch| (epoch, last * f64::from(EPOCHS) / f64::from(epoch))).collect(),
    };
    let cosine = |layer: u32| Series {
        metric: format!("layer_{layer}/bp_cosine"),
        // Looked at every other epoch only.
        points: (1..=EPOCHS)
            .step_by(2)
            .map(|epoch| (epoch, f64::from(epoch) / f64::from(9 + layer)))
            .collect(),
    };
    vec![
        falling("loss/train", error_rate / 40.0),
        falling("loss/validation", error_rate / 30.0),
        falling("error_rate/validation", error_rate),
        cosine(1),
        cosine(2),
        cosine(3),
    ]
}

fn expectations() -> Vec<Expectation> {
    let expectation = |of: &str, published: f64, ours: Option<f64>, verdict: Verdict| Expectation {
        of: of.into(),
        published,
        tolerance: 0.25,
        source: "Nøkland 2016, arXiv:1609.01596, table 1 | p. 6".into(),
        ours,
        verdict,
    };
    vec![
        expectation("dfa 2x500", 5.5, Some(5.583_333), Verdict::Pass),
        expectation("backprop_* 2x500", 1.25, Some(6.333_333), Verdict::Fail),
        expectation("drtp", 9.0, None, Verdict::NotRun),
    ]
}

fn provenance() -> Provenance {
    Provenance {
        command: "cargo xtask run pipelines/example.ron".into(),
        text: "Pipeline(stages: [])".into(),
        builds: vec!["bpfree 0.1.0 (abcdef)".into()],
        machines: vec!["node-1: cpu".into()],
        seeds: vec![1, 2, 3],
    }
}
