//! Operations on one value at a time, each a single pass.

use burn_cubecl::CubeRuntime;
use cubecl::prelude::*;

use super::launch::{Matrices, UNITS, addresses, common_width, grid_of_pieces, units};
use crate::LEAK;
use settings::Activation;

#[cube]
pub(super) fn value_of<N: Size>(
    preactivation: Vector<f32, N>,
    #[comptime] activation: Activation,
) -> Vector<f32, N> {
    let zero = Vector::<f32, N>::new(0.0);
    match activation {
        Activation::Tanh => Vector::tanh(preactivation),
        // Comparisons with NaN are false, so NaN stays NaN.
        Activation::Relu => select_many(preactivation.less_than(zero), zero, preactivation),
        Activation::Swish => preactivation * gate(preactivation),
        Activation::LeakyRelu => {
            let leak = Vector::<f32, N>::new(LEAK as f32);
            select_many(preactivation.greater_than(zero), preactivation, preactivation * leak)
        }
        Activation::Sigmoid => gate(preactivation),
        Activation::Elu => {
            let below = Vector::exp(preactivation) - Vector::new(1.0);
            select_many(preactivation.greater_than(zero), preactivation, below)
        }
    }
}

/// Returns the slope where the activation of `preactivation` is `value`.
#[cube]
pub(super) fn slope_of<N: Size>(
    preactivation: Vector<f32, N>,
    value: Vector<f32, N>,
    #[comptime] activation: Activation,
) -> Vector<f32, N> {
    let zero = Vector::<f32, N>::new(0.0);
    let one = Vector::<f32, N>::new(1.0);
    match activation {
        Activation::Tanh => one - value * value,
        Activation::Relu => select_many(preactivation.greater_equal(zero), one, zero),
        Activation::Swish => {
            let gate = gate(preactivation);
            gate + value * (one - gate)
        }
        Activation::LeakyRelu => {
            let leak = Vector::<f32, N>::new(LEAK as f32);
            select_many(preactivation.greater_than(zero), one, leak)
        }
        Activation::Sigmoid => value * (one - value),
        Activation::Elu => select_many(preactivation.greater_than(zero), one, Vector::exp(preactivation)),
    }
}

/// Returns the logistic function of `value`.
#[cube]
fn gate<N: Size>(value: Vector<f32, N>) -> Vector<f32, N> {
    let one = Vector::<f32, N>::new(1.0);
    one / (one + Vector::exp(Vector::new(0.0) - value))
}

/// Returns the position of this unit's piece in a trial's matrix: its row, and its column counted in pieces. The row is
/// beyond the last one where the unit has no piece.
#[cube]
pub(super) fn row_and_piece<N: Size>(values: &Tensor<Vector<f32, N>>) -> (usize, usize) {
    let pieces = values.shape(2) / N::value();
    let at = CUBE_POS_X as usize * UNITS + UNIT_POS as usize;
    (at / pieces, at % pieces)
}

/// Returns the index of the piece at a position in the trial's matrix.
#[cube]
pub(super) fn index_of<N: Size>(values: &Tensor<Vector<f32, N>>, row: usize, piece: usize) -> usize {
    let width = N::value();
    (CUBE_POS_Z as usize * values.stride(0) + row * values.stride(1)) / width + piece
}

#[cube(launch_unchecked, address_type = "dynamic")]
fn activate_kernel<N: Size>(
    values: &mut Tensor<Vector<f32, N>>,
    slopes: &mut Tensor<Vector<f32, N>>,
    #[comptime] activation: Activation,
) {
    let (row, piece) = row_and_piece(values);
    if row < values.shape(1) {
        let at = index_of(values, row, piece);
        let preactivation = values[at];
        let value = value_of(preactivation, activation);
        values[at] = value;
        slopes[index_of(slopes, row, piece)] = slope_of(preactivation, value, activation);
    }
}

#[cube(launch_unchecked, address_type = "dynamic")]
fn scale_kernel<N: Size>(values: &mut Tensor<Vector<f32, N>>, factors: &Tensor<Vector<f32, N>>) {
    let (row, piece) = row_and_piece(values);
    if row < values.shape(1) {
        let at = index_of(values, row, piece);
        values[at] = values[at] * factors[index_of(factors, row, piece)];
    }
}

/// Returns the grid of a pass over `values`, with `width` values in a piece.
pub(super) fn grid_over<R: CubeRuntime>(values: &Matrices<R>, width: usize) -> CubeCount {
    let [trials, rows, columns] = values.dims();
    grid_of_pieces(rows * columns / width, trials)
}

/// Replaces preactivations by their activations and returns the slopes.
pub(super) fn activate<R: CubeRuntime>(activation: Activation, values: &Matrices<R>) -> Matrices<R> {
    let slopes = values.like(values.dims());
    let width = common_width([values, &slopes]);
    // SAFETY: no unit reads or writes beyond the shape, which both have.
    unsafe {
        activate_kernel::launch_unchecked::<R>(
            &values.client(),
            grid_over(values, width),
            units(UNITS),
            addresses([values, &slopes]),
            width,
            values.argument(),
            slopes.argument(),
            activation,
        );
    }
    slopes
}

pub(super) fn scale<R: CubeRuntime>(values: &Matrices<R>, factors: &Matrices<R>) {
    assert_eq!(values.dims(), factors.dims(), "values are scaled one by one");
    let width = common_width([values, factors]);
    // SAFETY: no unit reads or writes beyond the shape, which both have.
    unsafe {
        scale_kernel::launch_unchecked::<R>(
            &values.client(),
            grid_over(values, width),
            units(UNITS),
            addresses([values, factors]),
            width,
            values.argument(),
            factors.argument(),
        );
    }
}
