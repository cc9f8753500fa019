//! What is measured while training, and where does it go?
//!
//! - [`Metric`]: the names of the measured quantities, exactly as TensorBoard shows them;
//! - [`History`]: the values of a trial, epoch by epoch, and their CSV text: the truth that ranking and reports read;
//! - [`Event`] and [`EventFile`]: the same values as a TensorBoard event file: the live view;
//! - [`hparams`]: the events of TensorBoard's HPARAMS tab; [`band`]: those of a mean over seeds;
//! - [`Tracker`]: what else can be measured. A [`Gauge`] looks at a training step ([`Inspection`]), at an
//!   [`Evaluation`], at what a step [`Held`] or at an epoch's [`Pace`], and changes nothing.
//!
//! Values become events in pure functions; only [`EventFile`] touches a disk, and nobody here reads a clock: the
//! caller passes `now`.
//!
//! ```
//! # use std::time::{Duration, SystemTime};
//! # use tracker::{Epoch, Event, EventFile, History, Metric, Split};
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
mod gauge;
mod held;
mod history;
mod history_csv;
pub mod hparams;
mod inspection;
mod metric;
mod shown;
mod trackers;
mod weight_gradients;

pub use error::Error;
pub use event::Event;
pub use event_file::EventFile;
use exhibit::Tiles;
pub use exhibit::{Content, Exhibit, Histogram, Picture};
pub use gauge::{Gauge, Pace, Reading, StepInEpoch, Value};
pub use held::Held;
pub use history::{Epoch, History};
pub use inspection::{Evaluation, Inspection};
pub use metric::{Metric, Place, Quantity, Split};
pub use shown::{Shown, pictures};
pub use trackers::{Sampled, SampledEpochs, Tracker};
