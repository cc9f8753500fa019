//! What is read and written beside the training: batches, event files, the store.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use data::{Dataset, DatasetSettings, Glyphs, Source, batch_order};
use pipeline::store::{Key, KeyText, Provenance, Store};
use tempfile::TempDir;
use tracker::{Event, EventFile, Metric, Split};

use crate::{
    Effort, Group,
    rounds::{Contestant, Here, alternate, with_threads},
};

/// Scalars of an epoch, for a trial with a few trackers.
const SCALARS: usize = 20;

/// Names of what was timed, and its seconds per round.
type Timed = (Vec<String>, Vec<Vec<f64>>);

/// A name, and what to do a number of times.
type Named<'a> = (&'static str, Box<dyn FnMut(usize) + 'a>);

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
    groups
}

fn timed(effort: &Effort, work: &mut [Named<'_>]) -> Timed {
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
