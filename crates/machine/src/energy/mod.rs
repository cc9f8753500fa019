//! How much energy do trials use?
//!
//! - [`Meters`]: what counts energy on this machine: a counter for each GPU, and one for each processor package (RAPL);
//! - [`Share`]: the part of it that belongs to trials that train together.
//!
//! A meter counts what its whole GPU or package uses, whoever caused it. What was used between two readings is divided among all
//! trials that this process trained meanwhile, in equal parts for each. So shares of one process add up to what was used
//! while any of them was open. What other programs use at that time is in it, too.

mod counter;
mod ledger;
mod meters;
mod rapl;
mod share;

pub use meters::{Meters, NoMeter};
pub use share::Share;

/// Joules of each kind of meter; absent where one of its meters could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Energy {
    /// Of GPUs.
    pub gpu: Option<f64>,
    /// Of processor packages.
    pub cpu: Option<f64>,
}
