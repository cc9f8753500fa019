//! The suite through Vulkan, which software can stand in for.

type Gpu = burn_wgpu::Wgpu;

#[path = "suite.rs"]
mod suite;
