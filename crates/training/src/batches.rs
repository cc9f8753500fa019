//! From examples to tensors.

use algorithms::Batch;
use data::{Occasion, View};
use model::{Kernels, Objective};

/// Turns examples of a split into the batches of a population.
pub(crate) struct Batches<'a> {
    pub view: View<'a>,
    /// Changes the images of the view that is trained on, where they are augmented.
    pub epoch: u32,
    pub objective: Objective,
    /// Values of an input example.
    pub inputs: usize,
    /// Classes; as many as inputs in reconstruction.
    pub outputs: usize,
}

/// Examples that one core gathers at a time.
const CHUNK: usize = 16;

impl Batches<'_> {
    /// The batch of the examples at a row's positions of the split, one row per trial or one for all, as that row's seed
    /// draws them.
    pub(crate) fn gather<B: Kernels>(&self, rows: &[(u64, &[u32])], device: &B::Device) -> Batch<B> {
        let [count, batch] = [rows.len(), rows[0].1.len()];
        let positions: Vec<u32> = rows.iter().flat_map(|(_, positions)| positions.iter().copied()).collect();
        let input = B::filled([count, batch, self.inputs], device, |images| {
            crew::share_chunks(images, CHUNK * self.inputs, |index, images| {
                for (at, image) in (index * CHUNK..).zip(images.chunks_exact_mut(self.inputs)) {
                    let occasion = Occasion { seed: rows[at / batch].0, epoch: self.epoch };
                    self.view.gather_augmented(occasion, &positions[at..=at], image, &mut [0]);
                }
            });
        });
        let target = match self.objective {
            Objective::Reconstruction(_) => input.clone(),
            Objective::Classification => B::filled([count, batch, self.outputs], device, |targets| {
                for (target, &position) in targets.chunks_exact_mut(self.outputs).zip(&positions) {
                    target.fill(0.0);
                    target[usize::from(self.view.label(position as usize))] = 1.0;
                }
            }),
        };
        Batch { input, target }
    }
}
