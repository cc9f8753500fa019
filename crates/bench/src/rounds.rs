//! Contestants that take turns.

use std::time::Instant;

/// How long is measured.
#[derive(Clone, Debug)]
pub struct Effort {
    /// Every contestant is timed so often, in turn.
    pub rounds: usize,
    /// Seconds that one timing should take.
    pub seconds: f64,
    /// Threads that each contestant may use.
    pub threads: usize,
    /// Only groups whose title holds this text; empty for all.
    pub only: String,
}

impl Effort {
    pub(crate) fn includes(&self, title: &str) -> bool {
        title.contains(&self.only)
    }
}

/// Somebody who does a piece of work again and again.
pub(crate) trait Contestant {
    /// Does it `times` times; the seconds that took.
    ///
    /// # Errors
    /// Of a contestant in another process.
    fn run(&mut self, times: usize) -> Result<f64, crate::PeerError>;
}

/// Work in this process.
pub(crate) struct Here<F: FnMut(usize)>(pub F);

impl<F: FnMut(usize)> Contestant for Here<F> {
    fn run(&mut self, times: usize) -> Result<f64, crate::PeerError> {
        let start = Instant::now();
        (self.0)(times);
        Ok(start.elapsed().as_secs_f64())
    }
}

/// Seconds per piece of work: `[contestants][rounds]`.
///
/// # Errors
/// The first one of any contestant.
pub(crate) fn alternate(
    contestants: &mut [Box<dyn Contestant + '_>],
    effort: &Effort,
) -> Result<Vec<Vec<f64>>, crate::PeerError> {
    let mut times = Vec::new();
    for contestant in contestants.iter_mut() {
        contestant.run(1)?;
        let once = contestant.run(2)? / 2.0;
        times.push(((effort.seconds / once) as usize).clamp(1, 100_000));
    }
    let mut samples = vec![Vec::new(); contestants.len()];
    for _ in 0..effort.rounds {
        for ((contestant, &times), samples) in contestants.iter_mut().zip(&times).zip(&mut samples) {
            samples.push(contestant.run(times)? / times as f64);
        }
    }
    Ok(samples)
}

/// Runs `work` as the only busy thread of a crew with so many threads.
pub(crate) fn with_threads<T>(threads: usize, work: impl FnOnce() -> T) -> T {
    let mut places = crew::places(threads);
    let own = places.remove(0);
    let mut result = None;
    std::thread::scope(|scope| {
        for place in places {
            scope.spawn(move || place.take_part(|| ()));
        }
        own.take_part(|| result = Some(work()));
    });
    result.expect("the work was done")
}
