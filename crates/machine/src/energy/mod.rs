//! The energy that trials use.
//!
//! - [`Meters`]: the energy counters of this machine, one for each GPU and one for each processor package (RAPL);
//! - [`Share`]: the part of that energy that belongs to trials that train together.
//!
//! A counter counts all energy of its GPU or package, other programs' included. The energy between two readings is divided in equal parts
//! among all trials that this process trained meanwhile, so that the shares of a process add up to the total.

mod counter;
mod meters;
mod no_meter;
mod rapl;
mod share;

pub use meters::Meters;
pub use no_meter::NoMeter;
pub use share::Share;

/// Energy in joules; absent for a kind of which a counter could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Energy {
    pub gpu: Option<f64>,
    pub cpu: Option<f64>,
}
