//! The memory that a population needs, and errors of a device without enough memory.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use burn::tensor::backend::Backend;
use settings::Device;
use training::{MemoryNeed, Population};

use crate::{DeviceError, on_device};

/// Returns the memory that `population` needs on `device` while it trains.
pub fn memory_need(device: Device, population: &Population) -> MemoryNeed {
    let padded: fn(u64) -> u64 = match device {
        // As many columns as the panels of weights have.
        Device::Cpu => |values| usize::try_from(values).map_or(values, |values| cpu::padded(values) as u64),
        // The backend begins each row of a tensor at a multiple of 512 bytes.
        Device::Cuda => |values| values.checked_next_multiple_of(128).unwrap_or(values),
    };
    MemoryNeed::of::<burn_flex::Flex>(population, padded)
}

/// Returns the result of `work` on `device`.
///
/// # Errors
/// If the device has too little memory.
pub fn within_memory<T>(device: Device, work: impl FnOnce() -> T) -> Result<T, DeviceError> {
    on_device!(device, |B, handle| within::<B, T>(handle, work))?
}

/// Returns the result of `work`, or an error if the device ran out of memory. The backend finds that out when results are read,
/// and panics.
pub(crate) fn within<B: Backend, T>(device: &B::Device, work: impl FnOnce() -> T) -> Result<T, DeviceError> {
    let panic = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => return Ok(result),
        Err(panic) => panic,
    };
    match out_of_memory(panic.as_ref()) {
        Some(reason) => {
            // The memory that the tensors leave behind will be needed again in other sizes.
            B::memory_cleanup(device);
            Err(DeviceError::OutOfMemory { reason })
        }
        None => resume_unwind(panic),
    }
}

/// Returns the line of a panic message that reports a lack of memory, if there is one.
fn out_of_memory(panic: &(dyn Any + Send)) -> Option<String> {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())?;
    text.lines()
        .find(|line| MESSAGES.iter().any(|message| line.contains(message)))
        .map(|line| line.trim().to_owned())
}

/// The texts with which cubecl reports that memory ran out (`IoError::BufferTooBig`, `LaunchError::OutOfMemory`, and the
/// driver's own message).
const MESSAGES: [&str; 4] =
    ["can't allocate buffer of size", "out-of-memory", "BufferTooBig", "OUT_OF_MEMORY"];

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;

    #[test]
    fn only_a_panic_about_memory_is_an_out_of_memory_error() {
        let within = |work: fn() -> i32| within::<Flex, i32>(&Default::default(), work);
        let result = within(|| panic!("Io(\ncan't allocate buffer of size: 99\n  at somewhere)"));
        let Err(DeviceError::OutOfMemory { reason }) = result else { panic!("it is about memory") };
        assert_eq!(reason, "can't allocate buffer of size: 99");
        assert!(out_of_memory(&"index out of bounds").is_none());
        assert_eq!(within(|| 3).expect("nothing happens"), 3);
    }
}
