//! The suite on an NVIDIA GPU, where there is one.

type Gpu = burn_cuda::Cuda;

#[path = "suite.rs"]
mod suite;
