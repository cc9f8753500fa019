//! The hardware of this machine and its use.
//!
//! - [`Processor`]: model, cores and instruction sets;
//! - [`memory`]: free memory for this process;
//! - [`disk`]: free space for a folder;
//! - [`plain`]: files that are opened without following links;
//! - [`Nvidia`]: driver and GPUs, by NVIDIA's management library (NVML);
//! - [`energy`]: consumption of GPUs and processor packages, and the share of each trial.
//!
//! Values are plain: nothing here knows a tensor, a trial's settings or a pipeline. Queries are apart from the arithmetic on their
//! answers, which is therefore tested without the hardware. Missing hardware is an answer with a reason and a hint, never a panic.

mod control_group;
pub mod disk;
pub mod energy;
pub mod memory;
mod nvidia;
pub mod plain;
mod processor;

pub use nvidia::{Gpu, GpuMemory, NoNvidia, Nvidia};
pub use processor::Processor;
