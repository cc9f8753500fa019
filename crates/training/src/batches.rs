//! From examples to tensors.

use burn::tensor::{Tensor, TensorData};
use data::View;
use model::{Kernels, Objective};

use crate::Batch;

/// Turns examples of a split into the batches of a population.
pub(crate) struct Batches<'a> {
    pub view: View<'a>,
    pub objective: Objective,
    /// Values of an input example.
    pub inputs: usize,
    /// Classes; as many as inputs in reconstruction.
    pub outputs: usize,
}

impl Batches<'_> {
    /// The batch whose examples are at `positions[row]` of the split, one row per trial or one for all.
    pub(crate) fn gather<B: Kernels>(&self, positions: &[&[u32]], device: &B::Device) -> Batch<B> {
        let batch = positions[0].len();
        let rows = positions.len();
        let mut images = vec![0.0_f32; rows * batch * self.inputs];
        let mut labels = vec![0_u16; rows * batch];
        let parts = images.chunks_exact_mut(batch * self.inputs).zip(labels.chunks_exact_mut(batch));
        for (positions, (images, labels)) in positions.iter().zip(parts) {
            self.view.gather(positions, images, labels);
        }
        let input = Tensor::from_data(TensorData::new(images, [rows, batch, self.inputs]), device);
        let target = match self.objective {
            Objective::Reconstruction(_) => input.clone(),
            Objective::Classification => {
                let target = one_hot(&labels, self.outputs);
                Tensor::from_data(TensorData::new(target, [rows, batch, self.outputs]), device)
            }
        };
        Batch { input, target }
    }
}

/// `[labels, classes]`.
fn one_hot(labels: &[u16], classes: usize) -> Vec<f32> {
    let mut values = vec![0.0; labels.len() * classes];
    for (row, label) in values.chunks_exact_mut(classes).zip(labels) {
        row[usize::from(*label)] = 1.0;
    }
    values
}
