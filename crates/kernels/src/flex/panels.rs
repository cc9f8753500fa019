//! Right factors of products, in panels.

use std::cell::RefCell;

use burn::tensor::Tensor;
use burn_flex::{Flex, FlexTensor};
use cpu::{Matrix, Panel, Panels, Scratch, Shared, pack};

use super::{Operand, buffers::tensor_to_fill, contiguous};
use crate::Weights;

/// Matrices of each trial in panels, or one matrix for all trials.
pub(super) struct PanelOperand {
    buffer: FlexTensor,
    pub trials: usize,
    pub panels: Panels,
}

impl PanelOperand {
    /// Takes weights, whose values are in panels already.
    pub(super) fn of(weights: &Weights<Flex>) -> Self {
        let [_, _, outputs] = weights.dims();
        Self::of_values(weights.values.clone(), outputs)
    }

    /// Takes the values of weights with this number of `columns`.
    pub(super) fn of_values(values: Tensor<Flex, 3>, columns: usize) -> Self {
        let [trials, rows, padded_columns] = values.dims();
        let panels = Panels::of(rows, columns);
        assert_eq!(padded_columns, panels.padded_columns(), "weights were arranged by this instruction set");
        Self { buffer: contiguous(values), trials, panels }
    }

    /// Copies matrices into panels.
    pub(super) fn packed(matrices: &Operand) -> Self {
        Self::all_packed([matrices]).remove(0)
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
        let target = Shared::new(buffer.storage_mut::<f32>());
        threads::share(self.trials * panels.count(), |index| {
            let (trial, target_panel) = (index / panels.count(), panels.get(index % panels.count()));
            let start = trial * panels.length() + target_panel.start;
            // SAFETY: the buffer is borrowed above, and panels do not overlap.
            let values = unsafe { target.part(start, panels.rows * target_panel.width) };
            let matrix = Matrix::rows_of(self.trial(trial), panel.width).transposed();
            pack(matrix.from(0, target_panel.column), target_panel, values);
        });
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

thread_local! {
    /// The memory of a block of a product or of an update.
    pub(super) static SCRATCH: RefCell<Scratch> = RefCell::default();
}
