//! Reasons why a device cannot be used.

use std::path::PathBuf;

use settings::{Device, Precision};

#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    #[error("device `cuda` is not part of this build")]
    NotBuilt,
    /// A library that the backend loads at run time is missing.
    #[error("device `cuda`: the library `{library}` was not found")]
    LibraryMissing { library: &'static str, comes_with: &'static str },
    #[error("out of memory on the device: {reason}")]
    OutOfMemory { reason: String },
    #[error("device `{device}` has no {}", precision.name())]
    NotInPrecision { device: Device, precision: Precision },
    #[error("device `cuda`: no NVIDIA GPU: {reason}")]
    NoGpu { reason: String },
    /// The headers that kernels include when they are compiled at run time are missing.
    #[error(
        "device `cuda`: no CUDA headers: CUDA_PATH is not set, and /usr/local/cuda and /opt/cuda are not there"
    )]
    HeadersMissing,
    /// The run-time compiler is newer than the driver. Both have a major and a minor version.
    #[error(
        "device `cuda`: the driver runs kernels up to CUDA {}.{}, and the compiler (NVRTC) writes those of {}.{}",
        driver[0], driver[1], compiler[0], compiler[1]
    )]
    CompilerTooNew { compiler: [i32; 2], driver: [i32; 2] },
    /// The compiler refused an empty kernel that includes `header` of `folder`.
    #[error("device `cuda`: no kernel that includes `{header}` of {} can be compiled: {reason}", folder.display())]
    CannotCompile { header: &'static str, folder: PathBuf, reason: String },
}

impl DeviceError {
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
                "train fewer trials together (`--population N`), or use smaller layers or batches".into()
            }
            Self::NotInPrecision { .. } => {
                "leave `precision` out of the `Train` stage; TF32 products are for NVIDIA GPUs of compute capability 8.0 \
                 and above, `--device cuda`"
                    .into()
            }
            Self::NoGpu { .. } => {
                "check that `nvidia-smi` lists a GPU, or train on the CPU: `--device cpu`".into()
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
