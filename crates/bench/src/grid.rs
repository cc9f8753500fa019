//! Many small trials, whole: one after the other, as one tensor program, and one per core as the scheduler does it.

use algorithms::Algorithm;
use data::{Dataset, DatasetSettings, Glyphs, Source};
use engine::{Device, Observer, Population, Precision, Start, Verdict, train};
use model::checkpoint::Array;
use tracker::Epoch;

use crate::{
    Case, Effort, Group, Shape,
    rounds::{Contestant, Here, alternate, with_threads},
};

/// Trains without being watched.
struct Nobody;

impl Observer for Nobody {
    fn epoch(&mut self, _: usize, _: Epoch) -> Verdict {
        Verdict::Continue
    }

    fn finished(&mut self, _: usize, _: Vec<Array>) {}

    fn interrupted(&self, _: std::time::Duration) -> bool {
        false
    }
}

pub(crate) fn measure(effort: &Effort, progress: &dyn Fn(&str)) -> Option<Group> {
    let trials: Vec<(f64, u64)> =
        [1e-4, 3e-4, 1e-3, 3e-3].into_iter().flat_map(|rate| [(rate, 0), (rate, 1)]).collect();
    let hidden = vec![128; 2];
    let shape = Shape { name: "glyphs", inputs: 784, hidden, outputs: 10, batch: 64 };
    let title = format!(
        "a grid of {} trials, dfa, {}, an epoch of 2,000 glyphs each",
        trials.len(),
        shape.describe()
    );
    if !effort.includes(&title) {
        return None;
    }
    progress(&title);
    let settings =
        DatasetSettings::of(Source::Glyphs(Glyphs { train: 2000, test: 500, ..Glyphs::default() }));
    let dataset = Dataset::load(&settings, std::path::Path::new("")).expect("glyphs need no files");
    let case = Case { shape, algorithm: Algorithm::Dfa, precision: Precision::Full, trials };
    let together = case.population();
    let apart: Vec<Population> = case.one_by_one().iter().map(Case::population).collect();
    let run = &|population: &Population| {
        train(Device::Cpu, population, &dataset, &Start::default(), &mut Nobody)
            .expect("the CPU is always there");
    };
    let one_per_core = |times: usize| {
        for _ in 0..times {
            let queue = std::sync::Mutex::new(apart.iter());
            std::thread::scope(|scope| {
                for place in crew::places(effort.threads) {
                    let queue = &queue;
                    scope.spawn(move || {
                        place.take_part(|| {
                            loop {
                                let next = queue.lock().expect("nobody panicked").next();
                                let Some(population) = next else { return };
                                run(population);
                            }
                        });
                    });
                }
            });
        }
    };
    let mut contestants: Vec<Box<dyn Contestant + '_>> = vec![
        Box::new(Here(one_per_core)),
        Box::new(Here(|times| (0..times).for_each(|_| apart.iter().for_each(run)))),
        Box::new(Here(|times| (0..times).for_each(|_| run(&together)))),
    ];
    let names =
        ["one trial per core", "one after the other, on all cores", "one tensor program, on all cores"];
    let samples = with_threads(effort.threads, || alternate(&mut contestants, effort));
    let samples = samples.expect("nothing here asks another process");
    let mut group = Group::new(title, None, names.map(str::to_owned).to_vec(), samples);
    let per_hour = |entry: &crate::Entry| 3600.0 * case.trials.len() as f64 / entry.median();
    let rates: Vec<String> =
        group.entries.iter().map(|entry| format!("{} {:.0}", entry.name, per_hour(entry))).collect();
    group.notes = vec![format!("Trials per hour: {}.", rates.join("; "))];
    Some(group)
}
