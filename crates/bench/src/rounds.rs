//! Timing in rounds: contestants take turns, so that other load on the machine slows all of them alike.

use std::{thread, time::Instant};

use crate::report::Entry;

/// One way to do a piece of work.
pub struct Contestant<'a> {
    pub name: String,
    /// Does the work the given number of times and returns the seconds that this took.
    run: Box<dyn FnMut(usize) -> anyhow::Result<f64> + 'a>,
}

impl<'a> Contestant<'a> {
    /// Wraps work that is timed in another process.
    pub fn elsewhere(name: impl Into<String>, run: impl FnMut(usize) -> anyhow::Result<f64> + 'a) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }

    /// Wraps work in this process that repeats itself the given number of times.
    pub fn here(name: impl Into<String>, mut work: impl FnMut(usize) + 'a) -> Self {
        Self::elsewhere(name, move |times| {
            let start = Instant::now();
            work(times);
            Ok(start.elapsed().as_secs_f64())
        })
    }

    /// Wraps work in this process that does not repeat itself.
    pub fn once(name: impl Into<String>, mut work: impl FnMut() + 'a) -> Self {
        Self::here(name, move |times| (0..times).for_each(|_| work()))
    }

    /// Keeps the work on a single thread.
    pub fn alone(mut self) -> Self {
        Self { name: self.name, run: Box::new(move |times| threads::alone(|| (self.run)(times))) }
    }
}

/// How long and how often contestants are timed.
#[derive(Clone, Copy)]
pub struct Effort {
    /// The number of times that every contestant is timed.
    pub rounds: usize,
    /// The seconds that one timing should take.
    pub seconds: f64,
    /// Threads that each contestant may use.
    pub threads: usize,
}

/// Times the contestants in rounds; returns their seconds per piece of work.
pub fn time(mut contestants: Vec<Contestant<'_>>, effort: Effort) -> anyhow::Result<Vec<Entry>> {
    let mut places = threads::places(effort.threads);
    let own = places.remove(0);
    let mut entries = Ok(Vec::new());
    thread::scope(|scope| {
        for place in places {
            scope.spawn(move || place.take_part(|| ()));
        }
        own.take_part(|| entries = rounds(&mut contestants, effort));
    });
    entries
}

fn rounds(contestants: &mut [Contestant<'_>], effort: Effort) -> anyhow::Result<Vec<Entry>> {
    let (mut times, mut entries) = (Vec::new(), Vec::new());
    for contestant in contestants.iter_mut() {
        // The first repetition may compile or allocate.
        (contestant.run)(1)?;
        let seconds = (contestant.run)(2)? / 2.0;
        times.push(((effort.seconds / seconds) as usize).clamp(1, 100_000));
        entries.push(Entry { name: contestant.name.clone(), values: Vec::new() });
    }
    for _ in 0..effort.rounds {
        for ((contestant, &times), entry) in contestants.iter_mut().zip(&times).zip(&mut entries) {
            entry.values.push((contestant.run)(times)? / times as f64);
        }
    }
    Ok(entries)
}
