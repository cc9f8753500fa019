//! Updates of parameters, on a gradient in memory or on the tiles of the product that is the gradient.
//!
//! A tile of the gradient never reaches memory. While the products of the next tile are computed, the optimizer works on the tile
//! before, a vector at a time.

use crate::{
    Matrix, Optimizer, Panels,
    tile::{Left, Meanwhile, Right, TILE_ROWS, Tile, accumulate, store},
    vector::{One, Vector, Work, run},
};

/// The addresses of a parameter's values and of the optimizer's state.
#[derive(Clone, Copy)]
pub struct Arrays<const STATES: usize> {
    pub value: *mut f32,
    pub states: [*mut f32; STATES],
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

/// Returns the number of values of scratch memory that an update of this number of rows needs.
pub fn values_of_scratch(rows: usize, batch: usize) -> usize {
    TILE_VALUES + rows.next_multiple_of(TILE_ROWS) * batch
}

/// The update of some rows of a weight matrix against their gradient, `input delta`.
pub struct BlockUpdate<'a, O, const STATES: usize> {
    /// The weights and the optimizer's state, in panels.
    pub arrays: Arrays<STATES>,
    pub panels: Panels,
    /// The transposed input from the first row on, `[rows, batch]`; the rows of an example are neighbors.
    pub input: Matrix<'a>,
    /// The delta in panels, `[batch, columns]`.
    pub delta: &'a [f32],
    pub batch: usize,
    pub first_row: usize,
    pub rows: usize,
    pub optimizer: O,
    /// As many values as [`values_of_scratch`] says, with any contents.
    pub scratch: &'a mut [f32],
}

impl<O: Optimizer<STATES>, const STATES: usize> BlockUpdate<'_, O, STATES> {
    /// Updates the rows.
    ///
    /// # Panics
    /// If the sizes do not match.
    ///
    /// # Safety
    /// The arrays hold the values of `panels`, and nothing else uses those of these rows until this returns.
    pub unsafe fn run(self) {
        let Self { panels, input, delta, batch, first_row, rows, scratch, .. } = &self;
        assert!(
            *panels == Panels::of(panels.rows, panels.columns)
                && first_row + rows <= panels.rows
                && input.row_stride == 1
                && input.holds(*rows, *batch)
                && delta.len() == Panels::of(*batch, panels.columns).length()
                && scratch.len() == values_of_scratch(*rows, *batch),
            "a block is within its matrices"
        );
        run(self);
    }
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
            // SAFETY: the caller guarantees the instruction set; the sizes were checked.
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

/// Updates a parameter against a gradient in memory; all have the same length.
pub fn update<const STATES: usize>(
    value: &mut [f32],
    states: [&mut [f32]; STATES],
    gradient: &[f32],
    optimizer: impl Optimizer<STATES>,
) {
    let lengths = states.iter().map(|state| state.len()).chain([value.len()]);
    assert!(
        lengths.into_iter().all(|length| length == gradient.len()),
        "a gradient has its parameter's length"
    );
    let arrays = Arrays { value: value.as_mut_ptr(), states: states.map(<[f32]>::as_mut_ptr) };
    run(GradientUpdate { arrays, gradient, optimizer });
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
