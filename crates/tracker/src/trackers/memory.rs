//! What does a rule have to keep? `activation_bytes`: bytes of one trial that a step holds beside the batch, the
//! parameters and the optimizer's state: of each hidden layer (outputs, slopes, batch norm's values, masks, deltas), and of
//! the whole network, with the error at the logits, at the most at one time. What an operation needs only while it runs,
//! like the projection of a local loss, is not counted.

use model::Kernels;

use super::hidden_layers;
use crate::{Gauge, Held, Reading, StepInEpoch, Value};
use settings::{Metric, Place, Quantity, Sampled};

const BYTES: Quantity = Quantity::named("activation_bytes");

pub(super) struct Memory(pub Sampled);

impl<B: Kernels> Gauge<B> for Memory {
    fn looks_at(&self, step: StepInEpoch) -> bool {
        self.0.includes(step.step)
    }

    fn weigh(&self, held: &Held) -> Vec<Reading<B>> {
        hidden_layers()
            .zip(held.layers().iter().copied())
            .chain([(Place::Network, held.peak())])
            .map(|(place, bytes)| Reading {
                metric: Metric::At { place, quantity: BYTES },
                value: Value::Common(bytes as f64),
            })
            .collect()
    }
}
