//! Batch normalization: a cube processes whole columns of a trial, so that statistics and normalization are one launch.

use burn_cubecl::CubeRuntime;
use cubecl::prelude::*;

use super::{
    elementwise::index_of,
    launch::{Matrices, UNITS, addresses, common_width, units},
    reductions::{LANES, column_piece, first_row, grid_of_columns, next_row, sum_of_parts},
};
use crate::BATCH_NORM_EPSILON;

#[cube(launch_unchecked, address_type = "dynamic")]
fn normalize_kernel<N: Size>(
    scale: &Tensor<Vector<f32, N>>,
    shift: &Tensor<Vector<f32, N>>,
    values: &mut Tensor<Vector<f32, N>>,
    standardized: &mut Tensor<Vector<f32, N>>,
    gain: &mut Tensor<Vector<f32, N>>,
    mean: &mut Tensor<Vector<f32, N>>,
    variance: &mut Tensor<Vector<f32, N>>,
) {
    let piece = column_piece();
    let is_inside = piece < values.shape(2) / N::value();
    let batch = values.shape(1);
    let count = Vector::<f32, N>::new(f32::cast_from(batch as u32));
    let mut part = Vector::<f32, N>::new(0.0);
    if is_inside {
        for row in range_stepped(first_row(), batch, comptime!(next_row())) {
            part += values[index_of(values, row, piece)];
        }
    }
    let batch_mean = sum_of_parts(part) / count;
    let mut squares = Vector::<f32, N>::new(0.0);
    if is_inside {
        for row in range_stepped(first_row(), batch, comptime!(next_row())) {
            let centered = values[index_of(values, row, piece)] - batch_mean;
            squares += centered * centered;
        }
    }
    let batch_variance = sum_of_parts(squares) / count;
    if is_inside {
        let one = Vector::<f32, N>::new(1.0);
        let inverse = one / Vector::sqrt(batch_variance + Vector::new(BATCH_NORM_EPSILON as f32));
        let unit_scale = scale[index_of(scale, 0, piece)];
        let unit_shift = shift[index_of(shift, 0, piece)];
        for row in range_stepped(first_row(), batch, comptime!(next_row())) {
            let at = index_of(values, row, piece);
            let standard = (values[at] - batch_mean) * inverse;
            standardized[index_of(standardized, row, piece)] = standard;
            values[at] = standard * unit_scale + unit_shift;
        }
        if UNIT_POS < comptime!(LANES as u32) {
            gain[index_of(gain, 0, piece)] = unit_scale * inverse;
            mean[index_of(mean, 0, piece)] = batch_mean;
            variance[index_of(variance, 0, piece)] = batch_variance;
        }
    }
}

#[cube(launch_unchecked, address_type = "dynamic")]
fn delta_kernel<N: Size>(
    signal: &Tensor<Vector<f32, N>>,
    standardized: &Tensor<Vector<f32, N>>,
    gain: &Tensor<Vector<f32, N>>,
    delta: &mut Tensor<Vector<f32, N>>,
) {
    let piece = column_piece();
    let is_inside = piece < signal.shape(2) / N::value();
    let batch = signal.shape(1);
    let count = Vector::<f32, N>::new(f32::cast_from(batch as u32));
    let (signals, products) = parts_of_gradients(signal, standardized, piece, is_inside);
    let mean = sum_of_parts(signals) / count;
    let correlation = sum_of_parts(products) / count;
    if is_inside {
        let unit_gain = gain[index_of(gain, 0, piece)];
        for row in range_stepped(first_row(), batch, comptime!(next_row())) {
            let centered = signal[index_of(signal, row, piece)] - mean;
            let standard = standardized[index_of(standardized, row, piece)];
            delta[index_of(delta, row, piece)] = (centered - standard * correlation) * unit_gain;
        }
    }
}

#[cube(launch_unchecked, address_type = "dynamic")]
fn gradients_kernel<N: Size>(
    signal: &Tensor<Vector<f32, N>>,
    standardized: &Tensor<Vector<f32, N>>,
    of_scale: &mut Tensor<Vector<f32, N>>,
    of_shift: &mut Tensor<Vector<f32, N>>,
) {
    let piece = column_piece();
    let is_inside = piece < signal.shape(2) / N::value();
    let (signals, products) = parts_of_gradients(signal, standardized, piece, is_inside);
    let shift_gradient = sum_of_parts(signals);
    let scale_gradient = sum_of_parts(products);
    if is_inside && UNIT_POS < comptime!(LANES as u32) {
        of_scale[index_of(of_scale, 0, piece)] = scale_gradient;
        of_shift[index_of(of_shift, 0, piece)] = shift_gradient;
    }
}

/// Returns a unit's part of the sums of the signal, and of the signal times the standardized values.
#[cube]
fn parts_of_gradients<N: Size>(
    signal: &Tensor<Vector<f32, N>>,
    standardized: &Tensor<Vector<f32, N>>,
    piece: usize,
    is_inside: bool,
) -> (Vector<f32, N>, Vector<f32, N>) {
    let mut signals = Vector::<f32, N>::new(0.0);
    let mut products = Vector::<f32, N>::new(0.0);
    if is_inside {
        for row in range_stepped(first_row(), signal.shape(1), comptime!(next_row())) {
            let value = signal[index_of(signal, row, piece)];
            signals += value;
            products += value * standardized[index_of(standardized, row, piece)];
        }
    }
    (signals, products)
}

/// Normalizes `values` in place. Returns the standardized values, gain, mean and variance.
pub(super) fn normalize<R: CubeRuntime>(
    values: &Matrices<R>,
    scale: &Matrices<R>,
    shift: &Matrices<R>,
) -> [Matrices<R>; 4] {
    let [trials, _, columns] = values.dims();
    let standardized = values.like(values.dims());
    let [gain, mean, variance] = [(); 3].map(|()| values.like([trials, 1, columns]));
    let width = common_width([scale, shift, values, &standardized, &gain]);
    // SAFETY: no unit reads or writes beyond the shapes.
    unsafe {
        normalize_kernel::launch_unchecked::<R>(
            &values.client(),
            grid_of_columns(values, width),
            units(UNITS),
            addresses([values, &standardized]),
            width,
            scale.argument(),
            shift.argument(),
            values.argument(),
            standardized.argument(),
            gain.argument(),
            mean.argument(),
            variance.argument(),
        );
    }
    [standardized, gain, mean, variance]
}

/// Returns the signal at a normalization's input from the one at its output.
pub(super) fn delta<R: CubeRuntime>(
    signal: &Matrices<R>,
    standardized: &Matrices<R>,
    gain: &Matrices<R>,
) -> Matrices<R> {
    let delta = signal.like(signal.dims());
    let width = common_width([signal, standardized, gain, &delta]);
    // SAFETY: no unit reads or writes beyond the shapes.
    unsafe {
        delta_kernel::launch_unchecked::<R>(
            &signal.client(),
            grid_of_columns(signal, width),
            units(UNITS),
            addresses([signal, standardized, &delta]),
            width,
            signal.argument(),
            standardized.argument(),
            gain.argument(),
            delta.argument(),
        );
    }
    delta
}

/// Returns the gradients of scale and shift, each `[trials, 1, units]`.
pub(super) fn gradients<R: CubeRuntime>(
    signal: &Matrices<R>,
    standardized: &Matrices<R>,
) -> [Matrices<R>; 2] {
    let [trials, _, columns] = signal.dims();
    let gradients = [(); 2].map(|()| signal.like([trials, 1, columns]));
    let [of_scale, of_shift] = &gradients;
    let width = common_width([signal, standardized, of_scale]);
    // SAFETY: no unit reads or writes beyond the shapes.
    unsafe {
        gradients_kernel::launch_unchecked::<R>(
            &signal.client(),
            grid_of_columns(signal, width),
            units(UNITS),
            addresses([signal, standardized]),
            width,
            signal.argument(),
            standardized.argument(),
            of_scale.argument(),
            of_shift.argument(),
        );
    }
    gradients
}
