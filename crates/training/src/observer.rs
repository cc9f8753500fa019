//! The contract between the training loop and its caller.

use std::time::Duration;

use history::{Epoch, Exhibit};
use model::checkpoint::Array;

/// Receives the results of a population while it trains, and decides which trials continue. Trials are given by their index in
/// the population.
pub trait Observer {
    /// Takes the metrics of a trial's epoch and returns whether the trial continues. The verdict on the last epoch is ignored.
    fn epoch(&mut self, trial: usize, epoch: Epoch) -> Verdict;

    /// Takes the trackers' exhibits of a trial's epoch, before its [`epoch`](Self::epoch) call.
    fn exhibit(&mut self, _trial: usize, _epoch: u32, _exhibits: Vec<Exhibit>) {}

    /// Whether the arrays of a trial should be kept. Called after each [`epoch`](Self::epoch) call.
    fn wants_arrays(&self, _trial: usize) -> bool {
        false
    }

    /// Takes the arrays of a trial after the epoch.
    fn arrays(&mut self, _trial: usize, _arrays: &[Array]) {}

    /// Whether the final state of a trial should be kept. Called after the last epoch of a trial that did not end early.
    fn keeps_state(&self, _trial: usize) -> bool {
        false
    }

    /// Takes the final arrays of a trial that has left the population, after its last `epoch` call, and its state if
    /// [`keeps_state`](Self::keeps_state) asked for it. A trial of more epochs that begins from it ends with the same bits as from the
    /// beginning.
    fn finished(&mut self, trial: usize, arrays: Vec<Array>, state: Option<Vec<Array>>);

    /// Whether the state of a trial should be saved. Called after an epoch of a trial that continues.
    fn wants_state(&self, _trial: usize) -> bool {
        false
    }

    /// Takes the state of a trial after `epoch`. A trial that resumes from it ends with the same bits.
    fn state(&mut self, _trial: usize, _epoch: u32, _state: Vec<Array>) {}

    /// Whether the whole population must stop now. Called before every step with the estimated time that is `left` of the
    /// epoch's training, and after every epoch with zero.
    fn interrupted(&self, left: Duration) -> bool;
}

/// The decision about a trial after an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The trial trains the next epoch, if there is one.
    Continue,
    /// The trial leaves the population.
    Leave,
}
