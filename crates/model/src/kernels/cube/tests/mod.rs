//! One suite for every runtime that the kernels are built for.

#[cfg(feature = "cuda")]
mod nvidia;
#[cfg(feature = "wgpu")]
mod vulkan;
