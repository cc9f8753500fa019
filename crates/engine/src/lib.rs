//! On which device does a population train?
//!
//! The border between tensors and everything else: the generic training loop is compiled for each backend here, and
//! nowhere else, behind functions without type parameters. Crates above this one see plain values.

mod copies;
#[cfg(feature = "cuda")]
mod cuda;
mod rehearsal;

use std::{fmt, str::FromStr};

pub use copies::copy_rate;
use data::Dataset;
pub use golden::{Comparison, TOLERANCE, Vectors, VectorsError};
pub use rehearsal::{HostBatch, Rehearsal, rehearse};
use serde::{Deserialize, Serialize};
pub use training::{Ended, FirstWeights, MemoryNeed, Observer, Population, Start, TrialSettings, Verdict};

/// Where tensors live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Device {
    /// burn's flex backend.
    Cpu,
    /// The first NVIDIA GPU, through burn's CUDA backend; needs the cargo feature `cuda`.
    Cuda,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        })
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            _ => Err(format!("unknown device `{text}`, known: cpu, cuda")),
        }
    }
}

/// Why a device cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The program was built without the backend.
    #[error("device `cuda` is not part of this build")]
    NotBuilt,
    /// A library that the backend loads at run time is not there.
    #[error("device `cuda`: the library `{library}` was not found")]
    LibraryMissing {
        /// Its name for the loader.
        library: &'static str,
        /// What it comes with.
        comes_with: &'static str,
    },
    /// The driver is there, a GPU is not.
    #[error("device `cuda`: no NVIDIA GPU: {reason}")]
    NoGpu {
        /// What the driver says.
        reason: String,
    },
}

impl DeviceError {
    /// The way out.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotBuilt => {
                "build it in: `cargo xtask-cuda run FILE --device cuda`, or train on the CPU: `--device cpu`"
                    .into()
            }
            Self::LibraryMissing { comes_with, .. } => {
                format!(
                    "install {comes_with} and put it on the loader's path, or train on the CPU: `--device cpu`"
                )
            }
            Self::NoGpu { .. } => {
                "see whether `nvidia-smi` lists a GPU, or train on the CPU: `--device cpu`".into()
            }
        }
    }
}

impl Device {
    /// Asks whether the device can be used; burn panics if it is selected and cannot.
    ///
    /// # Errors
    /// If the backend was not built in, or a library or the GPU is missing.
    pub fn check(self) -> Result<(), DeviceError> {
        match self {
            Self::Cpu => Ok(()),
            #[cfg(feature = "cuda")]
            Self::Cuda => cuda::check(),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda => Err(DeviceError::NotBuilt),
        }
    }

    /// What a GPU is called, and the bytes that are free on it; absent for the CPU, whose memory is the system's.
    ///
    /// # Errors
    /// If the device cannot be used.
    pub fn gpu(self) -> Result<Option<(String, u64)>, DeviceError> {
        self.check()?;
        match self {
            Self::Cpu => Ok(None),
            #[cfg(feature = "cuda")]
            Self::Cuda => cuda::name_and_free_memory().map(Some),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda => Err(DeviceError::NotBuilt),
        }
    }
}

/// Trains `population` on `dataset` from `start` until every trial has finished or `observer` interrupts.
///
/// # Errors
/// If the device cannot be used; nothing has been trained then.
pub fn train(
    device: Device,
    population: &Population,
    dataset: &Dataset,
    start: &Start,
    observer: &mut dyn Observer,
) -> Result<Ended, DeviceError> {
    device.check()?;
    match device {
        Device::Cpu => {
            Ok(training::train::<burn_flex::Flex>(population, dataset, &Default::default(), start, observer))
        }
        #[cfg(feature = "cuda")]
        Device::Cuda => {
            Ok(training::train::<burn_cuda::Cuda>(population, dataset, &Default::default(), start, observer))
        }
        #[cfg(not(feature = "cuda"))]
        Device::Cuda => Err(DeviceError::NotBuilt),
    }
}

/// What `population` needs while it trains; on every device about the same.
#[must_use]
pub fn memory_need(population: &Population) -> MemoryNeed {
    MemoryNeed::of::<burn_flex::Flex>(population)
}

/// Computes what the golden vectors hold; the furthest entry of each tensor.
///
/// # Errors
/// If the device cannot be used.
///
/// # Panics
/// If a file of the vectors holds something else than its kind does.
pub fn replay(device: Device, vectors: &Vectors) -> Result<Vec<Comparison>, DeviceError> {
    device.check()?;
    match device {
        Device::Cpu => Ok(golden::replay::<burn_flex::Flex>(vectors, &Default::default())),
        #[cfg(feature = "cuda")]
        Device::Cuda => Ok(golden::replay::<burn_cuda::Cuda>(vectors, &Default::default())),
        #[cfg(not(feature = "cuda"))]
        Device::Cuda => Err(DeviceError::NotBuilt),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there_and_cuda_never_panics() {
        assert!(Device::Cpu.check().is_ok());
        if let Err(error) = Device::Cuda.check() {
            assert!(error.hint().contains("--device cpu"), "{error}");
        }
    }
}
