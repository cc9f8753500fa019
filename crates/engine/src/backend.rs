//! The choice of the backend, which is named nowhere else.

use burn::tensor::backend::Backend;
#[doc(hidden)]
pub use burn_flex::Flex as Cpu;
#[doc(hidden)]
pub use settings::Device;

#[doc(hidden)]
pub use crate::cuda::Cuda;

/// Returns the handle of a backend's first device.
#[doc(hidden)]
pub fn handle<B: Backend>() -> B::Device {
    Default::default()
}

/// Evaluates an expression with the backend of a device: `on_device!(device, |B, handle| function::<B>(handle))`, where the
/// handle is a `&B::Device`. Returns the value, or a [`DeviceError`](crate::DeviceError) if the device cannot be used.
#[macro_export]
macro_rules! on_device {
    ($device:expr, |$backend:ident, $handle:ident| $value:expr) => {
        $crate::check($device).map(|()| match $device {
            $crate::backend::Device::Cpu => {
                type $backend = $crate::backend::Cpu;
                let $handle = &$crate::backend::handle::<$backend>();
                $value
            }
            $crate::backend::Device::Cuda => {
                type $backend = $crate::backend::Cuda;
                let $handle = &$crate::backend::handle::<$backend>();
                $value
            }
        })
    };
}
