//! The shipped pipelines: the first trial of each trains an epoch on real images. The folder `shared/data` next to the project
//! holds the images; without it, the test is skipped.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use runner::{
    Context,
    plan::StagePlan,
    progress::{Progress, Reporter},
    run::RunSettings,
};
use settings::Device;
use spec::{EpochRule, Override, Pipeline, Stage};
use store::Store;

/// Interrupts the run after the first trial.
struct FirstTrial(AtomicBool);

impl Reporter for FirstTrial {
    fn report(&self, progress: &Progress<'_>) {
        if matches!(progress, Progress::TrialEnded { .. }) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    folder.is_dir().then_some(folder)
}

/// Reduces a pipeline to one epoch, small batches and a part of large datasets.
fn cut(text: &str) -> String {
    let whole = Pipeline::parse("whole.ron", text).expect("the file is right");
    let mut overrides: Vec<String> = vec!["epochs=1".into(), "batch_size=16".into()];
    for stage in &whole.stages {
        if let Stage::Dataset(dataset) = stage
            && dataset.settings.source.official().is_some_and(|official| official.images > 50_000)
        {
            overrides.push(format!("{}.fraction=0.02", dataset.name));
        }
        if let Stage::Train(train) = stage
            && !train.rungs.is_empty()
        {
            overrides.push(format!("{}.halving=None", train.name));
        }
        if let Stage::Summarize(summarize) = stage
            && matches!(summarize.epoch, EpochRule::MeanOfLast(_))
        {
            overrides.push(format!("{}.epoch=Final", summarize.name));
        }
    }
    overrides.iter().fold(text.to_owned(), |text, given| {
        let given: Override = given.parse().expect("written above");
        given.apply(&text).expect("every pipeline has these fields").text
    })
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn the_first_trial_of_every_shipped_pipeline_trains_an_epoch() {
    let Some(data) = data() else {
        eprintln!("skipped: the images are not next to the project");
        return;
    };
    let pipelines = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipelines");
    let mut count = 0;
    for entry in fs::read_dir(pipelines).expect("the pipelines") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "ron") {
            continue;
        }
        let name = path.display().to_string();
        let text = cut(&fs::read_to_string(&path).expect("a pipeline file"));
        let pipeline = Pipeline::parse(&name, &text).unwrap_or_else(|problems| panic!("{problems}"));
        // Some pipelines share trials, so each has a store of its own.
        let artifacts = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(artifacts.path()).expect("a store");
        let context = Context { store, data: &data, device: Device::Cpu, same_build: None };
        let plans = runner::plan::plan(&context, &pipeline).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            plans.iter().any(|plan| matches!(plan, StagePlan::Train { trials, .. } if !trials.is_empty()))
        );
        let first = FirstTrial(AtomicBool::new(false));
        let settings = RunSettings {
            jobs: 1,
            largest_population: None,
            memory: None,
            fail_fast: true,
            interrupt: &first.0,
            reporter: &first,
            build: "test",
        };
        let report =
            runner::run::run(&context, &pipeline, settings).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((report.trained, report.failed.len()), (1, 0), "{name}: {report:?}");
        count += 1;
    }
    assert!(count >= 13);
}
