//! Fully connected networks: layers, objectives and initial weights.
//!
//! One network object holds the networks of a whole population. Every tensor has a leading `trials` axis: weights are
//! `[trials, inputs, outputs]`, in the order that the backend's products read, and activations `[trials, batch, units]`. There is no automatic differentiation: a layer
//! computes its gradients from the teaching signal at its output, and does not know the source of that signal.

mod batch_norm;
pub mod checkpoint;
mod dropout;
pub mod initialization;
mod layer;
mod network;
mod objective;
mod wiring;

pub use batch_norm::BatchNorm;
pub use dropout::{DrawnMasks, DropoutRates, GivenMasks, Masks, drop_out};
pub use layer::{Delta, Gradients, Layer, LayerUpdate, Trace, bytes_per_trial};
pub use network::{Architecture, Network, stack};
pub use objective::Objective;
pub use wiring::{Labeled, Readout, Wiring};
