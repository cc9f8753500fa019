//! What an NVIDIA GPU has: everything that the CUDA backend loads at run time, memory, products in TF32.

use cudarc::{driver, nvrtc};

use crate::DeviceError;

/// Asks for the driver, the run-time compiler and a GPU, in that order.
pub(crate) fn check() -> Result<(), DeviceError> {
    // SAFETY: both only try to load a library, and forget it again.
    let (driver_is_there, compiler_is_there) =
        unsafe { (driver::sys::is_culib_present(), nvrtc::sys::is_culib_present()) };
    if !driver_is_there {
        return Err(DeviceError::LibraryMissing { library: "libcuda.so", comes_with: "the NVIDIA driver" });
    }
    if !compiler_is_there {
        return Err(DeviceError::LibraryMissing {
            library: "libnvrtc.so",
            comes_with: "the CUDA run-time compiler (NVRTC, part of the CUDA toolkit)",
        });
    }
    match driver::CudaContext::device_count() {
        Ok(0) => Err(DeviceError::NoGpu { reason: "the driver counts 0 devices".into() }),
        Ok(_) => Ok(()),
        Err(error) => Err(DeviceError::NoGpu { reason: format!("{error:?}") }),
    }
}

fn first_gpu() -> Result<std::sync::Arc<driver::CudaContext>, DeviceError> {
    check()?;
    driver::CudaContext::new(0).map_err(|error| DeviceError::NoGpu { reason: format!("{error:?}") })
}

/// Are there TF32 products? From compute capability 8.0 (Ampere) on.
pub(crate) fn has_tf32() -> Result<bool, DeviceError> {
    let capability = first_gpu()?.compute_capability();
    capability
        .map(|(major, _)| major >= 8)
        .map_err(|error| DeviceError::NoGpu { reason: format!("{error:?}") })
}

/// Bytes that are free now.
pub(crate) fn free_memory() -> Option<u64> {
    let (free, _) = first_gpu().ok()?.mem_get_info().ok()?;
    u64::try_from(free).ok()
}
