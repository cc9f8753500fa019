//! What does this machine have, and what does it use?
//!
//! - [`Processor`]: its model, its cores, and the instructions that kernels are chosen by;
//! - [`memory`]: what of it is free for this process;
//! - [`disk`]: what is free where a folder lies;
//! - [`Nvidia`]: driver and GPUs, as NVIDIA's management library (NVML) tells of them;
//! - [`energy`]: what GPUs and processor packages use, and how much of it was a trial's.
//!
//! Plain values: nothing here knows a tensor, a trial's settings or a pipeline. Asking the system stands apart from the
//! arithmetic on its answers, so that this is tested without the hardware. What is not there is an answer
//! with a reason and a way out, never a panic.

pub mod disk;
pub mod energy;
pub mod memory;
mod nvidia;
mod processor;

pub use nvidia::{Gpu, GpuMemory, NoNvidia, Nvidia};
pub use processor::Processor;
