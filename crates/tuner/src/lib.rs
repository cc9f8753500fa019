//! Which trials end early, and which configuration is best?
//!
//! [`Judge`] decides when a trial ends, [`ranking`] which configurations are best over their seeds. Plain values in, plain
//! values out: nothing here trains, draws or writes.

mod early_stopping;
mod judge;
pub mod ranking;

pub use early_stopping::{EarlyStopping, Patience};
pub use judge::{Judge, Outcome};
