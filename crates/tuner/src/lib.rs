//! What is there to train, who may stop, and who was best?
//!
//! From axes to configurations ([`Axes`]), from configurations and seeds to trials, from trials of equal shape to
//! populations ([`populations`]); when a trial ends ([`Judge`]); and whose results are best over seeds
//! ([`ranking`]). Values in, values out: nothing here trains, draws or writes.

mod axes;
mod axis;
mod configuration;
mod early_stopping;
mod judge;
mod population;
pub mod ranking;
mod task;

pub use axes::Axes;
pub use axis::{Axis, AxisPoint};
pub use configuration::Configuration;
pub use early_stopping::{EarlyStopping, Patience};
pub use judge::{Judge, Outcome};
pub use population::{Schedule, Trial, population, populations};
pub use task::Task;
