//! What is read and written beside the training: batches, event files, the store.

use std::{
    path::Path,
    sync::atomic::AtomicBool,
    time::{Duration, SystemTime},
};

use data::{Dataset, DatasetSettings, Glyphs, Source, batch_order};
use engine::Device;
use pipeline::{
    file::Pipeline,
    plan::{Laboratory, StagePlan},
    progress::{Progress, Reporter},
    run::RunSettings,
    store::{Key, KeyText, Provenance, Store},
};
use tempfile::TempDir;
use tracker::{Event, EventFile, Metric, Split};

use crate::{
    Effort, Group,
    rounds::{Contestant, Here, alternate, with_threads},
};

/// Scalars of an epoch, for a trial with a few trackers.
const SCALARS: usize = 20;

/// Names of what was timed, and its seconds per round.
pub(crate) type Timed = (Vec<String>, Vec<Vec<f64>>);

/// A name, and what to do a number of times.
pub(crate) type Named<'a> = (&'static str, Box<dyn FnMut(usize) + 'a>);

pub(crate) fn measure(effort: &Effort, progress: &dyn Fn(&str)) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut add = |title: &str, measure: fn(&Effort) -> Timed| {
        if effort.includes(title) {
            progress(title);
            let (names, samples) = measure(effort);
            groups.push(Group::new(title.to_owned(), None, names, samples));
        }
    };
    add("10,000 + 2,000 glyphs, drawn, and a batch of 128 of them, gathered", dataset);
    add("an epoch of 20 scalars in an event file", event_file);
    add("a small artifact in the store", store);
    for trials in [1_000, 20_000] {
        let title = format!("a pipeline of {trials} finished trials, twenty to a configuration");
        if effort.includes(&title) {
            progress(&title);
            let (names, samples) = finished(effort, trials);
            groups.push(Group::new(title, None, names, samples));
        }
    }
    groups.extend(crate::summaries::measure(effort, progress));
    groups
}

/// Hears nothing.
struct Nobody;

impl Reporter for Nobody {
    fn report(&self, _: &Progress<'_>) {}
}

/// Plan and run of a pipeline whose trials are all there, made up.
fn finished(effort: &Effort, trials: usize) -> Timed {
    // Without waiting for a disk: only what is read later counts.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    let folder = folder.expect("a temporary folder");
    let text = format!(
        r#"Pipeline(name: "many", stages: [
            Dataset(name: "images", source: Glyphs(train: 100, test: 20)),
            Grid(name: "grid", axes: (
                algorithm: [Dfa], hidden: [[8, 8]],
                learning_rate: Linear(from: 0.001, to: {}, step: 0.001),
            )),
            Train(name: "trials", dataset: "images", grid: "grid", epochs: 3, batch_size: 20, seeds: 20),
            Summarize(name: "report", of: ["trials"], metric: "error_rate/validation"),
        ])"#,
        0.001 * (trials / 20) as f64
    );
    let pipeline = Pipeline::parse("bench.ron", &text).expect("the text is a pipeline");
    let store = Store::open(folder.path()).expect("the folder can be written");
    let laboratory =
        Laboratory { store: store.clone(), data: Path::new(""), device: Device::Cpu, same_build: None };
    let made = Provenance::of_this_machine("bench", "cpu", Duration::ZERO);
    for plan in laboratory.plan(&pipeline).expect("the store is empty") {
        let StagePlan::Train { trials, .. } = plan else { continue };
        for (number, planned) in trials.iter().enumerate() {
            let work = store.begin(&planned.key_text).expect("the folder can be written");
            let history = format!(
                "epoch,loss/train,loss/validation,error_rate/train,error_rate/validation\n1,2,2,{number},{number}\n"
            );
            work.write("history.csv", history.as_bytes()).expect("the folder can be written");
            work.write("result.ron", b"(outcome: Finished, epochs: 1)").expect("the folder can be written");
            work.write("weights.safetensors", &[0; 64]).expect("the folder can be written");
            work.publish(made.clone(), &[]).expect("the folder can be written");
        }
    }
    let interrupt = AtomicBool::new(false);
    let settings = RunSettings {
        jobs: effort.threads,
        largest_population: None,
        memory: None,
        fail_fast: false,
        interrupt: &interrupt,
        reporter: &Nobody,
        build: "bench",
    };
    let plan = |times: usize| {
        (0..times).for_each(|_| drop(laboratory.plan(&pipeline).expect("the store is whole")));
    };
    let run = |times: usize| {
        for _ in 0..times {
            let report = laboratory.run(&pipeline, settings).expect("the store is whole");
            assert_eq!((report.skipped, report.trained), (trials, 0), "everything is there");
        }
    };
    timed(effort, &mut [("plan", Box::new(plan)), ("run, with nothing to do", Box::new(run))])
}

pub(crate) fn timed(effort: &Effort, work: &mut [Named<'_>]) -> Timed {
    let names = work.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut contestants: Vec<Box<dyn Contestant + '_>> = Vec::new();
    for (_, work) in work {
        contestants.push(Box::new(Here(work)));
    }
    let samples = with_threads(effort.threads, || alternate(&mut contestants, effort));
    (names, samples.expect("nothing here asks another process"))
}

fn glyphs() -> Dataset {
    let settings = DatasetSettings::of(Source::Glyphs(Glyphs::default()));
    Dataset::load(&settings, Path::new("")).expect("glyphs need no files")
}

fn dataset(effort: &Effort) -> Timed {
    let dataset = glyphs();
    let view = dataset.train();
    let order = batch_order(0, 1, view.len());
    let (mut images, mut labels) = (vec![0.0; 128 * dataset.shape().pixels()], vec![0; 128]);
    let draw = |times: usize| (0..times).for_each(|_| drop(glyphs()));
    let gather = |times: usize| {
        for step in 0..times {
            let first = step * 128 % (order.len() - 128);
            view.gather(&order[first..first + 128], &mut images, &mut labels);
        }
    };
    timed(effort, &mut [("drawn", Box::new(draw)), ("gathered and scaled, 1 thread", Box::new(gather))])
}

fn event_file(effort: &Effort) -> Timed {
    let folder = TempDir::new().expect("a temporary folder");
    let values = vec![(Metric::Loss(Split::Train), 0.5); SCALARS];
    let mut file = EventFile::create(folder.path(), 1, SystemTime::now()).expect("the folder can be written");
    let write = |times: usize| {
        for _ in 0..times {
            file.append(&Event::scalars(1, SystemTime::now(), &values)).expect("the file can be written");
            file.flush().expect("the file can be written");
        }
    };
    timed(effort, &mut [("written and flushed", Box::new(write))])
}

fn store(effort: &Effort) -> Timed {
    let folder = TempDir::new().expect("a temporary folder");
    let store = Store::open(folder.path()).expect("the folder can be written");
    let key_text = |number: usize| KeyText::new("bench", 1, &number, &[]).expect("a number has a text");
    let made = Provenance::of_this_machine("bench", "cpu", Duration::ZERO);
    let mut published = 0;
    let publish = |times: usize| {
        for _ in 0..times {
            published += 1;
            let work = store.begin(&key_text(published)).expect("the folder can be written");
            work.write("history.csv", &[b'1'; 2000]).expect("the folder can be written");
            work.publish(made.clone(), &[]).expect("the folder can be written");
        }
    };
    let find = |times: usize| {
        for _ in 0..times {
            let found = store.find("bench", &Key::of(&key_text(1)));
            assert!(found.expect("the store can be read").is_some(), "it was published first");
        }
    };
    timed(effort, &mut [("published", Box::new(publish)), ("found", Box::new(find))])
}
