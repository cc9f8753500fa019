//! Properties of an NVIDIA GPU: the libraries and headers that the CUDA backend needs at run time, memory, TF32 products.

pub use burn_cuda::Cuda;
use cubecl_cuda::install;
use cudarc::{
    driver::{
        self,
        result::device,
        sys::CUdevice_attribute::{
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR,
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
        },
    },
    nvrtc::{self, CompileError, CompileOptions},
};
use kernels::Kernels;
use settings::Precision;

use crate::DeviceError;

/// The header that every kernel includes.
const RUNTIME: &str = "cuda_runtime.h";
/// The header that products on tensor cores include, those in TF32 among them.
const TENSOR_CORES: &str = "mma.h";

/// Checks for the driver, the run-time compiler, its headers and a GPU, in that order, and compiles an empty kernel with the
/// backend's options.
pub(crate) fn check() -> Result<(), DeviceError> {
    check_libraries()?;
    if install::cuda_path().is_none() {
        return Err(DeviceError::HeadersMissing);
    }
    let architecture = architecture_of_first_gpu()?;
    check_versions()?;
    compile(RUNTIME, &architecture)
}

/// Checks that products on tensor cores can be compiled, too.
pub(crate) fn check_tensor_cores() -> Result<(), DeviceError> {
    check()?;
    compile(TENSOR_CORES, &architecture_of_first_gpu()?)
}

fn check_libraries() -> Result<(), DeviceError> {
    // SAFETY: both functions only try to load a library.
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
    Ok(())
}

/// Returns the compiler's name of the architecture, for example `sm_90a`.
fn architecture_of_first_gpu() -> Result<String, DeviceError> {
    let [major, minor] = capability_of_first_gpu()?;
    let version = 10 * major + minor;
    // The backend compiles for the same name.
    Ok(format!("sm_{version}{}", if version >= 90 { "a" } else { "" }))
}

fn no_gpu(error: driver::DriverError) -> DeviceError {
    DeviceError::NoGpu { reason: format!("{error:?}") }
}

/// Returns the major and minor compute capability.
fn capability_of_first_gpu() -> Result<[i32; 2], DeviceError> {
    if driver::CudaContext::device_count().map_err(no_gpu)? == 0 {
        return Err(DeviceError::NoGpu { reason: "the driver counts 0 devices".into() });
    }
    let first = device::get(0).map_err(no_gpu)?;
    // SAFETY: the device was given by the driver in the line above.
    let [major, minor] = [MAJOR, MINOR].map(|number| unsafe { device::get_attribute(first, number) });
    Ok([major.map_err(no_gpu)?, minor.map_err(no_gpu)?])
}

/// Checks that the compiler is not newer than the driver, which refuses the code of newer compilers.
fn check_versions() -> Result<(), DeviceError> {
    let (mut compiler, mut newest) = ([0, 0], 0);
    // SAFETY: both write numbers into values that live longer than the calls; the libraries are there.
    let are_known = unsafe {
        let [major, minor] = &mut compiler;
        let is_compiler_known = nvrtc::sys::nvrtcVersion(major, minor).result().is_ok();
        is_compiler_known && driver::sys::cuDriverGetVersion(&raw mut newest).result().is_ok()
    };
    let driver = [newest / 1000, newest % 1000 / 10];
    if are_known && compiler > driver {
        return Err(DeviceError::CompilerTooNew { compiler, driver });
    }
    Ok(())
}

/// Compiles an empty kernel with the backend's folders of headers.
fn compile(header: &'static str, architecture: &str) -> Result<(), DeviceError> {
    let folders = [install::include_path(), install::cccl_include_path()];
    let options = CompileOptions {
        include_paths: folders.iter().map(|folder| folder.display().to_string()).collect(),
        options: vec![format!("--gpu-architecture={architecture}")],
        ..CompileOptions::default()
    };
    let source = format!("#include <{header}>\nextern \"C\" __global__ void nothing() {{}}\n");
    nvrtc::compile_ptx_with_opts(source, options).map(|_| ()).map_err(|error| DeviceError::CannotCompile {
        header,
        folder: install::include_path(),
        reason: reason(&error),
    })
}

/// Returns the first line that the compiler wrote.
fn reason(error: &CompileError) -> String {
    match error {
        CompileError::CompileError { nvrtc, log, .. } => {
            let log = log.to_string_lossy();
            log.lines().next().filter(|line| !line.is_empty()).map_or(format!("{nvrtc:?}"), str::to_owned)
        }
        error => error.to_string(),
    }
}

/// Whether products can run in `precision`. TF32 needs tensor cores of a generation that has it, and more headers.
pub(crate) fn supports(precision: Precision) -> Result<bool, DeviceError> {
    if precision == Precision::Full {
        return Ok(true);
    }
    check_tensor_cores()?;
    Ok(<Cuda as Kernels>::supports(precision, &Default::default()))
}

/// Returns the driver's name of the first GPU, and its free bytes.
pub(crate) fn name_and_free_memory() -> Result<(String, u64), DeviceError> {
    let context = driver::CudaContext::new(0).map_err(no_gpu)?;
    let name = context.name().map_err(no_gpu)?;
    let (free, _) = context.mem_get_info().map_err(no_gpu)?;
    Ok((name, free as u64))
}
