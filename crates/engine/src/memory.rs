//! Does a device have room for what is asked of it?

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use burn::tensor::backend::Backend;

use crate::DeviceError;

/// What `work` gives, or that the device had no room for it. The backend finds that out when results are read, and panics.
pub(crate) fn within<B: Backend, T>(device: &B::Device, work: impl FnOnce() -> T) -> Result<T, DeviceError> {
    let panic = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => return Ok(result),
        Err(panic) => panic,
    };
    match of_memory(panic.as_ref()) {
        Some(reason) => {
            // What the tensors of the work leave behind is asked for again in other sizes.
            B::memory_cleanup(device);
            Err(DeviceError::OutOfMemory { reason })
        }
        None => resume_unwind(panic),
    }
}

/// What the panic says of memory, if it is about that.
fn of_memory(panic: &(dyn Any + Send)) -> Option<String> {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())?;
    let is_said = |line: &&str| SAID.iter().any(|said| line.contains(said));
    text.lines().find(is_said).map(|line| line.trim().to_owned())
}

/// How cubecl says that memory ran out (`IoError::BufferTooBig`, `LaunchError::OutOfMemory`, and the driver's own word).
const SAID: [&str; 4] = ["can't allocate buffer of size", "out-of-memory", "BufferTooBig", "OUT_OF_MEMORY"];

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;

    #[test]
    fn only_a_panic_about_memory_is_one_of_memory() {
        let within = |work: fn() -> i32| within::<Flex, i32>(&Default::default(), work);
        let said = within(|| panic!("Io(\ncan't allocate buffer of size: 99\n  at somewhere)"));
        let Err(DeviceError::OutOfMemory { reason }) = said else { panic!("it is about memory") };
        assert_eq!(reason, "can't allocate buffer of size: 99");
        assert!(of_memory(&"index out of bounds").is_none());
        assert_eq!(within(|| 3).expect("nothing happens"), 3);
    }
}
