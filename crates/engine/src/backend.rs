//! The choice of the backend, which is named nowhere else.

use burn_flex::Flex;
use model::Kernels;
use settings::Device;

use crate::DeviceError;

/// A function that is generic over the backend.
pub trait Work {
    type Output;

    fn run<B: Kernels>(self, device: &B::Device) -> Self::Output;
}

/// Runs `work` with the backend of a device.
///
/// # Errors
/// If the device cannot be used.
pub fn run_on<W: Work>(device: Device, work: W) -> Result<W::Output, DeviceError> {
    crate::check(device)?;
    match device {
        Device::Cpu => Ok(work.run::<Flex>(&Default::default())),
        #[cfg(feature = "cuda")]
        Device::Cuda => Ok(work.run::<burn_cuda::Cuda>(&Default::default())),
        #[cfg(not(feature = "cuda"))]
        Device::Cuda => Err(DeviceError::NotBuilt),
    }
}
