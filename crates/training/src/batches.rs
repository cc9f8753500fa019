//! The conversion of examples to tensors.

use std::sync::Arc;

use algorithms::Batch;
use burn::tensor::{Int, Tensor};
use data::{AugmentationKey, ImageChange, View};
use kernels::{ImageSet, ImageTransform, Images, Input, Kernels, Sets};
use model::Objective;

/// The source of a population's batches: the examples of a split.
pub(crate) struct Batches<'a, B: Kernels> {
    view: View<'a>,
    /// The split's images on the device, if the backend keeps them there.
    on_device: Option<Box<dyn ImageSet<B>>>,
    objective: Objective,
    inputs: usize,
    /// The number of classes, or of inputs in reconstruction.
    outputs: usize,
    device: &'a B::Device,
}

/// The examples of a batch that trials of one seed see.
pub(crate) struct Row<'a> {
    pub occasion: AugmentationKey,
    pub positions: &'a [u32],
}

/// The number of examples that one core gathers at a time.
const CHUNK: usize = 16;

impl<'a, B: Kernels> Batches<'a, B> {
    /// Creates the batches of `view`, whose labels or images have `outputs` values.
    pub(crate) fn new(view: View<'a>, objective: Objective, outputs: usize, device: &'a B::Device) -> Self {
        let shape = view.shape();
        let images = || Images {
            pixels: view.pixels(),
            shape: [shape.channels, shape.height, shape.width],
            scaling: view.scaling(),
        };
        let on_device = view.can_augment_on_device().then(|| B::image_set(images, device)).flatten();
        Self { view, on_device, objective, inputs: shape.pixels(), outputs, device }
    }

    pub(crate) fn view(&self) -> View<'a> {
        self.view
    }

    /// Returns the batch of each row. `sets` is the row of each trial; without it there is a row for each trial, or one for
    /// all.
    pub(crate) fn gather(&self, rows: &[Row<'_>], sets: Option<&Arc<Sets<B>>>) -> Batch<B> {
        let shape = [rows.len(), rows[0].positions.len(), self.inputs];
        let values = match &self.on_device {
            Some(images) => self.gather_there(images.as_ref(), rows).reshape(shape),
            None => self.gather_here(rows, shape),
        };
        let input = Input { values, sets: sets.cloned() };
        let target = match self.objective {
            Objective::Reconstruction(_) => input.per_trial(),
            Objective::Classification(_) => {
                Input { values: self.labels(rows, shape), sets: sets.cloned() }.per_trial()
            }
        };
        Batch { input, target }
    }

    fn gather_there(&self, images: &dyn ImageSet<B>, rows: &[Row<'_>]) -> Tensor<B, 2> {
        let examples = || rows.iter().flat_map(|row| row.positions.iter().map(|&at| (row.occasion, at)));
        let indices: Vec<i32> =
            examples().map(|(_, at)| i32::try_from(at).expect("fewer than 2^31 examples")).collect();
        let transforms: Option<Vec<ImageTransform>> = examples()
            .map(|(occasion, at)| Some(on_device(self.view.change(occasion, at as usize)?)))
            .collect();
        let indices: Tensor<B, 1, Int> = Tensor::from_data(indices.as_slice(), self.device);
        images.gather(&indices, transforms.as_deref())
    }

    /// Gathers images in the host's memory, on all free cores.
    fn gather_here(&self, rows: &[Row<'_>], shape: [usize; 3]) -> Tensor<B, 3> {
        let (view, inputs, batch) = (self.view, self.inputs, shape[1]);
        let positions: Vec<u32> = rows.iter().flat_map(|row| row.positions.iter().copied()).collect();
        B::filled(shape, self.device, |images| {
            threads::share_chunks(images, CHUNK * inputs, |index, images| {
                for (at, image) in (index * CHUNK..).zip(images.chunks_exact_mut(inputs)) {
                    let occasion = rows[at / batch].occasion;
                    view.gather_augmented(occasion, &positions[at..=at], image, &mut [0]);
                }
            });
        })
    }

    /// Returns one-hot labels, `[rows, batch, outputs]`.
    fn labels(&self, rows: &[Row<'_>], [count, batch, _]: [usize; 3]) -> Tensor<B, 3> {
        let positions = rows.iter().flat_map(|row| row.positions);
        B::filled([count, batch, self.outputs], self.device, |targets| {
            for (target, &position) in targets.chunks_exact_mut(self.outputs).zip(positions) {
                target.fill(0.0);
                target[usize::from(self.view.label(position as usize))] = 1.0;
            }
        })
    }
}

fn on_device(change: ImageChange) -> ImageTransform {
    let ImageChange { linear, shift, contrast, brightness } = change;
    ImageTransform { linear, shift, contrast, brightness }
}
