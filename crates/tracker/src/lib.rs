//! What is measured while a network trains?
//!
//! The list of trackers is [`gauge()`], their names are [`settings::Tracker`]. A [`Gauge`] reads a training step
//! ([`Inspection`]), an [`Evaluation`], the memory that a step [`Held`] or an epoch's [`Pace`], and changes nothing.
//! `history` keeps and shows its values.

mod eigenvalues;
mod gauge;
mod held;
mod inspection;
mod trackers;
mod weight_gradients;

pub use gauge::{Gauge, Pace, Reading, StepInEpoch, Value};
pub use held::Held;
pub use inspection::{Evaluation, Inspection};
pub use trackers::gauge;
