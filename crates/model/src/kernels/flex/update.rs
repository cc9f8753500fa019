//! Updates of parameters, on a gradient in memory or on the tiles of the product that is the gradient.
//!
//! A tile of the gradient never reaches memory. While the products of the next tile are computed, the optimizer works on the tile
//! before, a vector at a time.

use burn::tensor::Tensor;
use burn_flex::{Flex, FlexTensor};

use super::{
    Operand, contiguous,
    optimizers::{Adam, Optimizer},
    owned,
    panels::{PanelOperand, Panels, SCRATCH},
    product::Matrix,
    shared::Shared,
    tensor,
    tile::{Left, Meanwhile, Right, TILE_ROWS, Tile, accumulate, store},
};
use crate::{
    AdamStep, Moments, Parameter, UpdateKernels, WeightUpdate, Weights,
    vector::{One, Vector, Work, run},
};
use settings::Precision;

/// The rows of a weight matrix that one item of work updates.
const BLOCK_ROWS: usize = 16 * TILE_ROWS;

impl UpdateKernels for Flex {
    fn learn_weights(
        updates: Vec<WeightUpdate<'_, Self>>,
        step: &AdamStep<Self>,
        _: Precision,
    ) -> Vec<Parameter<Weights<Self>>> {
        let optimizers = optimizers_of(step);
        let deltas: Vec<Operand> = updates.iter().map(|update| Operand::of(update.delta)).collect();
        let (mut parameters, inputs): (Vec<_>, Vec<_>) = updates
            .into_iter()
            .map(|WeightUpdate { weight, input, .. }| {
                (buffers_of(weight.map(|weights| weights.values)), Operand::shared(input).transposed())
            })
            .unzip();
        let factors: Vec<_> = inputs.into_iter().zip(PanelOperand::all_packed(&deltas)).collect();
        let shared: Vec<_> = parameters.iter_mut().map(shared).collect();
        let blocks: Vec<Block> = factors.iter().enumerate().flat_map(blocks).collect();
        threads::share(blocks.len(), |index| {
            let Block { update, trial, first_row, rows } = blocks[index];
            let (input, delta) = &factors[update];
            let panels = Panels::of(input.rows, delta.panels.columns);
            let [value, first, second] =
                shared[update].map(|array| array.address(trial * panels.length(), panels.length()));
            SCRATCH.with_borrow_mut(|scratch| {
                run(BlockUpdate {
                    arrays: Arrays { value, states: [first, second] },
                    panels,
                    input: input.matrix(trial).from(first_row, 0),
                    delta: delta.trial(trial),
                    batch: delta.panels.rows,
                    first_row,
                    rows,
                    optimizer: optimizers[trial],
                    scratch: scratch.values(values_of_scratch(rows, delta.panels.rows)),
                });
            });
        });
        let outputs = factors.iter().map(|(_, delta)| delta.panels.columns);
        let parameters = parameters.into_iter().map(parameter_of).zip(outputs);
        parameters
            .map(|(parameter, outputs)| parameter.map(|values| Weights::of_arranged(values, outputs)))
            .collect()
    }

    fn learn(
        parameter: Parameter<Tensor<Self, 3>>,
        gradient: Tensor<Self, 3>,
        step: &AdamStep<Self>,
    ) -> Parameter<Tensor<Self, 3>> {
        let [_, rows, columns] = gradient.dims();
        let mut buffers = buffers_of(parameter);
        let shared = shared(&mut buffers);
        let gradient = Operand::of(&gradient);
        for (trial, optimizer) in optimizers_of(step).into_iter().enumerate() {
            let gradient = gradient.trial(trial);
            let [value, first, second] =
                shared.map(|array| array.address(trial * rows * columns, gradient.len()));
            let arrays = Arrays { value, states: [first, second] };
            run(GradientUpdate { arrays, gradient, optimizer: Adam { decay: 0.0, ..optimizer } });
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
fn blocks((update, (input, delta)): (usize, &(Operand, PanelOperand))) -> impl Iterator<Item = Block> {
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

/// The addresses of a parameter's values and of the optimizer's state.
#[derive(Clone, Copy)]
struct Arrays<const STATES: usize> {
    value: *mut f32,
    states: [*mut f32; STATES],
}

impl<const STATES: usize> Arrays<STATES> {
    #[inline(always)]
    fn from(self, index: usize) -> Self {
        Self {
            value: self.value.wrapping_add(index),
            states: self.states.map(|state| state.wrapping_add(index)),
        }
    }

    /// Takes a step of the optimizer on a vector at `index`.
    ///
    /// # Safety
    /// The processor has the instruction set of `V`, and the arrays have a vector at `index`.
    #[inline(always)]
    unsafe fn learn<V: Vector>(self, index: usize, gradient: V, optimizer: impl Optimizer<STATES>) {
        // SAFETY: the caller guarantees it.
        unsafe {
            let kept = self.first_half(index, gradient, optimizer);
            self.second_half(index, kept, optimizer);
        }
    }

    /// Updates the states of a vector at `index`, and returns what the second half needs.
    ///
    /// # Safety
    /// As for [`learn`](Self::learn).
    #[inline(always)]
    unsafe fn first_half<V: Vector>(self, index: usize, gradient: V, optimizer: impl Optimizer<STATES>) -> V {
        // SAFETY: the caller guarantees it.
        unsafe {
            let (states, kept) =
                optimizer.first_half(gradient, V::load(self.value.add(index)), self.states(index));
            for (state, array) in states.into_iter().zip(self.states) {
                state.store(array.add(index));
            }
            kept
        }
    }

    /// Updates the values of a vector at `index`.
    ///
    /// # Safety
    /// As for [`learn`](Self::learn).
    #[inline(always)]
    unsafe fn second_half<V: Vector>(self, index: usize, kept: V, optimizer: impl Optimizer<STATES>) {
        // SAFETY: the caller guarantees it.
        unsafe {
            let value_at = self.value.add(index);
            optimizer.second_half(V::load(value_at), self.states(index), kept).store(value_at);
        }
    }

    #[inline(always)]
    unsafe fn states<V: Vector>(self, index: usize) -> [V; STATES] {
        // SAFETY: the caller guarantees the instruction set and the vectors.
        unsafe {
            let mut states = [V::splat(0.0); STATES];
            for (state, array) in states.iter_mut().zip(self.states) {
                *state = V::load(array.add(index));
            }
            states
        }
    }

    /// Asks for the cache lines of a vector at `index`.
    ///
    /// # Safety
    /// The processor has the instruction set of `V`.
    #[inline(always)]
    unsafe fn prefetch<V: Vector>(self, index: usize) {
        // SAFETY: a prefetch may go to any address.
        unsafe {
            V::prefetch(self.value.wrapping_add(index));
            for state in self.states {
                V::prefetch(state.wrapping_add(index));
            }
        }
    }
}

/// The largest number of values of a tile.
const TILE_VALUES: usize = TILE_ROWS * 64;

fn values_of_scratch(rows: usize, batch: usize) -> usize {
    TILE_VALUES + rows.next_multiple_of(TILE_ROWS) * batch
}

/// Computes the gradient of some rows of a weight matrix, and updates them.
struct BlockUpdate<'a, O, const STATES: usize> {
    arrays: Arrays<STATES>,
    panels: Panels,
    /// The transposed input from the first row on.
    input: Matrix<'a>,
    /// The trial's delta in panels.
    delta: &'a [f32],
    batch: usize,
    first_row: usize,
    rows: usize,
    optimizer: O,
    scratch: &'a mut [f32],
}

impl<O: Optimizer<STATES>, const STATES: usize> Work for BlockUpdate<'_, O, STATES> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Self { arrays, panels, input, delta, batch, first_row, rows, optimizer, scratch } = self;
        let (gradient, columns) = scratch.split_at_mut(TILE_VALUES);
        copy_columns(input, rows, batch, columns);
        let mut before = Learned { arrays, gradient: gradient.as_mut_ptr(), values: 0, optimizer };
        for index in 0..panels.count() {
            let panel = panels.get(index);
            let next_panel = if index + 1 < panels.count() {
                let next = panels.get(index + 1);
                next.start + first_row * next.width
            } else {
                panel.start + (first_row + rows) * panel.width
            };
            let strip = Strip {
                columns: columns.as_ptr(),
                delta: Right {
                    values: delta[index * batch * panels.get(0).width..].as_ptr(),
                    row_stride: panel.width,
                },
                batch,
                arrays: arrays.from(panel.start + first_row * panel.width),
                after: arrays.from(next_panel),
                rows,
                width: panel.width,
            };
            // SAFETY: the caller guarantees the instruction set; the sizes are those of the block.
            unsafe {
                match (V::LANES, panel.width) {
                    (16, 16) => strip.update::<V, O, 1>(&mut before),
                    (16, 32) | (8, _) => strip.update::<V, O, 2>(&mut before),
                    _ => strip.update::<V, O, 4>(&mut before),
                }
            }
        }
        // SAFETY: as above.
        unsafe { before.rest::<V>(0) };
    }
}

/// Copies the rows of a transposed input to `[tiles, batch, rows of a tile]`; rows beyond the last become 0.
#[inline(always)]
fn copy_columns(input: Matrix<'_>, rows: usize, batch: usize, columns: &mut [f32]) {
    for (tile, columns) in columns.chunks_exact_mut(batch.max(1) * TILE_ROWS).enumerate() {
        let (columns, _) = columns.as_chunks_mut::<TILE_ROWS>();
        let row = tile * TILE_ROWS;
        let source = input.from(row, 0);
        let present = TILE_ROWS.min(rows - row);
        for (example, target) in columns.iter_mut().enumerate() {
            let source = &source.values[example * source.column_stride..];
            match source.first_chunk::<TILE_ROWS>() {
                Some(values) if present == TILE_ROWS => *target = *values,
                _ => {
                    *target = [0.0; TILE_ROWS];
                    target[..present].copy_from_slice(&source[..present]);
                }
            }
        }
    }
}

/// The tile before, whose gradient is known.
struct Learned<O, const STATES: usize> {
    /// From the tile's first value on.
    arrays: Arrays<STATES>,
    gradient: *mut f32,
    /// The number of values that the optimizer has to update.
    values: usize,
    optimizer: O,
}

impl<O: Optimizer<STATES>, const STATES: usize> Learned<O, STATES> {
    /// Does the second half of the step of the vector before this one, and the first half of this one's, as far as there are such
    /// vectors.
    ///
    /// # Safety
    /// The processor has the instruction set of `V`.
    #[inline(always)]
    unsafe fn vector<V: Vector>(&self, index: usize) {
        let at = index * V::LANES;
        // SAFETY: the caller guarantees the instruction set, and the gradient and the arrays have a vector there.
        unsafe {
            if at < self.values {
                if index > 0 {
                    self.second_half::<V>(at - V::LANES);
                }
                let gradient = self.gradient.add(at);
                self.arrays.first_half(at, V::load(gradient), self.optimizer).store(gradient);
            }
        }
    }

    #[inline(always)]
    unsafe fn second_half<V: Vector>(&self, at: usize) {
        // SAFETY: the first half kept its result in the place of the gradient.
        unsafe { self.arrays.second_half(at, V::load(self.gradient.add(at)), self.optimizer) };
    }

    /// Updates all vectors from `first` on, and the one before as far as it is not done.
    ///
    /// # Safety
    /// As for [`vector`](Self::vector).
    #[inline(always)]
    unsafe fn rest<V: Vector>(&self, first: usize) {
        // SAFETY: the caller guarantees it.
        unsafe {
            for index in first..self.values / V::LANES {
                self.vector::<V>(index);
            }
            if self.values > 0 {
                self.second_half::<V>(self.values - V::LANES);
            }
        }
    }
}

/// Updates the tile before, and prefetches the tile that comes after this one.
struct Learning<'a, O, const STATES: usize> {
    before: &'a Learned<O, STATES>,
    next: Arrays<STATES>,
    prefetched: usize,
}

impl<O: Optimizer<STATES>, const STATES: usize> Meanwhile for Learning<'_, O, STATES> {
    #[inline(always)]
    unsafe fn part<V: Vector>(&mut self, index: usize) {
        // SAFETY: the caller guarantees the instruction set.
        unsafe {
            if index * V::LANES < self.prefetched {
                self.next.prefetch::<V>(index * V::LANES);
            }
            self.before.vector::<V>(index);
        }
    }
}

/// The tiles of a block within a panel.
struct Strip<const STATES: usize> {
    columns: *const f32,
    delta: Right,
    batch: usize,
    arrays: Arrays<STATES>,
    /// The tile that comes after this panel's.
    after: Arrays<STATES>,
    rows: usize,
    width: usize,
}

impl<const STATES: usize> Strip<STATES> {
    /// Updates all rows but the last tile's, which is `before` then.
    ///
    /// # Safety
    /// The processor has the instruction set of `V`, and a row has `VECTORS` vectors.
    #[inline(always)]
    unsafe fn update<V: Vector, O: Optimizer<STATES>, const VECTORS: usize>(
        self,
        before: &mut Learned<O, STATES>,
    ) {
        let Self { columns, delta, batch, arrays, after, rows, width } = self;
        let tiles = rows.div_ceil(TILE_ROWS);
        for tile in 0..tiles {
            let columns = columns.wrapping_add(tile * batch * TILE_ROWS);
            let left = Left { values: columns, row_stride: 1, step: TILE_ROWS };
            let start = tile * TILE_ROWS * width;
            let next = if tile + 1 < tiles { arrays.from(start + TILE_ROWS * width) } else { after };
            // SAFETY: the caller guarantees the instruction set, and the sizes are those of the block.
            unsafe {
                let zero: Tile<V, TILE_ROWS, VECTORS> = [[V::splat(0.0); VECTORS]; TILE_ROWS];
                let mut learning = Learning { before, next, prefetched: TILE_ROWS * width };
                let gradient = accumulate(zero, left, delta, batch, &mut learning);
                before.rest::<V>(batch / 4);
                store(&gradient, before.gradient, width);
            }
            before.arrays = arrays.from(start);
            before.values = TILE_ROWS.min(rows - tile * TILE_ROWS) * width;
        }
    }
}

/// Updates values against a gradient in memory.
struct GradientUpdate<'a, O, const STATES: usize> {
    arrays: Arrays<STATES>,
    gradient: &'a [f32],
    optimizer: O,
}

impl<O: Optimizer<STATES>, const STATES: usize> Work for GradientUpdate<'_, O, STATES> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Self { arrays, gradient, optimizer } = self;
        let vectors = gradient.len() / V::LANES * V::LANES;
        // SAFETY: the arrays have the gradient's length.
        unsafe {
            for at in (0..vectors).step_by(V::LANES) {
                arrays.learn(at, V::load(gradient.as_ptr().add(at)), optimizer);
            }
            for (at, gradient) in gradient.iter().enumerate().skip(vectors) {
                arrays.learn(at, One::splat(*gradient), optimizer);
            }
        }
    }
}

/// Returns the optimizer of each trial.
fn optimizers_of(step: &AdamStep<Flex>) -> Vec<Adam> {
    let rates = numbers(&step.rate);
    let decays = step.weight_decay.as_ref().map_or_else(|| vec![0.0; rates.len()], numbers);
    rates.into_iter().zip(decays).map(|(rate, decay)| Adam { rate, decay }).collect()
}

fn numbers(of_trials: &Tensor<Flex, 3>) -> Vec<f32> {
    contiguous(of_trials.clone()).storage::<f32>().to_vec()
}

/// Returns the buffers of a parameter: value, first moment and second moment.
fn buffers_of(Parameter { value, moments }: Parameter<Tensor<Flex, 3>>) -> [FlexTensor; 3] {
    [value, moments.first, moments.second].map(owned)
}

fn parameter_of(buffers: [FlexTensor; 3]) -> Parameter<Tensor<Flex, 3>> {
    let [value, first, second] = buffers.map(tensor);
    Parameter { value, moments: Moments { first, second } }
}

/// Returns the values of [`buffers_of`], which several threads may update in parts that do not overlap.
fn shared(buffers: &mut [FlexTensor; 3]) -> [Shared; 3] {
    buffers.each_mut().map(|buffer| Shared::new(buffer.storage_mut::<f32>()))
}
