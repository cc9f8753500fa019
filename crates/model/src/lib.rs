//! Fully connected networks: layers, objectives, the optimizer, and the kernels of a training step.
//!
//! One network object holds the networks of a whole population. Every tensor has a leading `trials` axis: weights are
//! `[trials, inputs, outputs]`, in the order that the backend's products read, and activations `[trials, batch, units]`. There is no automatic differentiation: a layer
//! computes its gradients from the teaching signal at its output, and does not know the source of that signal.

mod batch_norm;
pub mod checkpoint;
mod dropout;
pub mod initialization;
mod input;
mod kernels;
mod layer;
mod network;
mod objective;
mod optimizer;
mod parameter;
mod weights;

pub use batch_norm::{BATCH_NORM_EPSILON, BatchNorm, Normalized};
pub use dropout::{DrawnMasks, DropoutRates, GivenMasks, Masks};
pub use input::{Input, Sets, part};
pub use kernels::{
    Activated, BatchKernels, ElementwiseKernels, ImageSet, ImageTransform, Images, Kernels, LEAK,
    LayerDropout, NormalizationKernels, ProductKernels, ReductionKernels, UpdateKernels, WeightUpdate,
};
pub use layer::{Delta, Gradients, Layer, LayerUpdate, Trace, bytes_per_trial};
pub use network::{Architecture, Network, stack};
pub use objective::{Objective, OutputError, Squash};
pub use optimizer::{AdamStep, bias_correction};
pub use parameter::{Moments, Parameter, PerTrial};
pub use weights::Weights;
