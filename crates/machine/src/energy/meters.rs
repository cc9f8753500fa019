//! The meters of this machine.

use std::path::{Path, PathBuf};

use nvml_wrapper::Nvml;

use super::{
    counter::{Counter, Reading},
    rapl::{self, Package},
};
use crate::{NoNvidia, nvidia};

/// What counts energy here; of each kind, why nothing does.
pub struct Meters {
    gpus: Result<Gpus, NoMeter>,
    packages: Result<Vec<Package>, NoMeter>,
}

/// GPUs that count.
struct Gpus {
    nvml: Nvml,
    uuids: Vec<String>,
}

/// Why nothing counts energy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMeter {
    /// There is no GPU to count for.
    #[error(transparent)]
    NoGpu(#[from] NoNvidia),
    /// A GPU has no counter.
    #[error("{gpu} does not count its energy: {reason}")]
    NotCounted {
        /// Its name.
        gpu: String,
        /// What the driver says.
        reason: String,
    },
    /// The system shows no package's counter.
    #[error("no processor package counts its energy: no folder `intel-rapl:*` of one in {}", root.display())]
    NoPackage {
        /// Where it was looked for.
        root: PathBuf,
    },
    /// The system shows a counter, and not to this user.
    #[error("cannot read {}: {reason}", file.display())]
    Unreadable {
        /// The counter.
        file: PathBuf,
        /// What the system says.
        reason: String,
    },
}

impl NoMeter {
    /// The way out.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoGpu(reason) => reason.hint().to_owned(),
            Self::NotCounted { .. } => "GPUs of the Volta generation and later count it, not those that are divided".to_owned(),
            Self::NoPackage { .. } => {
                "`sudo modprobe intel_rapl_msr` loads Linux' driver (AMD's processors, too); virtual machines mostly have none"
                    .to_owned()
            }
            Self::Unreadable { file, .. } => {
                format!("only root may read it by default: `sudo chmod a+r {}`, anew after every start", file.display())
            }
        }
    }
}

impl Meters {
    /// Looks for all of them.
    #[must_use]
    pub fn of_this_machine() -> Self {
        Self { gpus: Gpus::open(), packages: rapl::packages(Path::new(rapl::ROOT)) }
    }

    /// How many GPUs are counted.
    ///
    /// # Errors
    /// If none is, why.
    pub fn gpus(&self) -> Result<usize, &NoMeter> {
        self.gpus.as_ref().map(|gpus| gpus.uuids.len())
    }

    /// How many processor packages are counted.
    ///
    /// # Errors
    /// If none is, why.
    pub fn packages(&self) -> Result<usize, &NoMeter> {
        self.packages.as_ref().map(Vec::len)
    }

    pub(super) fn read(&self) -> Reading {
        let packages = self.packages.as_ref().ok();
        Reading {
            gpus: self.gpus.as_ref().ok().and_then(Gpus::read),
            packages: packages.and_then(|packages| packages.iter().map(Package::read).collect()),
        }
    }
}

impl Gpus {
    /// Those that this process may use; each of them must count.
    fn open() -> Result<Self, NoMeter> {
        let nvml = nvidia::open()?;
        let mut uuids = Vec::new();
        for device in nvidia::visible_devices(&nvml)? {
            let not_counted = |error: nvml_wrapper::error::NvmlError| NoMeter::NotCounted {
                gpu: device.name().unwrap_or_else(|_| "a GPU".to_owned()),
                reason: error.to_string(),
            };
            device.total_energy_consumption().map_err(not_counted)?;
            uuids.push(device.uuid().map_err(not_counted)?);
        }
        Ok(Self { nvml, uuids })
    }

    fn read(&self) -> Option<Vec<Counter>> {
        let count = |uuid: &String| {
            let millijoules =
                self.nvml.device_by_uuid(uuid.as_str()).ok()?.total_energy_consumption().ok()?;
            // Millijoules in 64 bits: since the driver was loaded, it never gets there.
            Some(Counter { microjoules: millijoules.saturating_mul(1000), range: None })
        };
        self.uuids.iter().map(count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_has_meters_or_reasons() {
        let meters = Meters::of_this_machine();
        let Reading { gpus, packages } = meters.read();
        assert_eq!(gpus.map(|counters| counters.len()), meters.gpus().ok());
        assert_eq!(packages.map(|counters| counters.len()), meters.packages().ok());
        for reason in [meters.gpus().err(), meters.packages().err()].into_iter().flatten() {
            assert!(!reason.to_string().is_empty() && !reason.hint().is_empty());
        }
    }

    #[test]
    fn a_counter_that_only_root_may_read_is_named_with_the_command_that_opens_it() {
        let file = PathBuf::from("/sys/class/powercap/intel-rapl:0/energy_uj");
        let reason = NoMeter::Unreadable { file, reason: "Permission denied (os error 13)".to_owned() };
        assert_eq!(
            reason.to_string(),
            "cannot read /sys/class/powercap/intel-rapl:0/energy_uj: Permission denied (os error 13)"
        );
        assert!(reason.hint().contains("sudo chmod a+r /sys/class/powercap/intel-rapl:0/energy_uj"));
    }
}
