//! Tensors as kernels see them: which layouts are taken as they are, and how many values are read at a time.

use burn::tensor::{Shape, Tensor, TensorPrimitive};
use burn_cubecl::{
    BoolElement, CubeBackend, CubeRuntime, kernel::into_contiguous, ops::numeric::empty_device_dtype,
    tensor::CubeTensor,
};
use cubecl::prelude::*;

use super::vectors::QUAD;

/// A backend whose runtime compiles these kernels.
pub(super) type Backend<R, B> = CubeBackend<R, f32, i32, B>;

/// Units that work together where a kernel does not need another number.
pub(super) const UNITS: usize = 256;

/// A tensor of matrices whose rows are contiguous; rows and matrices may have gaps between them, which is how the
/// runtime allocates tensors on NVIDIA GPUs.
#[derive(Clone)]
pub(super) struct Matrices<R: CubeRuntime> {
    tensor: CubeTensor<R>,
}

impl<R: CubeRuntime> Matrices<R> {
    /// Copies only where a row is not contiguous.
    pub(super) fn of<B: BoolElement>(tensor: &Tensor<Backend<R, B>, 3>) -> Self {
        Self::take(tensor.clone())
    }

    /// As [`Matrices::of`].
    pub(super) fn take<B: BoolElement>(tensor: Tensor<Backend<R, B>, 3>) -> Self {
        let TensorPrimitive::Float(tensor) = tensor.into_primitive() else {
            panic!("networks are made of 32-bit floats")
        };
        let (shape, strides) = (tensor.meta.shape(), tensor.meta.strides());
        let has_contiguous_rows = strides[2] == 1 || shape[2] == 1;
        Self { tensor: if has_contiguous_rows { tensor } else { into_contiguous(tensor) } }
    }

    /// As [`Matrices::take`], to be written to: a copy where someone else holds the tensor, too.
    pub(super) fn owned<B: BoolElement>(tensor: Tensor<Backend<R, B>, 3>) -> Self {
        let matrices = Self::take(tensor);
        if matrices.tensor.can_mut() && matrices.tensor.is_nonoverlapping() {
            matrices
        } else {
            Self { tensor: matrices.tensor.copy() }
        }
    }

    /// Of undefined values, on this tensor's device.
    pub(super) fn like(&self, shape: [usize; 3]) -> Self {
        let CubeTensor { client, device, dtype, .. } = &self.tensor;
        Self { tensor: empty_device_dtype(client.clone(), device.clone(), Shape::from(shape), *dtype) }
    }

    /// Of undefined values.
    pub(super) fn empty(shape: [usize; 3], device: &R::Device) -> Self {
        let dtype = burn::tensor::DType::F32;
        Self { tensor: empty_device_dtype(R::client(device), device.clone(), Shape::from(shape), dtype) }
    }

    /// A number for each of so many trials, undefined, on this tensor's device.
    pub(super) fn numbers(&self, trials: usize) -> CubeTensor<R> {
        let CubeTensor { client, device, dtype, .. } = &self.tensor;
        empty_device_dtype(client.clone(), device.clone(), Shape::from([trials]), *dtype)
    }

    pub(super) fn dims(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.tensor.meta.shape()[axis])
    }

    pub(super) fn client(&self) -> ComputeClient<R> {
        self.tensor.client.clone()
    }

    pub(super) fn into_tensor<B: BoolElement>(self) -> Tensor<Backend<R, B>, 3> {
        Tensor::from_primitive(TensorPrimitive::Float(self.tensor))
    }

    /// How many values of a row may be read at a time: 4, where every row begins at a multiple of 4, or 1.
    pub(super) fn width(&self) -> usize {
        let strides = self.tensor.meta.strides();
        let [matrices, rows, columns] = self.dims();
        let is_even = |steps: usize, stride: usize| steps == 1 || stride.is_multiple_of(QUAD);
        if columns.is_multiple_of(QUAD) && is_even(matrices, strides[0]) && is_even(rows, strides[1]) {
            QUAD
        } else {
            1
        }
    }

    /// For a kernel: a single matrix stands for every trial.
    pub(super) fn argument(&self) -> TensorArg<R> {
        let mut binding = self.tensor.clone().binding();
        if binding.shape[0] == 1 {
            binding.strides[0] = 0;
        }
        binding.into_tensor_arg()
    }
}

/// A number for each trial, `[trials]`.
pub(super) fn numbers_tensor<R: CubeRuntime, B: BoolElement>(
    numbers: CubeTensor<R>,
) -> Tensor<Backend<R, B>, 1> {
    Tensor::from_primitive(TensorPrimitive::Float(numbers))
}

/// What all of `matrices` can be read in.
pub(super) fn common_width<R: CubeRuntime, const N: usize>(matrices: [&Matrices<R>; N]) -> usize {
    matrices.into_iter().map(Matrices::width).min().unwrap_or(1)
}

/// What indices into the longest of `matrices` need.
pub(super) fn addresses<R: CubeRuntime, const N: usize>(matrices: [&Matrices<R>; N]) -> AddressType {
    matrices.into_iter().map(|matrices| matrices.tensor.required_address_type()).max().unwrap_or_default()
}

/// One of a number of things, as far as a kernel's grid counts.
pub(super) fn count(things: usize) -> u32 {
    u32::try_from(things).expect("a grid has fewer than 2^32 cubes")
}

/// A grid whose third axis counts the trials.
pub(super) fn grid(across: usize, down: usize, trials: usize) -> CubeCount {
    CubeCount::Static(count(across), count(down), count(trials))
}

/// A grid of [`UNITS`] units for every so many `pieces` of a trial.
pub(super) fn grid_of_pieces(pieces: usize, trials: usize) -> CubeCount {
    grid(pieces.div_ceil(UNITS), 1, trials)
}

/// So many units in a row.
pub(super) fn units(units: usize) -> CubeDim {
    CubeDim::new_1d(count(units))
}
