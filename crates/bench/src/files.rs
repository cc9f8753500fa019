//! Reading and writing around the training: batches, and the store of results.

use std::{path::Path, sync::atomic::AtomicBool, time::Duration};

use data::{Dataset, DatasetSettings, Glyphs, Source, batch_order};
use runner::{
    Context,
    plan::StagePlan,
    progress::{Progress, Reporter},
    run::RunSettings,
};
use settings::Device;
use spec::Pipeline;
use store::{KeyText, Provenance, Store};
use tempfile::TempDir;

use crate::{rounds::Contestant, session::Session};

/// Epochs of an invented history.
const EPOCHS: usize = 20;

pub fn measure(session: &mut Session) -> anyhow::Result<()> {
    dataset(session)?;
    artifact(session)?;
    finished(session, 2_000)?;
    finished(session, 20_000)
}

fn glyphs() -> Dataset {
    let settings = DatasetSettings::of(Source::Glyphs(Glyphs::default()));
    Dataset::load(&settings, Path::new("")).expect("glyphs need no files")
}

fn dataset(session: &mut Session) -> anyhow::Result<()> {
    let title = "10,000 + 2,000 glyphs, drawn, and a batch of 128 of them, gathered";
    if !session.begins(title) {
        return Ok(());
    }
    let dataset = glyphs();
    let view = dataset.train();
    let order = batch_order(0, 1, view.len());
    let mut batches = order.chunks_exact(128).cycle();
    let (mut images, mut labels) = (vec![0.0; 128 * dataset.shape().pixels()], vec![0; 128]);
    let contestants = vec![
        Contestant::once("drawn", || drop(glyphs())),
        Contestant::once("gathered and scaled, 1 thread", || {
            view.gather(batches.next().expect("they repeat"), &mut images, &mut labels);
        }),
    ];
    session.compare(title.into(), contestants)?;
    Ok(())
}

fn artifact(session: &mut Session) -> anyhow::Result<()> {
    let title = "a small artifact in the store";
    if !session.begins(title) {
        return Ok(());
    }
    let folder = TempDir::new()?;
    let store = Store::open(folder.path())?;
    let made = Provenance::of_this_machine("bench", "cpu", Duration::ZERO);
    let mut published = 0;
    let publish = Contestant::once("published", || {
        published += 1;
        let key_text = KeyText::new("bench", 1, &published, &[]);
        store
            .find_or_make(
                &key_text,
                &[],
                || made.clone(),
                |work| work.write("history.csv", &[b'1'; 2000]),
                |_| Ok(()),
            )
            .expect("the folder can be written");
    });
    session.compare(title.into(), vec![publish])?;
    Ok(())
}

/// Measures a pipeline with invented results of all its trials.
fn finished(session: &mut Session, trials: usize) -> anyhow::Result<()> {
    let title = format!("a pipeline of {trials} finished trials, {EPOCHS} epochs each");
    if !session.begins(&title) {
        return Ok(());
    }
    let text = format!(
        r#"Pipeline(name: "many", stages: [
            Dataset(name: "images", source: Glyphs(train: 100, test: 20), holdout: 0.2),
            Grid(name: "grid", axes: (
                algorithm: [Backprop, Dfa, Drtp, LocalLoss(CrossEntropy)], hidden: [[8, 8]],
                learning_rate: Linear(from: 0.001, to: 0.05, step: 0.001),
            )),
            Train(name: "trials", dataset: "images", grid: "grid", epochs: {EPOCHS}, batch_size: 20, seeds: {}),
            Summarize(name: "report", of: ["trials"], metric: "error_rate/validation", baseline: Backprop),
        ])"#,
        trials / 200
    );
    let pipeline = Pipeline::parse("bench.ron", &text).expect("the text is a pipeline");
    // Without waiting for a disk: what counts is reading.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }?;
    let store = Store::open(folder.path())?;
    let context =
        Context { store: store.clone(), data: Path::new(""), device: Device::Cpu, same_build: None };
    let made = Provenance::of_this_machine("bench", "cpu", Duration::ZERO);
    for plan in runner::plan::plan(&context, &pipeline)? {
        let StagePlan::Train { trials, .. } = plan else { continue };
        for (number, planned) in trials.iter().enumerate() {
            store.find_or_make(
                &planned.key_text,
                &[],
                || made.clone(),
                |work| {
                    work.write("history.csv", history(number).as_bytes())?;
                    work.write("result.ron", format!("(outcome: Finished, epochs: {EPOCHS})").as_bytes())?;
                    work.write("weights.safetensors", &[0; 64])?;
                    work.write("state.safetensors", &[0; 64])
                },
                |_| Ok(()),
            )?;
        }
    }
    let settings = RunSettings {
        jobs: session.effort.threads,
        largest_population: None,
        memory: None,
        fail_fast: false,
        interrupt: &AtomicBool::new(false),
        reporter: &Silent,
        build: "bench",
    };
    let longer = text.replace(&format!("epochs: {EPOCHS}"), &format!("epochs: {}", EPOCHS + 1));
    let longer = Pipeline::parse("bench.ron", &longer).expect("the text is a pipeline");
    let contestants = vec![
        Contestant::once("plan", || {
            drop(runner::plan::plan(&context, &pipeline).expect("the store is whole"))
        }),
        Contestant::once("plan with one epoch more, for which all trials go on", || {
            drop(runner::plan::plan(&context, &longer).expect("the store is whole"))
        }),
        Contestant::once("run, with nothing to do", || {
            let report = runner::run::run(&context, &pipeline, settings).expect("the store is whole");
            assert_eq!((report.skipped, report.trained), (trials, 0), "every result is in the store");
        }),
        Contestant::once("finished again, as `run --cluster` does, with nothing to submit", || {
            drop(runner::plan::plan(&context, &pipeline).expect("the store is whole"));
            let report = runner::run::finish(&context, &pipeline, settings).expect("the store is whole");
            assert_eq!((report.skipped, report.left_to_others), (trials, 0), "every result is in the store");
        }),
        Contestant::once("report, with all tables", || {
            let names = store.names().expect("the store is whole");
            for name in names.iter().filter(|name| name.kind == "summary") {
                store.remove(name).expect("it can be removed");
            }
            runner::run::report(&context, &pipeline, settings).expect("the store is whole");
        }),
    ];
    session.compare(title, contestants)?;
    Ok(())
}

/// Returns an invented history of the trial with this number.
fn history(number: usize) -> String {
    let mut text =
        "epoch,loss/train,loss/validation,loss/test,error_rate/train,error_rate/validation,error_rate/test\n"
            .to_owned();
    for epoch in 1..=EPOCHS {
        let loss = 2.0 / (epoch as f64).sqrt() + (number % 97) as f64 / 500.0;
        let rate = 30.0 * loss;
        text.push_str(&format!("{epoch},{loss},{loss},{loss},{rate},{rate},{rate}\n"));
    }
    text
}

struct Silent;

impl Reporter for Silent {
    fn report(&self, _: &Progress<'_>) {}
}
