//! Which trials end early, and which configuration is best?
//!
//! [`Judge`] decides when a trial ends, [`ranking`] ranks configurations over their seeds. Both compute plain values from plain
//! values.

mod early_stopping;
mod judge;
pub mod ranking;

pub use early_stopping::{EarlyStopping, Patience};
pub use judge::{Judge, Outcome};
