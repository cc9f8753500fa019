//! Which choices make up a trial?
//!
//! Plain values that every other crate shares: the learning rule, the network, the optimizer's numbers, trackers and metrics.
//! Nothing here computes, reads or writes. The axes of a grid are listed in `axes.rs`: a new axis is an entry there, and the
//! place in `model` or `training` that uses its value.

mod activation;
mod algorithm;
mod axes;
mod axis;
mod configuration;
mod device;
mod forward_forward;
mod initialization;
mod loss;
mod metric;
mod optimizer;
mod precision;
mod schedule;
mod task;
mod tracker;
mod trial;

pub use activation::Activation;
pub use algorithm::{Algorithm, FIRST_REVISION, FeedbackShape, Magnitude, TargetLoss};
pub use axes::{Axes, Axis, Configuration, Selection, visit_axes};
pub use axis::{AxisPoint, AxisValue, AxisVisitor, Definition, Sharing};
pub use device::Device;
pub use forward_forward::{ForwardForward, LabelPlace, LayerOrder, LayerShare, Negatives, Prediction};
pub use initialization::Initialization;
pub use loss::Loss;
pub use metric::{Metric, Place, Quantity, Split, UnknownMetric};
pub use optimizer::{AdamForm, Optimizer, OptimizerKind};
pub use precision::Precision;
pub use schedule::Schedule;
pub use task::Task;
pub use tracker::{Sampled, SampledEpochs, Tracker};
pub use trial::{TrainingSettings, Trial};
