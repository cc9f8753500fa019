//! From examples to tensors.

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

/// Examples that one core gathers at a time.
const CHUNK: usize = 16;

impl Batches<'_> {
    /// The batch whose examples are at `positions[row]` of the split, one row per trial or one for all.
    pub(crate) fn gather<B: Kernels>(&self, positions: &[&[u32]], device: &B::Device) -> Batch<B> {
        let [rows, batch] = [positions.len(), positions[0].len()];
        let positions = positions.concat();
        let input = B::filled([rows, batch, self.inputs], device, |images| {
            crew::share_chunks(images, CHUNK * self.inputs, |index, images| {
                let positions = &positions[index * CHUNK..][..images.len() / self.inputs];
                self.view.gather(positions, images, &mut [0; CHUNK][..positions.len()]);
            });
        });
        let target = match self.objective {
            Objective::Reconstruction(_) => input.clone(),
            Objective::Classification => B::filled([rows, batch, self.outputs], device, |targets| {
                for (target, &position) in targets.chunks_exact_mut(self.outputs).zip(&positions) {
                    target.fill(0.0);
                    target[usize::from(self.view.label(position as usize))] = 1.0;
                }
            }),
        };
        Batch { input, target }
    }
}
