//! The rate at which a device copies its own memory, which bounds operations that only move numbers.

use std::time::Instant;

use burn::tensor::{Tensor, backend::Backend};
use settings::Device;

use crate::{DeviceError, on_device};

/// Returns the bytes per second, read and written, of each of `times` copies of a tensor with `bytes` bytes.
///
/// A copy is the addition of a number, which has the same traffic and which no backend replaces by counting references. Each
/// copy is waited for separately, because a backend that fuses operations would read the source once for several copies. On the
/// CPU, every result is fresh memory from the system, and the rate includes its allocation.
///
/// # Errors
/// If the device cannot be used.
pub fn copy_rate(device: Device, bytes: usize, times: usize) -> Result<Vec<f64>, DeviceError> {
    on_device!(device, |B, handle| rates::<B>(bytes, times, handle))
}

fn rates<B: Backend>(bytes: usize, times: usize, device: &B::Device) -> Vec<f64> {
    let elements = bytes / size_of::<f32>();
    let source: Tensor<B, 1> = Tensor::full([elements], 0.5, device);
    // The first copy compiles a kernel and allocates.
    copy_seconds(&source, device);
    let moved = 2.0 * (elements * size_of::<f32>()) as f64;
    let rates = (0..times).map(|_| moved / copy_seconds(&source, device)).collect();
    drop(source);
    B::memory_cleanup(device);
    rates
}

/// Copies `source` and returns the seconds that it took.
fn copy_seconds<B: Backend>(source: &Tensor<B, 1>, device: &B::Device) -> f64 {
    const FITS: &str = "a copy fits next to its source";
    B::sync(device).expect(FITS);
    let start = Instant::now();
    let copied = source.clone().add_scalar(1.0);
    B::sync(device).expect(FITS);
    let seconds = start.elapsed().as_secs_f64();
    // Dropped only now, or the copy might not have been written.
    drop(copied);
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_copy_has_a_rate() {
        let rates = copy_rate(Device::Cpu, 1 << 20, 3).expect("the CPU is always there");
        assert_eq!(rates.len(), 3);
        assert!(rates.iter().all(|rate| rate.is_finite() && *rate > 0.0), "{rates:?}");
    }
}
