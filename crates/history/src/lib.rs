//! How are measurements stored and shown?
//!
//! - [`History`]: the values of a trial, epoch by epoch, and their CSV text, which ranking and reports read.
//! - [`Event`] and [`EventFile`]: the same values as a TensorBoard event file.
//! - [`hparams`]: the events of TensorBoard's HPARAMS tab; [`band`]: those of a mean over seeds.
//! - [`Exhibit`]: histograms and pictures.
//!
//! Pure functions turn values into events. Only [`EventFile`] writes to a disk, and nothing here reads a clock: the caller
//! passes `now`.
//!
//! ```
//! # use std::time::{Duration, SystemTime};
//! # use history::{Epoch, Event, EventFile, History};
//! # use settings::{Metric, Split};
//! # let folder = tempfile::tempdir()?;
//! # let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
//! let epoch = Epoch { epoch: 1, values: vec![(Metric::Loss(Split::Train), 2.3)] };
//! let mut file = EventFile::create(folder.path(), epoch.epoch, now)?;
//! file.append(&Event::scalars(epoch.epoch, now, &epoch.values))?;
//! file.flush()?;
//! file.finish()?;
//!
//! let mut history = History::default();
//! history.push(epoch)?;
//! assert_eq!(history.to_csv(), "epoch,loss/train\n1,2.3\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod band;
mod error;
mod event;
mod event_file;
mod exhibit;
mod history;
mod history_csv;
pub mod hparams;
mod pictures;

pub use error::Error;
pub use event::Event;
pub use event_file::EventFile;
pub use exhibit::{Content, Exhibit, Histogram, Picture, Tiles};
pub use history::{Epoch, History};
pub use pictures::{Shown, pictures};
