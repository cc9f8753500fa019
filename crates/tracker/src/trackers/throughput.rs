//! Training speed: `examples_per_second` of each trial, without evaluation, but with the time that other trackers take. It
//! differs from run to run, so it is not part of a trial's history.

use kernels::Kernels;
use settings::{Place, Quantity};

use super::common_reading;
use crate::{Pace, Reading};

const RATE: Quantity = Quantity::named("examples_per_second");

pub(super) fn measure<B: Kernels>(pace: Pace) -> Reading<B> {
    common_reading(Place::Machine, RATE, pace.examples as f64 / pace.seconds)
}
