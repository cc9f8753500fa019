//! Who is told what happens in training, and decides who goes on.

use std::time::Duration;

use history::{Epoch, Exhibit};
use model::checkpoint::Array;

/// Watches a population train. Trials are named by their index in the population.
pub trait Observer {
    /// A trial has finished an epoch; does it go on? Not asked about the last epoch: its answer changes nothing, but
    /// the call is made.
    fn epoch(&mut self, trial: usize, epoch: Epoch) -> Verdict;

    /// What trackers show of a trial's epoch, before its [`epoch`](Self::epoch) call.
    fn exhibit(&mut self, _trial: usize, _epoch: u32, _exhibits: Vec<Exhibit>) {}

    /// A trial has left the population with these final arrays, after its last `epoch` call.
    fn finished(&mut self, trial: usize, arrays: Vec<Array>);

    /// Asked after an epoch of a trial that goes on: is its state wanted?
    fn wants_state(&self, _trial: usize) -> bool {
        false
    }

    /// The wanted state of a trial after `epoch`: from it, the trial goes on to the same bits.
    fn state(&mut self, _trial: usize, _epoch: u32, _state: Vec<Array>) {}

    /// Asked before every step, and after every epoch with nothing `left`: must the whole population stop now? `left` is
    /// about what the epoch's training still takes.
    fn interrupted(&self, left: Duration) -> bool;
}

/// What becomes of a trial after an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It trains the next epoch, if there is one.
    Continue,
    /// It leaves the population.
    Leave,
}
