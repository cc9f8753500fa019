//! Is everything there that the CUDA backend loads at run time?

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

/// Of the first GPU: what the driver calls it, and its free bytes.
pub(crate) fn name_and_free_memory() -> Result<(String, u64), DeviceError> {
    let told = driver::CudaContext::new(0).and_then(|context| Ok((context.name()?, context.mem_get_info()?)));
    let (name, (free, _)) = told.map_err(|error| DeviceError::NoGpu { reason: format!("{error:?}") })?;
    Ok((name, free as u64))
}
