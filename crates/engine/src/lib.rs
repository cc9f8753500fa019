//! Which backend trains a population on a device?
//!
//! The border between tensors and plain values: the generic training loop is compiled for each backend here, and nowhere
//! else, behind functions without type parameters. Crates above this one see plain values.

#[doc(hidden)]
pub mod backend;
mod copies;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(not(feature = "cuda"))]
#[path = "cuda_not_built.rs"]
mod cuda;
mod error;
mod memory;
mod rehearsal;

use data::Dataset;
use settings::{Device, Precision};

pub use copies::copy_rate;
pub use error::DeviceError;
pub use memory::{memory_need, within_memory};
pub use rehearsal::{HostBatch, Rehearsal, rehearse};
pub use training::{Ended, MemoryNeed, Observer, Population, Start, Verdict, wiring};

/// Checks that a device can be used. burn panics where one is selected that cannot.
///
/// # Errors
/// If the backend was not built in, or a library or the GPU is missing.
pub fn check(device: Device) -> Result<(), DeviceError> {
    match device {
        Device::Cpu => Ok(()),
        Device::Cuda => cuda::check(),
    }
}

/// Checks that products can run in `precision` on a device.
///
/// # Errors
/// If products cannot run in it, or the device cannot be used.
pub fn check_precision(device: Device, precision: Precision) -> Result<(), DeviceError> {
    let is_supported = match device {
        Device::Cpu => precision == Precision::Full,
        Device::Cuda => cuda::supports(precision)?,
    };
    if is_supported { Ok(()) } else { Err(DeviceError::NotInPrecision { device, precision }) }
}

/// Checks that products can run on a GPU's tensor cores, which need more headers than other kernels. A CPU passes.
///
/// # Errors
/// If the device cannot be used, or the headers are missing.
pub fn check_tensor_cores(device: Device) -> Result<(), DeviceError> {
    match device {
        Device::Cpu => Ok(()),
        Device::Cuda => cuda::check_tensor_cores(),
    }
}

/// Returns the name of a GPU and its free bytes; absent for the CPU, which has no memory of its own.
///
/// # Errors
/// If the device cannot be used.
pub fn gpu(device: Device) -> Result<Option<(String, u64)>, DeviceError> {
    match device {
        Device::Cpu => Ok(None),
        Device::Cuda => cuda::name_and_free_memory().map(Some),
    }
}

/// Trains `population` on `dataset` from `start` until every trial has finished or `observer` interrupts.
///
/// # Errors
/// If the device cannot be used, before training begins, or if it runs out of memory, at any time.
pub fn train(
    device: Device,
    population: &Population,
    dataset: &Dataset,
    start: &Start,
    observer: &mut dyn Observer,
) -> Result<Ended, DeviceError> {
    check_precision(device, population.precision)?;
    on_device!(device, |B, handle| {
        memory::within::<B, _>(handle, || training::train::<B>(population, dataset, handle, start, observer))
    })?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there_and_cuda_never_panics() {
        assert!(check(Device::Cpu).is_ok());
        assert!(check_precision(Device::Cpu, Precision::Tf32).is_err());
        if let Err(error) = check(Device::Cuda) {
            assert!(error.hint().contains("--device cpu"), "{error}");
        }
    }
}
