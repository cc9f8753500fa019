//! Optimizers in one pass, on a gradient or at the end of the product that is the gradient.

use burn_cubecl::{BoolElement, CubeRuntime};
use cubecl::{ir::FastMath, prelude::*};

use super::{
    elementwise::{grid_over, index_of, row_and_piece},
    launch::{Backend, Matrices, UNITS, addresses, common_width, units},
    product::{Product, output_column, output_row, product_tile, set_of_trial},
    tile::Tile,
    vectors::{QUAD, Quad, extent_of, put_quad, quad_at},
};
use settings::OptimizerKind;

use crate::{OptimizerStep, Parameter};

/// The arithmetic of an optimizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    Adam,
    RmsProp,
    Momentum,
    Nesterov,
    Descent,
}

impl Form {
    fn of(kind: OptimizerKind) -> Self {
        match kind {
            OptimizerKind::Adam(_) => Self::Adam,
            OptimizerKind::RmsProp => Self::RmsProp,
            OptimizerKind::Momentum { nesterov: false } => Self::Momentum,
            OptimizerKind::Momentum { nesterov: true } => Self::Nesterov,
            OptimizerKind::Descent => Self::Descent,
        }
    }

    /// Returns the number of states of each value.
    fn states(self) -> usize {
        match self {
            Self::Adam => 2,
            Self::RmsProp | Self::Momentum | Self::Nesterov => 1,
            Self::Descent => 0,
        }
    }
}

/// The numbers of a trial's step: [`Coefficients`](crate::Coefficients) on the device.
#[derive(CubeType, Clone, Copy)]
struct Constants {
    rate: f32,
    kept_first: f32,
    new_first: f32,
    kept_square: f32,
    new_square: f32,
    epsilon: f32,
}

/// Returns the constants of the cube's trial. `coefficients` are those of all trials, in the order of
/// [`to_array`](crate::Coefficients::to_array).
#[cube]
fn constants_of_trial(coefficients: &Tensor<f32>) -> Constants {
    let first = CUBE_POS_Z as usize * coefficients.stride(0);
    Constants {
        rate: coefficients[first],
        kept_first: coefficients[first + 1],
        new_first: coefficients[first + 2],
        kept_square: coefficients[first + 3],
        new_square: coefficients[first + 4],
        epsilon: coefficients[first + 5],
    }
}

/// Returns the first state after a step.
#[cube]
fn first_after<N: Size>(
    first: Vector<f32, N>,
    gradient: Vector<f32, N>,
    constants: &Constants,
    #[comptime] form: Form,
) -> Vector<f32, N> {
    match form {
        Form::Adam => first * Vector::new(constants.kept_first) + gradient * Vector::new(constants.new_first),
        Form::RmsProp => square_after(first, gradient, constants),
        Form::Momentum | Form::Nesterov => first * Vector::new(constants.kept_first) + gradient,
        Form::Descent => first,
    }
}

#[cube]
fn square_after<N: Size>(
    square: Vector<f32, N>,
    gradient: Vector<f32, N>,
    constants: &Constants,
) -> Vector<f32, N> {
    square * Vector::new(constants.kept_square) + gradient * gradient * Vector::new(constants.new_square)
}

/// Returns the direction of a step, from the states after the step.
#[cube]
fn direction<N: Size>(
    gradient: Vector<f32, N>,
    first: Vector<f32, N>,
    second: Vector<f32, N>,
    constants: &Constants,
    #[comptime] form: Form,
) -> Vector<f32, N> {
    match form {
        Form::Adam => quotient(first, second, constants.epsilon),
        Form::RmsProp => quotient(gradient, first, constants.epsilon),
        Form::Momentum => first,
        Form::Nesterov => gradient + first * Vector::new(constants.kept_first),
        Form::Descent => gradient,
    }
}

/// Returns a value after a step. The multiplication and the subtraction are rounded once, so that a compiler has no choice: decay in a
/// population must not change the bits of trials without it.
#[cube]
fn moved<N: Size>(value: Vector<f32, N>, direction: Vector<f32, N>, rate: f32) -> Vector<f32, N> {
    fma(direction, Vector::new(0.0 - rate), value)
}

/// The number below which roots are negligible against every usual epsilon.
const SMALLEST: f32 = 1e-30;

/// Returns `value / (sqrt(square) + epsilon)`.
///
/// Root and quotient may each be wrong by two units in their last place: correctly rounded ones would cost more
/// instructions than the rest of the step.
#[cube(fast_math = FastMath::AllowReciprocal | FastMath::ReducedPrecision | FastMath::UnsignedZero | FastMath::NotInf)]
fn quotient<N: Size>(value: Vector<f32, N>, square: Vector<f32, N>, epsilon: f32) -> Vector<f32, N> {
    // The inverse root of 0 is infinite. The product brings NaN back.
    let above_zero = max(square, Vector::new(SMALLEST));
    let root = square * Vector::inverse_sqrt(above_zero);
    value / (root + Vector::new(epsilon))
}

/// Returns the trial's number of `[trials, 1, 1]`.
#[cube]
fn of_trial(numbers: &Tensor<f32>) -> f32 {
    numbers[CUBE_POS_Z as usize * numbers.stride(0)]
}

#[cube(launch_unchecked, address_type = "dynamic")]
fn learn_kernel<N: Size>(
    gradient: &Tensor<Vector<f32, N>>,
    coefficients: &Tensor<f32>,
    value: &mut Tensor<Vector<f32, N>>,
    first: &mut Tensor<Vector<f32, N>>,
    second: &mut Tensor<Vector<f32, N>>,
    #[comptime] form: Form,
) {
    let (row, piece) = row_and_piece(value);
    if row < value.shape(1) {
        let constants = constants_of_trial(coefficients);
        let states = comptime!(form.states());
        let gradient = gradient[index_of(gradient, row, piece)];
        let value_at = index_of(value, row, piece);
        let first_at = index_of(first, row, piece);
        let second_at = index_of(second, row, piece);
        let mut new_first = gradient;
        let mut new_second = gradient;
        if comptime!(states > 0) {
            new_first = first_after(first[first_at], gradient, &constants, form);
            first[first_at] = new_first;
        }
        if comptime!(states > 1) {
            new_second = square_after(second[second_at], gradient, &constants);
            second[second_at] = new_second;
        }
        let direction = direction(gradient, new_first, new_second, &constants, form);
        value[value_at] = moved(value[value_at], direction, constants.rate);
    }
}

/// Computes the gradient `left^T right` in registers and updates the weights.
#[cube(launch_unchecked, address_type = "dynamic")]
fn learn_weights_kernel<L: Size, R: Size, O: Size>(
    left: &Tensor<Vector<f32, L>>,
    right: &Tensor<Vector<f32, R>>,
    sets: &Tensor<i32>,
    coefficients: &Tensor<f32>,
    decays: &Tensor<f32>,
    kept: &Tensor<f32>,
    value: &mut Tensor<Vector<f32, O>>,
    first: &mut Tensor<Vector<f32, O>>,
    second: &mut Tensor<Vector<f32, O>>,
    #[comptime] has_sets: bool,
    #[comptime] has_decays: bool,
    #[comptime] has_kept: bool,
    #[comptime] form: Form,
    #[comptime] tile: Tile,
) {
    let trial = CUBE_POS_Z as usize;
    let left_extent = extent_of(left, set_of_trial(sets, has_sets));
    let sums = product_tile(left, right, &left_extent, &extent_of(right, trial), tile);
    let constants = constants_of_trial(coefficients);
    let decay = if comptime!(has_decays) { of_trial(decays) } else { 0.0f32.runtime() };
    let kept = if comptime!(has_kept) { of_trial(kept) } else { 1.0f32.runtime() };
    let states = comptime!(form.states());
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
                if comptime!(states > 0) {
                    firsts[group] = quad_at(first, &first_extent, output_row, column);
                }
                if comptime!(states > 1) {
                    seconds[group] = quad_at(second, &second_extent, output_row, column);
                }
            }
            #[unroll]
            for group in 0..groups {
                let column = output_column(group, tile);
                let mut gradient = sums[comptime!(row * groups + group)];
                if comptime!(has_decays) {
                    gradient += values[group] * Quad::new(decay);
                }
                let mut new_first = gradient;
                let mut new_second = gradient;
                if comptime!(states > 0) {
                    new_first = first_after(firsts[group], gradient, &constants, form);
                    put_quad(first, &first_extent, output_row, column, new_first);
                }
                if comptime!(states > 1) {
                    new_second = square_after(seconds[group], gradient, &constants);
                    put_quad(second, &second_extent, output_row, column, new_second);
                }
                let mut before = values[group];
                if comptime!(has_kept) {
                    before *= Quad::new(kept);
                }
                let direction = direction(gradient, new_first, new_second, &constants, form);
                let learned = before - direction * Quad::new(constants.rate);
                put_quad(value, &value_extent, output_row, column, learned);
            }
        }
    }
}

/// The settings of one step for every trial, on the device.
pub(super) struct Settings<R: CubeRuntime> {
    form: Form,
    coefficients: Matrices<R>,
    decays: Option<Matrices<R>>,
    kept: Option<Matrices<R>>,
}

/// The tensors of a parameter, which no other code reads.
pub(super) struct State<R: CubeRuntime> {
    value: Matrices<R>,
    states: Vec<Matrices<R>>,
}

impl<R: CubeRuntime> Settings<R> {
    pub(super) fn of<B: BoolElement>(step: &OptimizerStep<Backend<R, B>>) -> Self {
        Self {
            form: Form::of(step.kind),
            coefficients: Matrices::of(&step.coefficients),
            decays: step.weight_decay.as_ref().map(Matrices::of),
            kept: step.kept.as_ref().map(Matrices::of),
        }
    }
}

impl<R: CubeRuntime> State<R> {
    pub(super) fn take<B: BoolElement>(parameter: Parameter<burn::tensor::Tensor<Backend<R, B>, 3>>) -> Self {
        let Parameter { value, states } = parameter;
        Self { value: Matrices::owned(value), states: states.into_iter().map(Matrices::owned).collect() }
    }

    pub(super) fn give<B: BoolElement>(self) -> Parameter<burn::tensor::Tensor<Backend<R, B>, 3>> {
        let states = self.states.into_iter().map(Matrices::into_tensor).collect();
        Parameter { value: self.value.into_tensor(), states }
    }

    /// Returns the first and the second state. The kernels never use an absent one, for which the value stands.
    fn two_states(&self) -> [&Matrices<R>; 2] {
        [0, 1].map(|state| self.states.get(state).unwrap_or(&self.value))
    }

    /// Runs a step against `gradient`, without decay.
    pub(super) fn learn(&self, gradient: &Matrices<R>, settings: &Settings<R>) {
        let (value, [first, second]) = (&self.value, self.two_states());
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
                settings.coefficients.argument(),
                value.argument(),
                first.argument(),
                second.argument(),
                settings.form,
            );
        }
    }

    /// Runs a step of a weight matrix against a product.
    pub(super) fn learn_product(&self, product: Product<'_, R>, settings: &Settings<R>) {
        let (value, [first, second]) = (&self.value, self.two_states());
        let [rows, columns] = product.shape();
        assert_eq!([product.trials, rows, columns], value.dims(), "a gradient has its parameter's shape");
        let (tile, grid, has_sets) = (product.tile(), product.grid(), product.sets.is_some());
        let Product { left, right, sets, .. } = product;
        let Settings { form, coefficients, decays, kept } = settings;
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
                sets.unwrap_or_else(|| coefficients.argument()),
                coefficients.argument(),
                decays.as_ref().unwrap_or(coefficients).argument(),
                kept.as_ref().unwrap_or(coefficients).argument(),
                value.argument(),
                first.argument(),
                second.argument(),
                has_sets,
                decays.is_some(),
                kept.is_some(),
                *form,
                tile,
            );
        }
    }
}
