//! A trial's key and its stored result.

mod key;
mod result;

pub use key::{DATASET, NUMERICS_REVISION, TRIAL, dataset_key_text, trial_key_text};
pub use result::{
    EVENT_FILES, HISTORY, MACHINE, PlannedTrial, RESULT, TrialResult, WEIGHTS, history, machine,
};
