//! On which device does a population train?
//!
//! The border between tensors and everything else: the generic training loop is compiled for each backend here, and
//! nowhere else, behind functions without type parameters. Crates above this one see plain values.

mod copies;
#[cfg(feature = "cuda")]
mod cuda;
mod memory;
mod rehearsal;

use std::{fmt, path::PathBuf, str::FromStr};

pub use copies::copy_rate;
use data::Dataset;
pub use golden::{Comparison, TOLERANCE, Vectors, VectorsError};
use model::Kernels;
pub use model::Precision;
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
    /// The device has no room for what it was asked to train together.
    #[error("out of memory on the device: {reason}")]
    OutOfMemory {
        /// What the device said.
        reason: String,
    },
    /// The device has no such products.
    #[error("device `{device}` has no {}", precision.in_words())]
    NotInPrecision {
        /// The device.
        device: Device,
        /// What was asked for.
        precision: Precision,
    },
    /// The driver is there, a GPU is not.
    #[error("device `cuda`: no NVIDIA GPU: {reason}")]
    NoGpu {
        /// What the driver says.
        reason: String,
    },
    /// Kernels are compiled at run time, and include headers.
    #[error(
        "device `cuda`: no CUDA headers: CUDA_PATH is not set, and /usr/local/cuda and /opt/cuda are not there"
    )]
    HeadersMissing,
    /// The compiler writes what the driver does not understand.
    #[error(
        "device `cuda`: the driver runs kernels up to CUDA {}.{}, and the compiler (NVRTC) writes those of {}.{}",
        driver[0], driver[1], compiler[0], compiler[1]
    )]
    CompilerTooNew {
        /// Its version.
        compiler: [i32; 2],
        /// The newest that the driver supports.
        driver: [i32; 2],
    },
    /// The compiler refused a kernel that does nothing.
    #[error("device `cuda`: no kernel that includes `{header}` of {} can be compiled: {reason}", folder.display())]
    CannotCompile {
        /// What the kernel included.
        header: &'static str,
        /// Where it was looked for.
        folder: PathBuf,
        /// What the compiler says.
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
            Self::OutOfMemory { .. } => {
                "let fewer trials train together: `--population N`, or take smaller layers or batches".into()
            }
            Self::NotInPrecision { .. } => {
                "leave `precision` out of the `Train` stage; TF32 products are for NVIDIA GPUs of compute capability 8.0 \
                 and above, `--device cuda`"
                    .into()
            }
            Self::NoGpu { .. } => {
                "see whether `nvidia-smi` lists a GPU, or train on the CPU: `--device cpu`".into()
            }
            Self::CompilerTooNew { driver: [major, minor], .. } => format!(
                "update the NVIDIA driver, put the libnvrtc.so of CUDA {major}.{minor} on the loader's path, or train on the CPU: \
                 `--device cpu`"
            ),
            Self::HeadersMissing | Self::CannotCompile { .. } => {
                "install the headers of the CUDA toolkit, in the version of its libnvrtc.so, and set CUDA_PATH to the folder that \
                 holds `include`, or train on the CPU: `--device cpu`"
                    .into()
            }
        }
    }
}

impl Device {
    /// Can products run in `precision` there?
    ///
    /// # Errors
    /// If they cannot, or the device cannot be used.
    pub fn check_precision(self, precision: Precision) -> Result<(), DeviceError> {
        let has_it = match self {
            Self::Cpu => burn_flex::Flex::supports(precision, &Default::default()),
            #[cfg(feature = "cuda")]
            Self::Cuda => cuda::supports(precision)?,
            // Nobody can tell, and nothing can be trained there.
            #[cfg(not(feature = "cuda"))]
            Self::Cuda => true,
        };
        if has_it { Ok(()) } else { Err(DeviceError::NotInPrecision { device: self, precision }) }
    }

    /// Bytes that are free in a GPU's memory now; `None` for the CPU, whose memory is the system's, and where nobody can tell.
    #[must_use]
    pub fn free_memory(self) -> Option<u64> {
        self.gpu().ok()?.map(|(_, free)| free)
    }

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

    /// Asks whether products can run on tensor cores there, too: that needs more headers than the rest. A CPU has none,
    /// and lacks none.
    ///
    /// # Errors
    /// If the device cannot be used, or without them.
    pub fn check_tensor_cores(self) -> Result<(), DeviceError> {
        match self {
            Self::Cpu => Ok(()),
            #[cfg(feature = "cuda")]
            Self::Cuda => cuda::check_tensor_cores(),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda => Err(DeviceError::NotBuilt),
        }
    }
}

/// Trains `population` on `dataset` from `start` until every trial has finished or `observer` interrupts.
///
/// # Errors
/// If the device cannot be used, and nothing has been trained then; or if it runs out of memory, at whatever moment.
pub fn train(
    device: Device,
    population: &Population,
    dataset: &Dataset,
    start: &Start,
    observer: &mut dyn Observer,
) -> Result<Ended, DeviceError> {
    device.check()?;
    device.check_precision(population.precision)?;
    match device {
        Device::Cpu => train_on::<burn_flex::Flex>(population, dataset, start, observer),
        #[cfg(feature = "cuda")]
        Device::Cuda => train_on::<burn_cuda::Cuda>(population, dataset, start, observer),
        #[cfg(not(feature = "cuda"))]
        Device::Cuda => Err(DeviceError::NotBuilt),
    }
}

fn train_on<B: Kernels>(
    population: &Population,
    dataset: &Dataset,
    start: &Start,
    observer: &mut dyn Observer,
) -> Result<Ended, DeviceError> {
    let device = Default::default();
    memory::within::<B, _>(&device, || training::train::<B>(population, dataset, &device, start, observer))
}

/// What `population` needs on `device` while it trains.
#[must_use]
pub fn memory_need(device: Device, population: &Population) -> MemoryNeed {
    MemoryNeed::of::<burn_flex::Flex>(population, row_of(device))
}

/// Values that every row of a tensor is filled up to a multiple of.
fn row_of(device: Device) -> usize {
    match device {
        Device::Cpu => 1,
        // CUDA's backend begins rows at multiples of 512 bytes.
        Device::Cuda => 128,
    }
}

/// What `work` on `device` gives.
///
/// # Errors
/// If the device has no room for it.
pub fn within_memory<T>(device: Device, work: impl FnOnce() -> T) -> Result<T, DeviceError> {
    match device {
        Device::Cpu => memory::within::<burn_flex::Flex, T>(&Default::default(), work),
        #[cfg(feature = "cuda")]
        Device::Cuda => memory::within::<burn_cuda::Cuda, T>(&Default::default(), work),
        #[cfg(not(feature = "cuda"))]
        Device::Cuda => Err(DeviceError::NotBuilt),
    }
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
