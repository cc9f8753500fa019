//! Tables and reports of many finished trials, made up.

use std::{path::Path, sync::atomic::AtomicBool, time::Duration};

use engine::Device;
use pipeline::{
    file::Pipeline,
    plan::{Laboratory, StagePlan},
    progress::{Progress, Reporter},
    run::RunSettings,
    store::{Provenance, Store},
};
use tempfile::TempDir;

use crate::{
    Effort, Group,
    rounds::{Contestant, Here, alternate, with_threads},
};

const TRIALS: usize = 2_000;
const EPOCHS: usize = 100;

/// Hears nothing.
struct Nobody;

impl Reporter for Nobody {
    fn report(&self, _: &Progress<'_>) {}
}

pub(crate) fn measure(effort: &Effort, progress: &dyn Fn(&str)) -> Option<Group> {
    let title = format!("a summary of {TRIALS} trials, {EPOCHS} epochs each: tables and report");
    if !effort.includes(&title) {
        return None;
    }
    progress(&title);
    let folder = TempDir::new().expect("a temporary folder");
    let pipeline = made_up();
    let store = Store::open(folder.path()).expect("the folder can be written");
    let laboratory =
        Laboratory { store: store.clone(), data: Path::new(""), device: Device::Cpu, same_build: None };
    finish_all(&laboratory, &pipeline);
    let settings = RunSettings {
        jobs: effort.threads,
        largest_population: None,
        memory: None,
        fail_fast: false,
        interrupt: &AtomicBool::new(false),
        reporter: &Nobody,
        build: "bench",
    };
    let mut summarize = |times: usize| {
        for _ in 0..times {
            let names = store.names().expect("the store is whole");
            for name in names.iter().filter(|name| name.kind == "summary") {
                store.remove(name).expect("it can be removed");
            }
            laboratory.report(&pipeline, settings).expect("the store is whole");
        }
    };
    let mut contestants: Vec<Box<dyn Contestant + '_>> = vec![Box::new(Here(&mut summarize))];
    let samples = with_threads(effort.threads, || alternate(&mut contestants, effort));
    let samples = samples.expect("nothing here asks another process");
    Some(Group::new(title, None, vec!["made anew".into()], samples))
}

fn made_up() -> Pipeline {
    let text = format!(
        r#"Pipeline(name: "many", stages: [
            Dataset(name: "images", source: Glyphs(train: 100, test: 20), holdout: 0.2),
            Grid(name: "grid", axes: (
                algorithm: [Backprop, Dfa, Drtp, LocalLoss(CrossEntropy)], hidden: [[8, 8], [8]],
                learning_rate: Linear(from: 0.001, to: 0.05, step: 0.001),
            )),
            Train(name: "trials", dataset: "images", grid: "grid", epochs: {EPOCHS}, batch_size: 20, seeds: 5),
            Summarize(name: "report", of: ["trials"], metric: "error_rate/validation", baseline: Backprop),
        ])"#
    );
    Pipeline::parse("bench.ron", &text).expect("the text is a pipeline")
}

/// Gives every trial of `pipeline` a result.
fn finish_all(laboratory: &Laboratory<'_>, pipeline: &Pipeline) {
    let made = Provenance::of_this_machine("bench", "cpu", Duration::ZERO);
    for plan in laboratory.plan(pipeline).expect("the store is empty") {
        let StagePlan::Train { trials, .. } = plan else { continue };
        assert_eq!(trials.len(), TRIALS);
        for (number, planned) in trials.iter().enumerate() {
            let work = laboratory.store.begin(&planned.key_text).expect("the folder can be written");
            work.write("history.csv", history(number).as_bytes()).expect("the folder can be written");
            let result = format!("(outcome: Finished, epochs: {EPOCHS})");
            work.write("result.ron", result.as_bytes()).expect("the folder can be written");
            work.publish(made.clone(), &[]).expect("the folder can be written");
        }
    }
}

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
