//! Right factors of products in the order in which tiles read them.
//!
//! A matrix is cut into panels of neighboring columns. Panels follow each other, each with its rows one after the other, so a
//! tile of the matrix is one run of memory. Weights and both moments are kept in this order for as long as a trial trains.

use std::cell::RefCell;

use burn_flex::FlexTensor;

use super::{Operand, buffers::tensor_to_fill, product::Matrix, shared::Shared};
use crate::vector::{panel_width, vectorized};

/// The order of the values of a `[rows, columns]` matrix in panels.
#[derive(Clone, Copy)]
pub(super) struct Panels {
    pub rows: usize,
    pub columns: usize,
    /// The width of all panels but the last.
    width: usize,
}

/// A panel: a row-major matrix.
#[derive(Clone, Copy)]
pub(super) struct Panel {
    /// The index of its first value.
    pub start: usize,
    /// The matrix's column that is the panel's first.
    pub column: usize,
    /// The number of columns, of which the last may be beyond the matrix.
    pub width: usize,
    /// The number of columns of the matrix.
    pub columns: usize,
}

impl Panels {
    pub(super) fn of(rows: usize, columns: usize) -> Self {
        Self { rows, columns, width: panel_width() }
    }

    pub(super) fn count(self) -> usize {
        self.columns.div_ceil(self.width)
    }

    pub(super) fn get(self, index: usize) -> Panel {
        let column = index * self.width;
        let columns = self.width.min(self.columns - column);
        let narrow = columns.next_multiple_of(NARROWEST).next_power_of_two();
        Panel { start: column * self.rows, column, width: narrow.min(self.width), columns }
    }

    pub(super) fn all(self) -> impl Iterator<Item = Panel> {
        (0..self.count()).map(move |index| self.get(index))
    }

    /// Returns the number of columns of all panels.
    pub(super) fn padded_columns(self) -> usize {
        match self.count() {
            0 => 0,
            count => (count - 1) * self.width + self.get(count - 1).width,
        }
    }

    /// Returns the number of values of a matrix.
    pub(super) fn length(self) -> usize {
        self.rows * self.padded_columns()
    }
}

/// The smallest width of a panel, which is also a multiple of every instruction set's vectors. The width of a last panel is this
/// number times a power of two.
pub(super) const NARROWEST: usize = 16;

/// Matrices of each trial in panels, or one matrix for all trials.
pub(super) struct PanelOperand {
    buffer: FlexTensor,
    pub trials: usize,
    pub panels: Panels,
}

impl PanelOperand {
    /// Creates matrices whose values are in this order already: `[trials, rows, padded columns]`.
    pub(super) fn of_arranged(buffer: FlexTensor, trials: usize, panels: Panels) -> Self {
        Self { buffer, trials, panels }
    }

    /// Copies matrices into panels.
    pub(super) fn packed(matrices: &Operand) -> Self {
        let [packed] =
            Self::all_packed([matrices]).try_into().unwrap_or_else(|_| unreachable!("one was given"));
        packed
    }

    /// Copies several matrices into panels, all at once.
    pub(super) fn all_packed<'a>(matrices: impl IntoIterator<Item = &'a Operand>) -> Vec<Self> {
        let matrices: Vec<&Operand> = matrices.into_iter().collect();
        let mut packed: Vec<Self> = matrices
            .iter()
            .map(|operand| {
                let panels = Panels::of(operand.rows, operand.columns);
                let buffer = tensor_to_fill([operand.trials, panels.rows, panels.padded_columns()]);
                Self { buffer, trials: operand.trials, panels }
            })
            .collect();
        let targets: Vec<Shared> =
            packed.iter_mut().map(|packed| Shared::new(packed.buffer.storage_mut::<f32>())).collect();
        let copies: Vec<(usize, usize, Panel)> = packed
            .iter()
            .enumerate()
            .flat_map(|(index, Self { trials, panels, .. })| {
                (0..*trials).flat_map(move |trial| panels.all().map(move |panel| (index, trial, panel)))
            })
            .collect();
        threads::share(copies.len(), |copy| {
            let (index, trial, panel) = copies[copy];
            let panels = packed[index].panels;
            // SAFETY: the buffers live longer, and panels do not overlap.
            let values = unsafe {
                targets[index].part(trial * panels.length() + panel.start, panels.rows * panel.width)
            };
            pack(matrices[index].matrix(trial).from(0, panel.column), panel, values);
        });
        packed
    }

    /// Transposes matrices of a single panel.
    pub(super) fn transposed(&self) -> Self {
        let panel = self.panels.get(0);
        let panels = Panels::of(self.panels.columns, self.panels.rows);
        let mut buffer = tensor_to_fill([self.trials, panels.rows, panels.padded_columns()]);
        for (trial, target) in
            buffer.storage_mut::<f32>().chunks_exact_mut(panels.length().max(1)).enumerate()
        {
            let matrix = Matrix::rows_of(self.trial(trial), panel.width).transposed();
            for target_panel in panels.all() {
                let values = &mut target[target_panel.start..][..panels.rows * target_panel.width];
                pack(matrix.from(0, target_panel.column), target_panel, values);
            }
        }
        Self { buffer, trials: self.trials, panels }
    }

    /// Copies the matrices into row-major order, `[trials, rows, columns]`.
    pub(super) fn unpacked(&self) -> FlexTensor {
        let Panels { rows, columns, .. } = self.panels;
        let mut buffer = tensor_to_fill([self.trials, rows, columns]);
        for (trial, target) in
            buffer.storage_mut::<f32>().chunks_exact_mut((rows * columns).max(1)).enumerate()
        {
            let values = self.trial(trial);
            for panel in self.panels.all() {
                let rows_of_panel = values[panel.start..].chunks_exact(panel.width);
                for (row, values) in target.chunks_exact_mut(columns).zip(rows_of_panel) {
                    row[panel.column..][..panel.columns].copy_from_slice(&values[..panel.columns]);
                }
            }
        }
        buffer
    }

    pub(super) fn trial(&self, trial: usize) -> &[f32] {
        let length = self.panels.length();
        let matrix = if self.trials == 1 { 0 } else { trial };
        &self.buffer.storage::<f32>()[matrix * length..][..length]
    }

    pub(super) fn into_buffer(self) -> FlexTensor {
        self.buffer
    }
}

vectorized! {
    /// Copies the first columns of `matrix` to a panel; the values beyond the last column become 0.
    fn pack<'a>(matrix: Matrix<'a>, panel: Panel, values: &'a mut [f32]) {
        /// The rows that are read together from the columns of a transposed matrix: a cache line of each.
        const ROWS: usize = 16;
        let Panel { width, columns, .. } = panel;
        for (block, target) in values.chunks_mut(ROWS * width).enumerate() {
            let source = matrix.from(block * ROWS, 0);
            if matrix.column_stride == 1 {
                for (row, target) in target.chunks_exact_mut(width).enumerate() {
                    copy(&source.values[row * source.row_stride..][..columns], target);
                }
            } else {
                for column in 0..columns {
                    let source = &source.values[column * source.column_stride..];
                    for row in 0..target.len() / width {
                        target[row * width + column] = source[row * matrix.row_stride];
                    }
                }
            }
            if columns < width {
                target.chunks_exact_mut(width).for_each(|row| row[columns..].fill(0.0));
            }
        }
    }
}

/// Copies values a vector at a time: a call of the library's function costs as much as the copy of a row.
#[inline(always)]
pub(super) fn copy(source: &[f32], target: &mut [f32]) {
    const VECTOR: usize = 16;
    let length = source.len();
    let (source, source_rest) = source.as_chunks::<VECTOR>();
    let (target, target_rest) = target[..length].as_chunks_mut::<VECTOR>();
    for (target, source) in target.iter_mut().zip(source) {
        *target = *source;
    }
    for (target, source) in target_rest.iter_mut().zip(source_rest) {
        *target = *source;
    }
}

/// A cache line of values.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "read as floats")] [f32; 16]);

/// Memory of one thread, kept because the pages of fresh memory would be mapped at every call.
#[derive(Default)]
pub(super) struct Scratch(Vec<Line>);

impl Scratch {
    /// Returns `length` values with undefined contents, aligned to a cache line.
    pub(super) fn values(&mut self, length: usize) -> &mut [f32] {
        let lines = length.div_ceil(16);
        if self.0.len() < lines {
            self.0.resize(lines, Line([0.0; 16]));
        }
        let values = self.0.as_mut_ptr().cast::<f32>();
        // SAFETY: the lines are initialized floats without gaps.
        unsafe { std::slice::from_raw_parts_mut(values, length) }
    }
}

thread_local! {
    /// The memory of a block of a product or of an update.
    pub(super) static SCRATCH: RefCell<Scratch> = RefCell::default();
}
