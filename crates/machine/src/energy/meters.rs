//! The energy counters of this machine.

use std::path::Path;

use nvml_wrapper::{Nvml, error::NvmlError};

use super::no_meter::NoMeter;
use super::{
    counter::{Counter, Reading},
    rapl::{self, Package},
};
use crate::nvidia;

/// The counters of each kind, or the reason why there are none.
pub struct Meters {
    gpus: Result<Gpus, NoMeter>,
    packages: Result<Vec<Package>, NoMeter>,
}

struct Gpus {
    nvml: Nvml,
    uuids: Vec<String>,
}

impl Meters {
    pub fn of_this_machine() -> Self {
        Self { gpus: Gpus::open(), packages: rapl::packages(Path::new(rapl::ROOT)) }
    }

    /// Returns the number of GPUs that are counted.
    pub fn gpus(&self) -> Result<usize, &NoMeter> {
        self.gpus.as_ref().map(|gpus| gpus.uuids.len())
    }

    /// Returns the number of processor packages that are counted.
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
    /// Opens the counters of all GPUs that this process may use. Each of them must have one.
    fn open() -> Result<Self, NoMeter> {
        let nvml = nvidia::open()?;
        let mut uuids = Vec::new();
        for device in nvidia::visible_devices(&nvml)? {
            let counted = device.total_energy_consumption().and_then(|_| device.uuid());
            uuids.push(counted.map_err(|error: NvmlError| NoMeter::NotCounted {
                gpu: device.name().unwrap_or_else(|_| "a GPU".to_owned()),
                reason: error.to_string(),
            })?);
        }
        Ok(Self { nvml, uuids })
    }

    fn read(&self) -> Option<Vec<Counter>> {
        self.uuids
            .iter()
            .map(|uuid| {
                let device = self.nvml.device_by_uuid(uuid.as_str()).ok()?;
                // 64 bits of millijoules since the driver was loaded are never full.
                let millijoules = device.total_energy_consumption().ok()?;
                Some(Counter { microjoules: millijoules.saturating_mul(1000), range: None })
            })
            .collect()
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
        let file = std::path::PathBuf::from("/sys/class/powercap/intel-rapl:0/energy_uj");
        let reason = NoMeter::Unreadable { file, reason: "Permission denied (os error 13)".to_owned() };
        assert_eq!(
            reason.to_string(),
            "cannot read /sys/class/powercap/intel-rapl:0/energy_uj: Permission denied (os error 13)"
        );
        assert!(reason.hint().contains("sudo chmod a+r /sys/class/powercap/intel-rapl:0/energy_uj"));
    }
}
