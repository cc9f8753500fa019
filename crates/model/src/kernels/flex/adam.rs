//! Adam in place, on a gradient or on the tiles of the product that is the gradient.

use burn::tensor::Tensor;
use burn_flex::{Flex, FlexTensor};

use super::{
    Operand,
    buffers::tensor_to_fill,
    contiguous,
    panels::{SCRATCH, Scratch, pack, panel_width},
    product::Matrix,
    shared::Shared,
    tensor,
    tile::{Left, Prefetch, Right, Tile, accumulate},
};
use crate::{
    AdamStep, Moments, Parameter, UpdateKernels, WeightUpdate,
    optimizer::{BETA_1, BETA_2, EPSILON},
    vector::{One, Vector, Work, run},
};
use settings::Precision;

/// The rows of a weight matrix that one item of work updates.
const BLOCK_ROWS: usize = 48;

impl UpdateKernels for Flex {
    fn learn_weights(
        updates: Vec<WeightUpdate<'_, Self>>,
        step: &AdamStep<Self>,
        _: Precision,
    ) -> Vec<Parameter<Self>> {
        let settings = Settings::of(step);
        let (mut parameters, operands): (Vec<[FlexTensor; 3]>, Vec<[Operand; 2]>) = updates
            .into_iter()
            .map(|WeightUpdate { weight, input, delta }| {
                (buffers_of(weight), [Operand::shared(input).transposed(), Operand::of(delta)])
            })
            .unzip();
        let shared: Vec<_> = parameters.iter_mut().map(shared).collect();
        let panels = Panels::of(&operands);
        let blocks: Vec<Block> = operands.iter().enumerate().flat_map(blocks).collect();
        threads::share(blocks.len(), |index| {
            let Block { update, trial, first_row, rows } = blocks[index];
            let [input, delta] = &operands[update];
            let [inputs, outputs] = [input.rows, delta.columns];
            let start = (trial * inputs + first_row) * outputs;
            // SAFETY: the parameters are borrowed above, and blocks do not overlap.
            let parts = shared[update].map(|array| unsafe { array.part(start, rows * outputs) });
            SCRATCH.with_borrow_mut(|scratch| {
                run(BlockUpdate {
                    parts,
                    input: input.matrix(trial).from(first_row, 0),
                    delta: panels.of_trial(update, trial),
                    batch: delta.rows,
                    outputs,
                    rows,
                    settings: settings[trial],
                    columns_of_input: &mut scratch.left,
                });
            });
        });
        parameters.into_iter().map(parameter_of).collect()
    }

    fn learn(
        parameter: Parameter<Self>,
        gradient: Tensor<Self, 3>,
        step: &AdamStep<Self>,
    ) -> Parameter<Self> {
        let [_, rows, columns] = gradient.dims();
        let mut buffers = buffers_of(parameter);
        let shared = shared(&mut buffers);
        let gradient = Operand::of(&gradient);
        for (trial, settings) in Settings::of(step).into_iter().enumerate() {
            let gradient = gradient.trial(trial);
            // SAFETY: the buffers are borrowed above, by this thread alone.
            let parts = shared.map(|array| unsafe { array.part(trial * rows * columns, gradient.len()) });
            run(GradientUpdate { parts, gradient, settings: Settings { decay: 0.0, ..settings } });
        }
        parameter_of(buffers)
    }
}

/// The rows of a weight matrix that are updated together.
#[derive(Clone, Copy)]
struct Block {
    update: usize,
    trial: usize,
    first_row: usize,
    rows: usize,
}

/// Returns the blocks of an update, from its index, its transposed input and its delta.
fn blocks((update, [input, delta]): (usize, &[Operand; 2])) -> impl Iterator<Item = Block> {
    let (inputs, trials) = (input.rows, delta.trials);
    (0..trials).flat_map(move |trial| {
        (0..inputs).step_by(BLOCK_ROWS).map(move |first_row| Block {
            update,
            trial,
            first_row,
            rows: BLOCK_ROWS.min(inputs - first_row),
        })
    })
}

/// The deltas of all updates in panels, `[trials, panels, batch, panel width]` of each.
struct Panels(Vec<PackedDelta>);

struct PackedDelta {
    buffer: FlexTensor,
    values_per_trial: usize,
}

impl Panels {
    fn of(operands: &[[Operand; 2]]) -> Self {
        let packed = operands.iter().map(|[_, delta]| {
            let width = panel_width(delta.columns);
            let panels = delta.columns.div_ceil(width);
            let mut buffer = tensor_to_fill([delta.trials, panels * delta.rows, width]);
            let target = Shared::new(buffer.storage_mut::<f32>());
            let panel_values = delta.rows * width;
            threads::share(delta.trials * panels, |index| {
                let (trial, panel) = (index / panels, index % panels);
                let column = panel * width;
                let matrix = delta.matrix(trial).from(0, column);
                // SAFETY: the buffer is borrowed above, and panels do not overlap.
                let values = unsafe { target.part(index * panel_values, panel_values) };
                pack(matrix, delta.rows, width.min(delta.columns - column), width, values);
            });
            PackedDelta { buffer, values_per_trial: panels * panel_values }
        });
        Self(packed.collect())
    }

    fn of_trial(&self, update: usize, trial: usize) -> &[f32] {
        let PackedDelta { buffer, values_per_trial } = &self.0[update];
        &buffer.storage::<f32>()[trial * values_per_trial..][..*values_per_trial]
    }
}

/// Computes the gradient of some rows of a weight matrix tile by tile, and updates with each tile while it is in registers.
struct BlockUpdate<'a> {
    /// The rows of weights, first moments and second moments.
    parts: [&'a mut [f32]; 3],
    /// The transposed input from the first row on.
    input: Matrix<'a>,
    /// The trial's delta in panels.
    delta: &'a [f32],
    batch: usize,
    outputs: usize,
    rows: usize,
    settings: Settings,
    columns_of_input: &'a mut Scratch,
}

impl Work for BlockUpdate<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the caller guarantees the instruction set.
        unsafe {
            match (V::LANES, panel_width(self.outputs)) {
                (16, 16) => self.in_tiles::<V, 8, 1>(),
                (8, _) => self.in_tiles::<V, 6, 2>(),
                _ => self.in_tiles::<V, 6, 4>(),
            }
        }
    }
}

impl BlockUpdate<'_> {
    /// # Safety
    /// The processor has the instruction set of `V`.
    #[inline(always)]
    unsafe fn in_tiles<V: Vector, const ROWS: usize, const VECTORS: usize>(self) {
        let Self { parts, input, delta, batch, outputs, rows, settings, columns_of_input } = self;
        let width = panel_width(outputs);
        let tiles = rows / ROWS;
        let columns = columns_of_input.values(tiles * batch * ROWS);
        for (tile, columns) in columns.chunks_exact_mut(batch * ROWS).enumerate() {
            for (example, target) in columns.chunks_exact_mut(ROWS).enumerate() {
                let start = tile * ROWS * input.row_stride + example * input.column_stride;
                target.copy_from_slice(&input.values[start..][..ROWS]);
            }
        }
        let rows_of = Rows { arrays: parts.map(<[f32]>::as_mut_ptr), outputs, settings };
        for (panel, values) in delta.chunks_exact(batch * width).enumerate() {
            for column in (0..width).step_by(VECTORS * V::LANES) {
                let right = Right { values: values[column..].as_ptr(), row_stride: width };
                let column = panel * width + column;
                // SAFETY: the caller guarantees the instruction set; the sizes are those of the block.
                unsafe {
                    for tile in 0..tiles {
                        let left = Left {
                            values: columns[tile * batch * ROWS..].as_ptr(),
                            row_stride: 1,
                            step: ROWS,
                        };
                        rows_of.update::<V, ROWS, VECTORS>(left, right, batch, tile * ROWS, column);
                    }
                    let mut row = tiles * ROWS;
                    let mut left = Left::of(input.from(row, 0));
                    if rows - row >= 4 {
                        rows_of.update::<V, 4, VECTORS>(left, right, batch, row, column);
                        row += 4;
                        left = Left::of(input.from(row, 0));
                    }
                    if rows - row >= 2 {
                        rows_of.update::<V, 2, VECTORS>(left, right, batch, row, column);
                        row += 2;
                        left = Left::of(input.from(row, 0));
                    }
                    if rows - row >= 1 {
                        rows_of.update::<V, 1, VECTORS>(left, right, batch, row, column);
                    }
                }
            }
        }
    }
}

/// Rows of weights and moments.
#[derive(Clone, Copy)]
struct Rows {
    arrays: [*mut f32; 3],
    outputs: usize,
    settings: Settings,
}

impl Rows {
    /// Updates a tile at (`row`, `column`) against the product of `left` and `right`.
    ///
    /// # Safety
    /// As for [`accumulate`]; the rows exist.
    #[inline(always)]
    unsafe fn update<V: Vector, const ROWS: usize, const VECTORS: usize>(
        self,
        left: Left,
        right: Right,
        batch: usize,
        row: usize,
        column: usize,
    ) {
        let start = row * self.outputs + column;
        // The tile below comes next.
        let next = start + ROWS * self.outputs;
        let prefetch = Prefetch {
            arrays: self.arrays.map(|array| array.wrapping_add(next).cast_const()),
            row_stride: self.outputs,
            rows: ROWS,
            lines: (VECTORS * V::LANES).div_ceil(16),
        };
        // SAFETY: the caller guarantees the factors and the rows; values beyond the last column are left out.
        unsafe {
            let zero: Tile<V, ROWS, VECTORS> = [[V::splat(0.0); VECTORS]; ROWS];
            let gradient = accumulate(zero, left, right, batch, &prefetch);
            for (row, vectors) in gradient.iter().enumerate() {
                for (index, gradient) in vectors.iter().enumerate() {
                    let at = start + row * self.outputs + index * V::LANES;
                    let left_over = self.outputs.saturating_sub(column + index * V::LANES);
                    if left_over >= V::LANES {
                        adam(*gradient, self.arrays, at, self.settings);
                    } else {
                        let mut values = [0.0; 16];
                        gradient.store(values.as_mut_ptr());
                        for (lane, gradient) in values[..left_over].iter().enumerate() {
                            adam(One::splat(*gradient), self.arrays, at + lane, self.settings);
                        }
                    }
                }
            }
        }
    }
}

/// Updates values against a gradient in memory.
struct GradientUpdate<'a> {
    parts: [&'a mut [f32]; 3],
    gradient: &'a [f32],
    settings: Settings,
}

impl Work for GradientUpdate<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Self { parts, gradient, settings } = self;
        let arrays = parts.map(<[f32]>::as_mut_ptr);
        let vectors = gradient.len() / V::LANES * V::LANES;
        // SAFETY: all four arrays have the gradient's length.
        unsafe {
            for at in (0..vectors).step_by(V::LANES) {
                adam(V::load(gradient.as_ptr().add(at)), arrays, at, settings);
            }
            for (at, gradient) in gradient.iter().enumerate().skip(vectors) {
                adam(One::splat(*gradient), arrays, at, settings);
            }
        }
    }
}

/// Updates the values at `at` of weights and moments.
///
/// # Safety
/// The processor has the instruction set of `V`, and the arrays have a vector at `at`.
#[inline(always)]
unsafe fn adam<V: Vector>(gradient: V, arrays: [*mut f32; 3], at: usize, settings: Settings) {
    // SAFETY: the caller guarantees it.
    unsafe {
        let [value_at, first_at, second_at] = [arrays[0].add(at), arrays[1].add(at), arrays[2].add(at)];
        let value = V::load(value_at);
        let gradient = gradient.add(value.mul(V::splat(settings.decay)));
        let new_first = gradient.mul(V::splat((1.0 - BETA_1) as f32));
        let first = V::load(first_at).mul(V::splat(BETA_1 as f32)).add(new_first);
        let new_second = gradient.mul(gradient).mul(V::splat((1.0 - BETA_2) as f32));
        let second = V::load(second_at).mul(V::splat(BETA_2 as f32)).add(new_second);
        let step = first.div(second.sqrt().add(V::splat(EPSILON as f32)));
        first.store(first_at);
        second.store(second_at);
        value.sub(step.mul(V::splat(settings.rate))).store(value_at);
    }
}

/// The optimizer's settings for a trial.
#[derive(Clone, Copy)]
struct Settings {
    rate: f32,
    decay: f32,
}

impl Settings {
    fn of(step: &AdamStep<Flex>) -> Vec<Self> {
        let rates = numbers(&step.rate);
        let decays = step.weight_decay.as_ref().map_or_else(|| vec![0.0; rates.len()], numbers);
        rates.into_iter().zip(decays).map(|(rate, decay)| Self { rate, decay }).collect()
    }
}

fn numbers(of_trials: &Tensor<Flex, 3>) -> Vec<f32> {
    contiguous(of_trials.clone()).storage::<f32>().to_vec()
}

/// Returns the contiguous buffers of a parameter: value, first moment and second moment.
fn buffers_of(Parameter { value, moments }: Parameter<Flex>) -> [FlexTensor; 3] {
    [value, moments.first, moments.second].map(contiguous)
}

fn parameter_of(buffers: [FlexTensor; 3]) -> Parameter<Flex> {
    let [value, first, second] = buffers.map(tensor);
    Parameter { value, moments: Moments { first, second } }
}

/// Returns the values of [`buffers_of`], which several threads may update in parts that do not overlap.
fn shared(buffers: &mut [FlexTensor; 3]) -> [Shared; 3] {
    buffers.each_mut().map(|buffer| Shared::new(buffer.storage_mut::<f32>()))
}
