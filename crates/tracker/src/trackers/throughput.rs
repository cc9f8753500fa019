//! How fast does it train? `examples_per_second` of each trial, without evaluation, with what other trackers take. It differs from run to run, so it is
//! no part of a trial's history.

use model::Kernels;

use crate::{Gauge, Pace, Reading, StepInEpoch, Value};
use settings::{Metric, Place, Quantity};

const RATE: Quantity = Quantity::named("examples_per_second");

pub(super) struct Throughput;

impl<B: Kernels> Gauge<B> for Throughput {
    fn looks_at(&self, _: StepInEpoch) -> bool {
        false
    }

    fn time(&self, pace: Pace) -> Vec<Reading<B>> {
        let value = Value::Common(pace.examples as f64 / pace.seconds);
        vec![Reading { metric: Metric::At { place: Place::Machine, quantity: RATE }, value }]
    }
}
