//! How fast is it, and against what?
//!
//! Whatever is compared alternates in one run: on a machine that others use, too, only ratios of neighbours mean
//! anything. A [`Group`] is one piece of work and everybody who does it; the first one is what the others are held
//! against.

mod case;
mod files;
mod grid;
mod images;
mod kernels;
mod memory;
mod peers;
mod products;
mod report;
mod rounds;
mod steps;
mod summaries;
mod trackers;

pub use case::{Case, Shape};
pub use peers::{PeerError, Peers};
pub use report::{Comparison, Entry, Group, Report, Unit};
pub use rounds::Effort;

/// Measures everything of `parts`, telling `progress` what comes next.
///
/// # Errors
/// If a peer cannot be started, or does not answer as it should.
pub fn measure(
    parts: &[Part],
    effort: &Effort,
    peers: &mut Peers,
    progress: &dyn Fn(&str),
) -> Result<Vec<Group>, PeerError> {
    let mut groups = Vec::new();
    for part in parts {
        match part {
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
    Ok(groups)
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
}

impl Part {
    /// In the order of a report.
    pub const ALL: [Self; 6] =
        [Self::Steps, Self::Kernels, Self::Grid, Self::Memory, Self::Trackers, Self::Files];
}
