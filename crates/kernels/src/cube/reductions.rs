//! Sums over the batch and over whole matrices, always in the same order.

use burn_cubecl::{CubeRuntime, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{
    elementwise::index_of,
    launch::{Matrices, UNITS, addresses, common_width, grid, units},
};

/// The number of neighboring columns of pieces that a cube sums at the same time.
pub(super) const LANES: usize = 32;
/// The number of parts of a column, each summed by another unit.
const PARTS: usize = UNITS / LANES;
/// The number of pieces of a matrix that a unit sums before the units' sums are added.
const PIECES: usize = 64;

/// Returns the index of the piece in a row whose column this unit sums a part of; it may be beyond the last piece.
#[cube]
pub(super) fn column_piece() -> usize {
    CUBE_POS_X as usize * LANES + UNIT_POS as usize % LANES
}

/// Returns the first row of this unit's part of its column. The others follow in steps of [`next_row`].
#[cube]
pub(super) fn first_row() -> usize {
    UNIT_POS as usize / LANES
}

/// Returns the distance between the rows of a part.
pub(super) const fn next_row() -> usize {
    PARTS
}

/// Returns the sum of the parts of a column. Every unit of a cube must call it.
#[cube]
pub(super) fn sum_of_parts<N: Size>(part: Vector<f32, N>) -> Vector<f32, N> {
    let mut parts = SharedMemory::<Vector<f32, N>>::new(UNITS);
    parts[UNIT_POS as usize] = part;
    sync_cube();
    let mut sum = parts[UNIT_POS as usize % LANES];
    #[unroll]
    for part in 1..PARTS {
        sum += parts[UNIT_POS as usize % LANES + part * LANES];
    }
    sum
}

/// Returns the sum of a number of each unit of a cube. Every unit must call it.
#[cube]
pub(super) fn sum_of_units(number: f32) -> f32 {
    let mut numbers = SharedMemory::<f32>::new(UNITS);
    let unit = UNIT_POS as usize;
    numbers[unit] = number;
    sync_cube();
    #[unroll]
    for round in 0..comptime!(UNITS.ilog2() as usize) {
        let half = comptime!(UNITS >> (round + 1));
        if unit < half {
            let other = numbers[unit + half];
            numbers[unit] += other;
        }
        sync_cube();
    }
    numbers[0]
}

#[cube(launch_unchecked, address_type = "dynamic")]
fn sum_of_rows_kernel<N: Size>(values: &Tensor<Vector<f32, N>>, sums: &mut Tensor<Vector<f32, N>>) {
    let piece = column_piece();
    let is_inside = piece < values.shape(2) / N::value();
    let mut part = Vector::<f32, N>::new(0.0);
    if is_inside {
        for row in range_stepped(first_row(), values.shape(1), comptime!(next_row())) {
            part += values[index_of(values, row, piece)];
        }
    }
    let sum = sum_of_parts(part);
    if is_inside && UNIT_POS < comptime!(LANES as u32) {
        sums[index_of(sums, 0, piece)] = sum;
    }
}

/// Computes sums of products, each over the pieces of one cube, `[trials, 1, chunks]`.
#[cube(launch_unchecked, address_type = "dynamic")]
fn inner_products_kernel<N: Size>(
    left: &Tensor<Vector<f32, N>>,
    right: &Tensor<Vector<f32, N>>,
    sums: &mut Tensor<f32>,
) {
    let pieces = left.shape(2) / N::value();
    let count = left.shape(1) * pieces;
    let first = CUBE_POS_X as usize * comptime!(PIECES * UNITS) + UNIT_POS as usize;
    let mut products = Vector::<f32, N>::new(0.0);
    for step in 0..PIECES {
        let at = first + step * UNITS;
        if at < count {
            let (row, piece) = (at / pieces, at % pieces);
            products += left[index_of(left, row, piece)] * right[index_of(right, row, piece)];
        }
    }
    let mut own = f32::new(0.0);
    let width = N::value();
    #[unroll]
    for lane in 0..width {
        own += products[lane];
    }
    let sum = sum_of_units(own);
    if UNIT_POS == 0 {
        sums[CUBE_POS_Z as usize * sums.stride(0) + CUBE_POS_X as usize] = sum;
    }
}

/// Computes the sum of each trial's row of `values`.
#[cube(launch_unchecked, address_type = "dynamic")]
fn sum_of_row_kernel(values: &Tensor<f32>, sums: &mut Tensor<f32>) {
    let mut own = f32::new(0.0);
    for at in range_stepped(UNIT_POS as usize, values.shape(2), UNITS) {
        own += values[CUBE_POS_Z as usize * values.stride(0) + at];
    }
    let sum = sum_of_units(own);
    if UNIT_POS == 0 {
        sums[CUBE_POS_Z as usize] = sum;
    }
}

/// Returns the grid of a sum over columns of `values`, with `width` columns in a piece.
pub(super) fn grid_of_columns<R: CubeRuntime>(values: &Matrices<R>, width: usize) -> CubeCount {
    let [trials, _, columns] = values.dims();
    grid((columns / width).div_ceil(LANES), 1, trials)
}

/// Returns the sum over the rows: `[trials, rows, columns]` gives `[trials, 1, columns]`.
pub(super) fn sum_of_rows<R: CubeRuntime>(values: &Matrices<R>) -> Matrices<R> {
    let [trials, _, columns] = values.dims();
    let sums = values.like([trials, 1, columns]);
    let width = common_width([values, &sums]);
    // SAFETY: no unit reads or writes beyond the shapes.
    unsafe {
        sum_of_rows_kernel::launch_unchecked::<R>(
            &values.client(),
            grid_of_columns(values, width),
            units(UNITS),
            addresses([values, &sums]),
            width,
            values.argument(),
            sums.argument(),
        );
    }
    sums
}

/// Returns the sum of `left * right` of each trial, `[trials]`. A factor may be one matrix for all trials.
pub(super) fn inner_product<R: CubeRuntime>(left: &Matrices<R>, right: &Matrices<R>) -> CubeTensor<R> {
    let ([left_trials, rows, columns], [right_trials, ..]) = (left.dims(), right.dims());
    assert_eq!([rows, columns], right.dims()[1..], "an inner product's factors have one shape");
    let trials = left_trials.max(right_trials);
    let width = common_width([left, right]);
    let chunks = (rows * columns / width).div_ceil(PIECES * UNITS);
    let sums = left.like([trials, 1, chunks]);
    let sum = left.numbers(trials);
    // SAFETY: no unit reads or writes beyond the shapes; there is a sum for each cube.
    unsafe {
        inner_products_kernel::launch_unchecked::<R>(
            &left.client(),
            grid(chunks, 1, trials),
            units(UNITS),
            addresses([left, right]),
            width,
            left.argument(),
            right.argument(),
            sums.argument(),
        );
        sum_of_row_kernel::launch_unchecked::<R>(
            &left.client(),
            grid(1, 1, trials),
            units(UNITS),
            addresses([&sums]),
            sums.argument(),
            sum.clone().into_tensor_arg(),
        );
    }
    sum
}
