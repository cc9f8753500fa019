//! Memory that a rule needs: `activation_bytes`, the bytes that a step holds for one trial in addition to the batch, the
//! parameters and the optimizer's state. For each hidden layer these are outputs, slopes, batch norm's values, masks and
//! deltas; for the whole network it is the peak, with the error at the logits. Temporary results within an operation, like
//! the projection of a local loss, are not counted.

use kernels::Kernels;
use settings::{Place, Quantity};

use super::{common_reading, hidden_layers};
use crate::{HeldMemory, Reading};

const BYTES: Quantity = Quantity::named("activation_bytes");

pub(super) fn measure<B: Kernels>(held_memory: &HeldMemory) -> Vec<Reading<B>> {
    hidden_layers()
        .zip(held_memory.layers().iter().copied())
        .chain([(Place::Network, held_memory.peak())])
        .map(|(place, bytes)| common_reading(place, BYTES, bytes as f64))
        .collect()
}
