//! The influence of hyperparameters: a map of the two strongest axes, and the importance of each.

use super::{heat_map, importance};
use crate::study::Study;

pub fn body(study: &Study) -> Option<String> {
    let parts = [heat_map::body(study), importance::body(study)];
    parts.iter().any(Option::is_some).then(|| parts.into_iter().flatten().collect())
}
