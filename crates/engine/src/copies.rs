//! How fast a device copies its own memory: what bounds work that only moves numbers.

use std::time::Instant;

use burn::tensor::{Tensor, backend::Backend};
use model::Kernels;
use settings::Device;

use crate::{DeviceError, Work, run_on};

/// Bytes per second, read and written, of each of `times` copies of a tensor with so many bytes.
///
/// A copy is an addition of a number: the same traffic, and no backend does it by counting references. Each one is waited
/// for on its own, because a backend that joins operations would read the source once for several. On the CPU every result
/// is fresh memory from the system, and what that takes is in the figure.
///
/// # Errors
/// If the device cannot be used.
pub fn copy_rate(device: Device, bytes: usize, times: usize) -> Result<Vec<f64>, DeviceError> {
    run_on(device, Copies { bytes, times })
}

struct Copies {
    bytes: usize,
    times: usize,
}

impl Work for Copies {
    type Output = Vec<f64>;

    fn run<B: Kernels>(self, device: &B::Device) -> Vec<f64> {
        rates::<B>(self.bytes, self.times, device)
    }
}

fn rates<B: Backend>(bytes: usize, times: usize, device: &B::Device) -> Vec<f64> {
    let elements = bytes / size_of::<f32>();
    let wait = || B::sync(device).expect("a copy fits beside its source");
    let source: Tensor<B, 1> = Tensor::full([elements], 0.5, device);
    let copy = || {
        wait();
        let start = Instant::now();
        let copied = source.clone().add_scalar(1.0);
        wait();
        let seconds = start.elapsed().as_secs_f64();
        // Until here, or the copy would not have been written.
        drop(copied);
        seconds
    };
    // The first one compiles, and makes room.
    copy();
    let moved = 2.0 * (elements * size_of::<f32>()) as f64;
    let rates = (0..times).map(|_| moved / copy()).collect();
    drop(source);
    B::memory_cleanup(device);
    rates
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
