//! A trial's key and its stored result.

mod beginning;
mod key;
mod result;

pub use beginning::{find_beginnings, training};
pub use key::{DATASET, NUMERICS_REVISION, TRIAL, dataset_key_text, trial_key_text};
pub use result::{
    Beginning, EVENT_FILES, HISTORY, MACHINE, PlannedTrial, RESULT, STATE, TrialResult, WEIGHTS, history,
    machine,
};
