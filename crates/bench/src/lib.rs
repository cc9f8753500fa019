//! How fast is it, and against what?
//!
//! Whatever is compared alternates in one run: on a machine that others use, too, only ratios of neighbours mean
//! anything. A [`Group`] is one piece of work and everybody who does it; the first one is what the others are held
//! against.

mod case;
mod claims;
mod default_grid;
mod files;
mod grid;
mod images;
mod kernels;
mod memory;
mod peers;
mod populations;
mod products;
mod report;
mod rounds;
mod steps;
mod summaries;
mod trackers;
mod vectors;

use std::path::PathBuf;

pub use case::{Case, Shape};
pub use claims::{Bound, Claim, Found};
use engine::{Device, DeviceError, VectorsError};
pub use peers::{Absent, PeerError, Peers};
pub use report::{Comparison, Entry, Group, Report, Unit};
pub use rounds::Effort;

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A peer does not answer as it should.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The golden vectors cannot be read.
    #[error(transparent)]
    Vectors(#[from] VectorsError),
}

/// Where populations are trained, and of which sizes.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Of populations and golden vectors; everything else is measured on the CPU.
    pub device: Device,
    /// Trials of each population; those that memory does not hold are left out.
    pub populations: Vec<usize>,
    /// Folder of the golden vectors.
    pub vectors: PathBuf,
}

impl Setting {
    /// The sizes that are tried by default: three seeds each, and one trial alone.
    pub const POPULATIONS: [usize; 9] = [1, 3, 12, 48, 96, 192, 384, 768, 1536];
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// In the order of measurement.
    pub groups: Vec<Group>,
    /// What was promised of them.
    pub claims: Vec<Claim>,
}

/// Measures everything of `parts`, telling `progress` what comes next.
///
/// # Errors
/// If a peer does not answer as it should, the device cannot be used, or the golden vectors cannot be read.
pub fn measure(
    parts: &[Part],
    setting: &Setting,
    effort: &Effort,
    peers: &mut Peers,
    progress: &dyn Fn(&str),
) -> Result<Measured, BenchError> {
    let mut measured = Measured::default();
    for part in parts {
        let groups = &mut measured.groups;
        match part {
            Part::Populations => measured.add(populations::measure(setting, effort, peers, progress)?),
            Part::Golden => measured.add(vectors::measure(setting, effort, progress)?),
            Part::Steps => groups.extend(steps::measure(effort, peers, progress)?),
            Part::Kernels => groups.extend(kernels::measure(effort, progress)),
            Part::Grid => groups.extend(grid::measure(effort, progress)),
            Part::Memory => groups.extend(memory::measure(effort, progress)),
            Part::Trackers => groups.extend(trackers::measure(effort, progress)),
            Part::Files => {
                groups.extend(images::measure(effort, progress));
                groups.extend(files::measure(effort, progress));
            }
        }
    }
    Ok(measured)
}

impl Measured {
    fn add(&mut self, other: Self) {
        self.groups.extend(other.groups);
        self.claims.extend(other.claims);
    }
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A training step of each rule, beside its matrix products alone and beside the peers.
    Steps,
    /// The operations that a step is made of.
    Kernels,
    /// Many small trials: one by one, as one tensor program, and one per core.
    Grid,
    /// What a step of each rule holds in memory beside weights and optimizer state.
    Memory,
    /// What each tracker costs.
    Trackers,
    /// What is read and written beside the training: datasets, event files, the store.
    Files,
    /// Populations of many sizes, beside the peers and beside what memory allows.
    Populations,
    /// The golden vectors.
    Golden,
}

impl Part {
    /// What is measured of `device` unless something else is asked for, in the order of a report.
    #[must_use]
    pub fn of(device: Device) -> &'static [Self] {
        match device {
            Device::Cpu => {
                &[Self::Steps, Self::Kernels, Self::Grid, Self::Memory, Self::Trackers, Self::Files]
            }
            Device::Cuda => &[Self::Golden, Self::Populations],
        }
    }

    /// Can it be measured on `device`?
    #[must_use]
    pub fn is_of(self, device: Device) -> bool {
        device == Device::Cpu || matches!(self, Self::Populations | Self::Golden)
    }
}
