//! NVIDIA's driver and GPUs. Its management library (NVML) comes with the driver and is loaded at run time.

use std::env;

use nvml_wrapper::{Device, Nvml, error::NvmlError};

#[derive(Clone, Debug, PartialEq)]
pub struct Nvidia {
    /// The version of the driver.
    pub driver: String,
    /// The newest CUDA version that the driver supports, for example 13.0; absent if it does not report one.
    pub cuda: Option<[u32; 2]>,
    /// The GPUs in the driver's order; at least one.
    pub gpus: Vec<Gpu>,
}

/// A GPU. Absent values are those that its driver does not report.
#[derive(Clone, Debug, PartialEq)]
pub struct Gpu {
    pub name: String,
    /// Whether `CUDA_VISIBLE_DEVICES` leaves it to this process.
    pub is_visible: bool,
    pub memory: Option<GpuMemory>,
    /// The version of its instruction set, for example 9.0.
    pub compute_capability: Option<[u32; 2]>,
    /// The power that it draws now.
    pub watts: Option<f64>,
    /// The power that it may draw at most.
    pub most_watts: Option<f64>,
}

/// The memory of a GPU, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuMemory {
    pub total: u64,
    pub free: u64,
}

/// The reason why nothing is known about a GPU.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoNvidia {
    #[error("no NVIDIA driver: the library `libnvidia-ml.so.1` was not found")]
    NoLibrary,
    /// The library is there, but a call failed.
    #[error("the NVIDIA driver does not answer: {reason}")]
    Refused { reason: String },
    #[error("no NVIDIA GPU: the driver counts none")]
    NoGpu,
    #[error("no NVIDIA GPU: CUDA_VISIBLE_DEVICES=`{list}` leaves none of {gpus}")]
    NoneVisible {
        /// The value of the variable.
        list: String,
        /// The number of GPUs.
        gpus: usize,
    },
}

impl NoNvidia {
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoLibrary => {
                "install NVIDIA's driver; in a container, start it with its GPUs (`--gpus all`)"
            }
            Self::Refused { .. } => {
                "see what `nvidia-smi` says; after an update of the driver, restart the machine"
            }
            Self::NoGpu => {
                "see whether `nvidia-smi -L` lists one; in a container, start it with its GPUs (`--gpus all`)"
            }
            Self::NoneVisible { .. } => {
                "unset CUDA_VISIBLE_DEVICES, or name a GPU that `nvidia-smi -L` lists"
            }
        }
    }
}

impl Nvidia {
    /// Queries the driver of this machine.
    pub fn of_this_machine() -> Result<Self, NoNvidia> {
        let nvml = open()?;
        let cuda = nvml.sys_cuda_driver_version().ok().and_then(|number| u32::try_from(number).ok());
        let devices = devices(&nvml)?;
        let visible = visible_here(&devices);
        let gpus = devices.iter().enumerate();
        Ok(Self {
            driver: nvml.sys_driver_version().unwrap_or_else(|_| "unknown".to_owned()),
            cuda: cuda.map(|number| [number / 1000, number % 1000 / 10]),
            gpus: gpus.map(|(index, device)| gpu(device, visible.contains(&index))).collect(),
        })
    }
}

pub(crate) fn open() -> Result<Nvml, NoNvidia> {
    Nvml::init().map_err(|error| match error {
        NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => NoNvidia::NoLibrary,
        error => refused(error),
    })
}

fn refused(error: NvmlError) -> NoNvidia {
    NoNvidia::Refused { reason: error.to_string() }
}

/// Returns all GPUs, at least one.
fn devices(nvml: &Nvml) -> Result<Vec<Device<'_>>, NoNvidia> {
    let count = nvml.device_count().map_err(refused)?;
    let devices: Vec<Device<'_>> =
        (0..count).map(|index| nvml.device_by_index(index).map_err(refused)).collect::<Result<_, _>>()?;
    if devices.is_empty() { Err(NoNvidia::NoGpu) } else { Ok(devices) }
}

/// Returns the GPUs that `CUDA_VISIBLE_DEVICES` leaves to this process, at least one.
pub(crate) fn visible_devices(nvml: &Nvml) -> Result<Vec<Device<'_>>, NoNvidia> {
    let devices = devices(nvml)?;
    let visible = visible_here(&devices);
    if visible.is_empty() {
        return Err(NoNvidia::NoneVisible {
            list: env::var("CUDA_VISIBLE_DEVICES").unwrap_or_default(),
            gpus: devices.len(),
        });
    }
    let devices = devices.into_iter().enumerate();
    Ok(devices.filter(|(index, _)| visible.contains(index)).map(|(_, device)| device).collect())
}

fn gpu(device: &Device<'_>, is_visible: bool) -> Gpu {
    let capability = device.cuda_compute_capability().ok();
    Gpu {
        name: device.name().unwrap_or_else(|_| "unknown".to_owned()),
        is_visible,
        memory: device.memory_info().ok().map(|info| GpuMemory { total: info.total, free: info.free }),
        compute_capability: capability.map(|found| [found.major.unsigned_abs(), found.minor.unsigned_abs()]),
        watts: device.power_usage().ok().map(to_watts),
        most_watts: device.enforced_power_limit().ok().map(to_watts),
    }
}

fn to_watts(milliwatts: u32) -> f64 {
    f64::from(milliwatts) / 1e3
}

fn visible_here(devices: &[Device<'_>]) -> Vec<usize> {
    let uuids: Vec<String> = devices.iter().map(|device| device.uuid().unwrap_or_default()).collect();
    visible(env::var("CUDA_VISIBLE_DEVICES").ok().as_deref(), &uuids)
}

/// Returns the indices of the GPUs that the text of `CUDA_VISIBLE_DEVICES` names, by numbers or by the beginnings of their `uuids`, up
/// to the first entry that names none. Without the variable, returns all of them.
fn visible(list: Option<&str>, uuids: &[String]) -> Vec<usize> {
    let Some(list) = list else { return (0..uuids.len()).collect() };
    list.split(',').map_while(|entry| named(entry.trim(), uuids)).collect()
}

fn named(entry: &str, uuids: &[String]) -> Option<usize> {
    match entry.parse::<usize>() {
        Ok(index) => Some(index).filter(|index| *index < uuids.len()),
        Err(_) if entry.is_empty() => None,
        Err(_) => uuids.iter().position(|uuid| uuid.starts_with(entry)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_names_gpus_as_cuda_reads_it() {
        let uuids = ["GPU-11aa", "GPU-11bb", "GPU-22cc"].map(str::to_owned);
        for (list, expected) in [
            (None, vec![0, 1, 2]),
            (Some(""), vec![]),
            (Some("1"), vec![1]),
            (Some("2, 0"), vec![2, 0]),
            (Some("0,-1,1"), vec![0]),
            (Some("7,0"), vec![]),
            (Some("GPU-2,GPU-11bb"), vec![2, 1]),
            (Some("MIG-3,0"), vec![]),
        ] {
            assert_eq!(visible(list, &uuids), expected, "{list:?}");
        }
    }

    #[test]
    fn a_machine_without_a_driver_says_so_with_a_way_out() {
        match Nvidia::of_this_machine() {
            Ok(nvidia) => assert!(!nvidia.gpus.is_empty()),
            Err(error) => assert!(!error.to_string().is_empty() && !error.hint().is_empty()),
        }
    }
}
