//! Which quantities are measured while a network trains?
//!
//! The list of trackers is [`measurements()`], their names are [`settings::Tracker`]. A [`Measurement`] reads a training step
//! ([`Inspection`]), an [`Evaluation`], the memory that a step held ([`HeldMemory`]) or an epoch's [`Pace`], and changes
//! nothing. `history` keeps and shows the values.

mod eigenvalues;
mod held_memory;
mod inspection;
mod measurement;
mod trackers;
mod weight_gradients;

pub use held_memory::HeldMemory;
pub use inspection::{Evaluation, Inspection};
pub use measurement::{Measurement, Meter, Pace, Reading, StepInEpoch, Value};
pub use trackers::measurements;
