//! Pictures: the first hidden layer's weights as tiles in the shape of an image, and in reconstruction the first images of
//! the validation split above their reconstructions.

use burn::tensor::Tensor;
use history::{Exhibit, Picture, Tiles};
use kernels::{Kernels, Squash};
use model::Objective;

use super::host;
use crate::Evaluation;

/// The number of units whose weights are shown.
const UNITS: usize = 64;
/// The number of tiles in a row of weights.
const ACROSS: usize = 8;
/// The number of images that are shown above their reconstructions.
const EXAMPLES: usize = 10;

pub(super) fn exhibits<B: Kernels>(evaluation: &Evaluation<'_, B>) -> Vec<Vec<Exhibit>> {
    let tiles = Tiles { image: evaluation.image };
    let [trials, _, _] = evaluation.logits.dims();
    let mut exhibits = vec![Vec::new(); trials];
    let pixels = evaluation.image.iter().product();
    if let Some(first) = evaluation.network.hidden.first() {
        for (exhibits, weights) in exhibits.iter_mut().zip(first_units(&first.weight.value.plain(), pixels)) {
            let picture = tiles.of_weights(&weights, ACROSS);
            exhibits.push(Exhibit::picture("layer_1/weights_of_first_units", picture));
        }
    }
    if let Objective::Reconstruction(squash) = evaluation.network.objective {
        for (exhibits, picture) in exhibits.iter_mut().zip(reconstructions(evaluation, squash, tiles)) {
            exhibits.push(Exhibit::picture("output/originals_above_reconstructions", picture));
        }
    }
    exhibits
}

/// Returns the weights of each trial's first units for the `pixels`, without those for an appended label, one unit after the other.
fn first_units<B: Kernels>(weight: &Tensor<B, 3>, pixels: usize) -> Vec<Vec<f32>> {
    let [trials, _, units] = weight.dims();
    let shown = units.min(UNITS);
    let columns = weight.clone().slice([0..trials, 0..pixels, 0..shown]).swap_dims(1, 2);
    host(columns)
}

fn reconstructions<B: Kernels>(evaluation: &Evaluation<'_, B>, squash: Squash, tiles: Tiles) -> Vec<Picture> {
    let [trials, examples, pixels] = evaluation.logits.dims();
    let shown = examples.min(EXAMPLES);
    let input = evaluation.input.clone().slice([0..1, 0..shown, 0..pixels]);
    let logits = evaluation.logits.clone().slice([0..trials, 0..shown, 0..pixels]);
    let output = B::squash(squash, logits).output;
    // Scaled images are in the range of the squash, too.
    let range = match squash {
        Squash::Tanh => (-1.0, 1.0),
        Squash::Sigmoid => (0.0, 1.0),
    };
    let originals = host(input).remove(0);
    let both = host(output).into_iter().map(|output| [originals.as_slice(), &output].concat());
    both.map(|values| tiles.of_values(&values, shown, range)).collect()
}
