//! How are measurements stored and shown?
//!
//! - [`History`]: the values of a trial, epoch by epoch, and their CSV text, which ranking and reports read.
//! - [`Event`] and [`EventFile`]: the same values as a TensorBoard event file.
//! - [`hparams`]: the events of TensorBoard's HPARAMS tab; [`band`]: those of a mean over seeds.
//! - [`Exhibit`]: histograms and pictures.
//!
//! Pure functions turn values into events. Only [`EventFile`] writes to a disk, and nothing here reads a clock: the caller
//! passes `now`.

pub mod band;
mod error;
mod event;
mod event_file;
mod exhibit;
mod history;
mod history_csv;
pub mod hparams;
mod reading;

pub use error::Error;
pub use event::Event;
pub use event_file::EventFile;
pub use exhibit::{Content, Exhibit, Histogram, Picture, Tiles};
pub use history::{Epoch, History};
pub use reading::{Kind, Shown, pictures, values};
