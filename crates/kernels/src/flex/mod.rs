//! In-place kernels for burn's CPU backend.
//!
//! Plain tensor operations write every intermediate result to fresh memory, whose pages the system has to map at every
//! step. Here outputs go to memory that earlier tensors left behind, and operations work in place where they can. A
//! weight gradient is computed tile by tile, and the optimizer uses each tile while it is in registers or in cache: the whole
//! gradient never reaches memory. Threads without work of their own take blocks of the others.

mod activations;
mod batch_norm;
mod buffers;
mod elementwise;
mod panels;
mod product;
mod reductions;
mod rows;
mod update;

use burn::tensor::{Tensor, TensorPrimitive};
use burn_flex::{Flex, FlexTensor};
use cpu::Matrix;

use self::buffers::{aligned, tensor_to_fill};
use super::{BatchKernels, Kernels};
use crate::Input;

/// The number of values that are worth sharing with another core.
const CHUNK: usize = 16 * 1024;

impl Kernels for Flex {
    fn forget_kept_memory(_: &Self::Device) {
        buffers::forget();
    }
}

impl BatchKernels for Flex {
    fn filled(shape: [usize; 3], _: &Self::Device, fill: impl FnOnce(&mut [f32])) -> Tensor<Self, 3> {
        let mut output = tensor_to_fill(shape);
        fill(output.storage_mut::<f32>());
        tensor(output)
    }
}

/// A tensor as matrices: one per trial, one for all trials, or one for each set of trials.
struct Operand {
    buffer: FlexTensor,
    /// The matrix of each trial, where trials share matrices.
    sets: Option<Vec<u32>>,
    trials: usize,
    rows: usize,
    columns: usize,
    is_transposed: bool,
}

impl Operand {
    fn of(tensor: &Tensor<Flex, 3>) -> Self {
        let [trials, rows, columns] = tensor.dims();
        Self { buffer: contiguous(tensor.clone()), sets: None, trials, rows, columns, is_transposed: false }
    }

    fn shared(input: &Input<Flex>) -> Self {
        let operand = Self::of(&input.values);
        match &input.sets {
            Some(sets) => {
                let of_trials = sets.of_trials().to_vec();
                Self { trials: of_trials.len(), sets: Some(of_trials), ..operand }
            }
            None => operand,
        }
    }

    fn transposed(self) -> Self {
        Self { rows: self.columns, columns: self.rows, is_transposed: !self.is_transposed, ..self }
    }

    fn values(&self) -> &[f32] {
        self.buffer.storage::<f32>()
    }

    fn trial(&self, trial: usize) -> &[f32] {
        let set = match &self.sets {
            Some(sets) => sets[trial] as usize,
            None if self.trials == 1 => 0,
            None => trial,
        };
        &self.values()[set * self.rows * self.columns..][..self.rows * self.columns]
    }

    fn matrix(&self, trial: usize) -> Matrix<'_> {
        let values = self.trial(trial);
        if self.is_transposed {
            Matrix::rows_of(values, self.rows).transposed()
        } else {
            Matrix::rows_of(values, self.columns)
        }
    }
}

/// Returns the buffer of a tensor without gaps, in row-major order.
fn contiguous(tensor: Tensor<Flex, 3>) -> FlexTensor {
    let TensorPrimitive::Float(tensor) = tensor.into_primitive() else {
        panic!("networks are made of 32-bit floats")
    };
    let length = tensor.storage::<f32>().len();
    if tensor.layout().contiguous_offsets() == Some((0, length)) { tensor } else { tensor.to_contiguous() }
}

/// Returns the [`contiguous`] buffer of a tensor that may be written to: a copy where the tensor is shared.
fn owned(tensor: Tensor<Flex, 3>) -> FlexTensor {
    aligned(contiguous(tensor))
}

fn tensor(buffer: FlexTensor) -> Tensor<Flex, 3> {
    Tensor::from_primitive(TensorPrimitive::Float(buffer))
}

#[cfg(test)]
mod tests;
