//! Tensors as arguments of kernels: their layouts, and the number of values that are read at a time.

use burn::tensor::{Shape, Tensor, TensorPrimitive};
use burn_cubecl::{
    BoolElement, CubeBackend, CubeRuntime, kernel::into_contiguous, ops::numeric::empty_device_dtype,
    tensor::CubeTensor,
};
use cubecl::prelude::*;

use super::vectors::QUAD;

/// The backend whose runtime compiles these kernels.
pub(super) type Backend<R, B> = CubeBackend<R, f32, i32, B>;

/// The number of units in a cube, for all kernels except products.
pub(super) const UNITS: usize = 256;

/// A tensor of matrices whose rows are contiguous; rows and matrices may have gaps between them, which is how the
/// runtime allocates tensors on NVIDIA GPUs.
#[derive(Clone)]
pub(super) struct Matrices<R: CubeRuntime> {
    tensor: CubeTensor<R>,
}

impl<R: CubeRuntime> Matrices<R> {
    /// Returns the matrices of a tensor. Copies them only if rows are not contiguous.
    pub(super) fn of<B: BoolElement>(tensor: &Tensor<Backend<R, B>, 3>) -> Self {
        Self::take(tensor.clone())
    }

    /// Takes the matrices of a tensor, like [`Matrices::of`].
    pub(super) fn take<B: BoolElement>(tensor: Tensor<Backend<R, B>, 3>) -> Self {
        let TensorPrimitive::Float(tensor) = tensor.into_primitive() else {
            panic!("networks are made of 32-bit floats")
        };
        let (shape, strides) = (tensor.meta.shape(), tensor.meta.strides());
        let has_contiguous_rows = strides[2] == 1 || shape[2] == 1;
        Self { tensor: if has_contiguous_rows { tensor } else { into_contiguous(tensor) } }
    }

    /// Takes matrices that may be written to: a copy where the tensor is shared.
    pub(super) fn owned<B: BoolElement>(tensor: Tensor<Backend<R, B>, 3>) -> Self {
        let matrices = Self::take(tensor);
        if matrices.tensor.can_mut() && matrices.tensor.is_nonoverlapping() {
            matrices
        } else {
            Self { tensor: matrices.tensor.copy() }
        }
    }

    /// Creates matrices of undefined values on this tensor's device.
    pub(super) fn like(&self, shape: [usize; 3]) -> Self {
        let CubeTensor { client, device, dtype, .. } = &self.tensor;
        Self { tensor: empty_device_dtype(client.clone(), device.clone(), Shape::from(shape), *dtype) }
    }

    /// Creates matrices of undefined values on `device`.
    pub(super) fn empty(shape: [usize; 3], device: &R::Device) -> Self {
        let dtype = burn::tensor::DType::F32;
        Self { tensor: empty_device_dtype(R::client(device), device.clone(), Shape::from(shape), dtype) }
    }

    /// Creates an undefined number for each of `trials` on this tensor's device.
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

    /// Returns the number of values that can be read at a time: 4 where every row begins at a multiple of 4, or 1.
    pub(super) fn width(&self) -> usize {
        let strides = self.tensor.meta.strides();
        let [matrices, rows, columns] = self.dims();
        let is_aligned = columns.is_multiple_of(QUAD)
            && (matrices == 1 || strides[0].is_multiple_of(QUAD))
            && (rows == 1 || strides[1].is_multiple_of(QUAD));
        if is_aligned { QUAD } else { 1 }
    }

    /// Returns the argument for a kernel, in which a single matrix is used for every trial.
    pub(super) fn argument(&self) -> TensorArg<R> {
        let mut binding = self.tensor.clone().binding();
        if binding.shape[0] == 1 {
            binding.strides[0] = 0;
        }
        binding.into_tensor_arg()
    }
}

/// Returns a number for each trial as a tensor, `[trials]`.
pub(super) fn numbers_tensor<R: CubeRuntime, B: BoolElement>(
    numbers: CubeTensor<R>,
) -> Tensor<Backend<R, B>, 1> {
    Tensor::from_primitive(TensorPrimitive::Float(numbers))
}

/// Returns the number of values that can be read at a time from all of `matrices`.
pub(super) fn common_width<R: CubeRuntime, const N: usize>(matrices: [&Matrices<R>; N]) -> usize {
    matrices.into_iter().map(Matrices::width).min().unwrap_or(1)
}

/// Returns the type of indices into the longest of `matrices`.
pub(super) fn addresses<R: CubeRuntime, const N: usize>(matrices: [&Matrices<R>; N]) -> AddressType {
    matrices.into_iter().map(|matrices| matrices.tensor.required_address_type()).max().unwrap_or_default()
}

/// Converts a number of cubes or units for a kernel's grid.
pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).expect("a grid has fewer than 2^32 cubes")
}

/// Returns a grid whose third axis is the trials.
pub(super) fn grid(across: usize, down: usize, trials: usize) -> CubeCount {
    CubeCount::Static(count(across), count(down), count(trials))
}

/// Returns a grid of cubes of [`UNITS`] units, with a unit for each of the `pieces` of a trial.
pub(super) fn grid_of_pieces(pieces: usize, trials: usize) -> CubeCount {
    grid(pieces.div_ceil(UNITS), 1, trials)
}

pub(super) fn units(units: usize) -> CubeDim {
    CubeDim::new_1d(count(units))
}
