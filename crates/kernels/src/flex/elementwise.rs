//! Operations on one value at a time, over slices; each is compiled for several instruction sets.

use burn::tensor::Tensor;
use burn_flex::Flex;
use cpu::{Shared, vectorized};
use random::Rng;

use super::{
    CHUNK, Operand,
    activations::{activate_row, each_with_slope, sigmoid_with_slope, tanh_with_slope},
    buffers::tensor_to_fill,
    owned, tensor,
};
use crate::{Activated, ElementwiseKernels, LayerDropout, Squash};
use settings::Activation;

impl ElementwiseKernels for Flex {
    fn activate(activation: Activation, preactivation: Tensor<Self, 3>) -> Activated<Self> {
        with_slope(preactivation, |values, slopes| {
            activate_values(activation, values, slopes);
        })
    }

    fn squash(squash: Squash, values: Tensor<Self, 3>) -> Activated<Self> {
        with_slope(values, |values, slopes| squash_values(squash, values, slopes))
    }

    fn scale(values: Tensor<Self, 3>, factors: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        assert_eq!(values.dims(), factors.dims(), "values are scaled one by one");
        let mut output = owned(values);
        let factors = Operand::of(factors);
        threads::share_chunks(output.storage_mut::<f32>(), CHUNK, |index, values| {
            scale(values, &factors.values()[index * CHUNK..][..values.len()]);
        });
        tensor(output)
    }

    fn dropout_factors(
        dropouts: &[LayerDropout],
        batch: usize,
        units: usize,
        _: &Self::Device,
    ) -> Tensor<Self, 3> {
        let mut output = tensor_to_fill([dropouts.len(), batch, units]);
        let factors = Shared::new(output.storage_mut::<f32>());
        let (values, chunks) = (batch * units, (batch * units).div_ceil(CHUNK));
        threads::share(dropouts.len() * chunks, |index| {
            let (trial, first) = (index / chunks, index % chunks * CHUNK);
            let length = CHUNK.min(values - first);
            // SAFETY: the output is borrowed above, and chunks do not overlap.
            let factors = unsafe { factors.part(trial * values + first, length) };
            draw_factors(dropouts[trial], first, factors);
        });
        tensor(output)
    }
}

/// Replaces values, and returns them with the slopes that `function` writes.
fn with_slope(values: Tensor<Flex, 3>, function: impl Fn(&mut [f32], &mut [f32]) + Sync) -> Activated<Flex> {
    let shape = values.dims();
    let mut output = owned(values);
    let mut slope = tensor_to_fill(shape);
    let slopes = Shared::new(slope.storage_mut::<f32>());
    threads::share_chunks(output.storage_mut::<f32>(), CHUNK, |index, values| {
        // SAFETY: chunks do not overlap, and the slopes have the output's shape.
        function(values, unsafe { slopes.part(index * CHUNK, values.len()) });
    });
    Activated { output: tensor(output), slope: tensor(slope) }
}

/// Writes the factors from the `first` on.
fn draw_factors(dropout: LayerDropout, first: usize, factors: &mut [f32]) {
    /// The number of draws that are taken from the stream at once.
    const DRAWS: usize = 1024;
    if dropout.rate == 0.0 {
        return factors.fill(1.0);
    }
    let mut stream = dropout.key.stream_from(first as u64);
    let mut words = [[0; 4]; DRAWS];
    for factors in factors.chunks_mut(DRAWS) {
        let words = &mut words[..factors.len()];
        stream.fill_bytes(words.as_flattened_mut());
        factors_of(dropout, words, factors);
    }
}

vectorized! {
    fn factors_of<'a>(dropout: LayerDropout, words: &'a [[u8; 4]], factors: &'a mut [f32]) {
        for (factor, word) in factors.iter_mut().zip(words) {
            let drawn = random::unit(u32::from_le_bytes(*word));
            *factor = if drawn < dropout.rate { 0.0 } else { dropout.kept };
        }
    }
}

vectorized! {
    fn activate_values<'a>(activation: Activation, values: &'a mut [f32], slopes: &'a mut [f32]) {
        activate_row(activation, values, slopes);
    }
}

vectorized! {
    fn squash_values<'a>(squash: Squash, values: &'a mut [f32], slopes: &'a mut [f32]) {
        match squash {
            Squash::Tanh => each_with_slope(values, slopes, tanh_with_slope),
            Squash::Sigmoid => each_with_slope(values, slopes, sigmoid_with_slope),
        }
    }
}

vectorized! {
    fn scale<'a>(values: &'a mut [f32], factors: &'a [f32]) {
        for (value, factor) in values.iter_mut().zip(factors) {
            *value *= factor;
        }
    }
}
