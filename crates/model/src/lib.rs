//! What does a network compute?
//!
//! Fully connected layers for a whole population at once: every tensor carries a leading `trials` axis, weights are
//! `[trials, inputs, outputs]` and activations `[trials, batch, units]`. Nothing here differentiates automatically;
//! a layer turns the teaching signal at its output into gradients itself, and does not know where the signal came
//! from.

mod activation;
mod batch_norm;
pub mod checkpoint;
mod dropout;
mod householder;
pub mod initialization;
mod input;
mod kernels;
mod layer;
mod network;
mod objective;
mod optimizer;
mod parameter;

pub use activation::{Activated, LEAK, activate, activate_with_slope};
pub use batch_norm::{BATCH_NORM_EPSILON, BatchNorm, Normalized};
pub use dropout::{DrawnMasks, Dropout, Masks};
pub use input::{Input, Sets, part};
pub use kernels::{Change, Drop, Gallery, Kernels, Pictures, WeightUpdate};
pub use layer::{Delta, Gradients, Layer, LayerUpdate, Trace, bytes_per_trial};
pub use network::{Architecture, Network, stack};
pub use objective::{Objective, OutputError, Squash};
pub use optimizer::{Adam, AdamStep};
pub use parameter::{Moments, Parameter};
