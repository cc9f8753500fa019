//! A build without the CUDA backend.

/// Compiles in place of the CUDA backend. It is never run, because [`check`] fails.
pub use burn_flex::Flex as Cuda;
use settings::Precision;

use crate::DeviceError;

pub(crate) fn check() -> Result<(), DeviceError> {
    Err(DeviceError::NotBuilt)
}

pub(crate) fn check_tensor_cores() -> Result<(), DeviceError> {
    Err(DeviceError::NotBuilt)
}

pub(crate) fn supports(_: Precision) -> Result<bool, DeviceError> {
    Err(DeviceError::NotBuilt)
}

pub(crate) fn name_and_free_memory() -> Result<(String, u64), DeviceError> {
    Err(DeviceError::NotBuilt)
}
