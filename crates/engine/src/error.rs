//! Reasons why a device cannot be used.

use std::path::PathBuf;

use settings::{Device, Precision};

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
    #[error("device `{device}` has no {}", precision.name())]
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
