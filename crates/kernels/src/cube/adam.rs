//! Adam in one pass, on a gradient or at the end of the product that is the gradient.

use burn_cubecl::{BoolElement, CubeRuntime};
use cubecl::{ir::FastMath, prelude::*};

use super::{
    elementwise::{grid_over, index_of, row_and_piece},
    launch::{Backend, Matrices, UNITS, addresses, common_width, units},
    product::{Product, output_column, output_row, product_tile, set_of_trial},
    tile::Tile,
    vectors::{QUAD, Quad, extent_of, put_quad, quad_at},
};
use crate::{
    AdamStep, Moments, Parameter,
    optimizer::{BETA_1, BETA_2, EPSILON},
};

/// The number below which roots are negligible against [`EPSILON`].
const SMALLEST: f32 = 1e-30;

#[cube]
fn first_after<N: Size>(first: Vector<f32, N>, gradient: Vector<f32, N>) -> Vector<f32, N> {
    first * Vector::new(BETA_1 as f32) + gradient * Vector::new((1.0 - BETA_1) as f32)
}

#[cube]
fn second_after<N: Size>(second: Vector<f32, N>, gradient: Vector<f32, N>) -> Vector<f32, N> {
    second * Vector::new(BETA_2 as f32) + gradient * gradient * Vector::new((1.0 - BETA_2) as f32)
}

/// Returns the difference that a step subtracts, from the moments after the step.
///
/// Root and quotient may each be wrong by two units in their last place: correctly rounded ones would cost more
/// instructions than the rest of the step.
#[cube(fast_math = FastMath::AllowReciprocal | FastMath::ReducedPrecision | FastMath::UnsignedZero | FastMath::NotInf)]
fn step_of<N: Size>(first: Vector<f32, N>, second: Vector<f32, N>, rate: f32) -> Vector<f32, N> {
    // The inverse root of 0 is infinite. The product brings NaN back.
    let above_zero = max(second, Vector::new(SMALLEST));
    let root = second * Vector::inverse_sqrt(above_zero);
    first / (root + Vector::new(EPSILON as f32)) * Vector::new(rate)
}

/// Returns the trial's number of `[trials, 1, 1]`.
#[cube]
fn of_trial(numbers: &Tensor<f32>) -> f32 {
    numbers[CUBE_POS_Z as usize * numbers.stride(0)]
}

#[cube(launch_unchecked, address_type = "dynamic")]
fn learn_kernel<N: Size>(
    gradient: &Tensor<Vector<f32, N>>,
    rates: &Tensor<f32>,
    value: &mut Tensor<Vector<f32, N>>,
    first: &mut Tensor<Vector<f32, N>>,
    second: &mut Tensor<Vector<f32, N>>,
) {
    let (row, piece) = row_and_piece(value);
    if row < value.shape(1) {
        let gradient = gradient[index_of(gradient, row, piece)];
        let value_at = index_of(value, row, piece);
        let first_at = index_of(first, row, piece);
        let second_at = index_of(second, row, piece);
        let first_moment = first_after(first[first_at], gradient);
        let second_moment = second_after(second[second_at], gradient);
        value[value_at] = value[value_at] - step_of(first_moment, second_moment, of_trial(rates));
        first[first_at] = first_moment;
        second[second_at] = second_moment;
    }
}

/// Computes the gradient `left^T right` in registers and updates the weights.
#[cube(launch_unchecked, address_type = "dynamic")]
fn learn_weights_kernel<L: Size, R: Size, O: Size>(
    left: &Tensor<Vector<f32, L>>,
    right: &Tensor<Vector<f32, R>>,
    sets: &Tensor<i32>,
    rates: &Tensor<f32>,
    decays: &Tensor<f32>,
    value: &mut Tensor<Vector<f32, O>>,
    first: &mut Tensor<Vector<f32, O>>,
    second: &mut Tensor<Vector<f32, O>>,
    #[comptime] has_sets: bool,
    #[comptime] has_decays: bool,
    #[comptime] tile: Tile,
) {
    let trial = CUBE_POS_Z as usize;
    let left_extent = extent_of(left, set_of_trial(sets, has_sets));
    let sums = product_tile(left, right, &left_extent, &extent_of(right, trial), tile);
    let rate = of_trial(rates);
    let decay = if comptime!(has_decays) { of_trial(decays) } else { 0.0f32.runtime() };
    let value_extent = extent_of(value, trial);
    let first_extent = extent_of(first, trial);
    let second_extent = extent_of(second, trial);
    #[unroll]
    for row in 0..tile.unit_rows {
        let output_row = output_row(row, tile);
        if output_row < value_extent.rows {
            let groups = comptime!(tile.unit_columns / QUAD);
            let mut values = Array::<Quad>::new(groups);
            let mut firsts = Array::<Quad>::new(groups);
            let mut seconds = Array::<Quad>::new(groups);
            #[unroll]
            for group in 0..groups {
                let column = output_column(group, tile);
                values[group] = quad_at(value, &value_extent, output_row, column);
                firsts[group] = quad_at(first, &first_extent, output_row, column);
                seconds[group] = quad_at(second, &second_extent, output_row, column);
            }
            #[unroll]
            for group in 0..groups {
                let column = output_column(group, tile);
                let mut gradient = sums[comptime!(row * groups + group)];
                if comptime!(has_decays) {
                    gradient += values[group] * Quad::new(decay);
                }
                let first_moment = first_after(firsts[group], gradient);
                let second_moment = second_after(seconds[group], gradient);
                let learned = values[group] - step_of(first_moment, second_moment, rate);
                put_quad(value, &value_extent, output_row, column, learned);
                put_quad(first, &first_extent, output_row, column, first_moment);
                put_quad(second, &second_extent, output_row, column, second_moment);
            }
        }
    }
}

/// The settings of one step for every trial, on the device.
pub(super) struct Settings<R: CubeRuntime> {
    rates: Matrices<R>,
    decays: Option<Matrices<R>>,
}

/// The tensors of a parameter, which no other code reads.
pub(super) struct State<R: CubeRuntime> {
    value: Matrices<R>,
    first: Matrices<R>,
    second: Matrices<R>,
}

impl<R: CubeRuntime> Settings<R> {
    pub(super) fn of<B: BoolElement>(step: &AdamStep<Backend<R, B>>) -> Self {
        Self { rates: Matrices::of(&step.rate), decays: step.weight_decay.as_ref().map(Matrices::of) }
    }
}

impl<R: CubeRuntime> State<R> {
    pub(super) fn take<B: BoolElement>(parameter: Parameter<burn::tensor::Tensor<Backend<R, B>, 3>>) -> Self {
        let Parameter { value, moments: Moments { first, second } } = parameter;
        Self { value: Matrices::owned(value), first: Matrices::owned(first), second: Matrices::owned(second) }
    }

    pub(super) fn give<B: BoolElement>(self) -> Parameter<burn::tensor::Tensor<Backend<R, B>, 3>> {
        let moments = Moments { first: self.first.into_tensor(), second: self.second.into_tensor() };
        Parameter { value: self.value.into_tensor(), moments }
    }

    /// Runs a step against `gradient`, without weight decay.
    pub(super) fn learn(&self, gradient: &Matrices<R>, settings: &Settings<R>) {
        let Self { value, first, second } = self;
        assert_eq!(gradient.dims(), value.dims(), "a gradient has its parameter's shape");
        let width = common_width([gradient, value, first, second]);
        // SAFETY: no unit reads or writes beyond the shape, which all have.
        unsafe {
            learn_kernel::launch_unchecked::<R>(
                &value.client(),
                grid_over(value, width),
                units(UNITS),
                addresses([gradient, value, first, second]),
                width,
                gradient.argument(),
                settings.rates.argument(),
                value.argument(),
                first.argument(),
                second.argument(),
            );
        }
    }

    /// Runs a step of a weight matrix against a product.
    pub(super) fn learn_product(&self, product: Product<'_, R>, settings: &Settings<R>) {
        let Self { value, first, second } = self;
        let [rows, columns] = product.shape();
        assert_eq!([product.trials, rows, columns], value.dims(), "a gradient has its parameter's shape");
        let (tile, grid, has_sets) = (product.tile(), product.grid(), product.sets.is_some());
        let Product { left, right, sets, .. } = product;
        // SAFETY: no unit reads or writes beyond the shapes, which are the factors' and the output's.
        unsafe {
            learn_weights_kernel::launch_unchecked::<R>(
                &value.client(),
                grid,
                units(tile.units()),
                addresses([left, right, value, first, second]),
                left.width(),
                right.width(),
                common_width([value, first, second]),
                left.argument(),
                right.argument(),
                // The kernel never reads an absent tensor.
                sets.unwrap_or_else(|| settings.rates.argument()),
                settings.rates.argument(),
                settings.decays.as_ref().unwrap_or(&settings.rates).argument(),
                value.argument(),
                first.argument(),
                second.argument(),
                has_sets,
                settings.decays.is_some(),
                tile,
            );
        }
    }
}
