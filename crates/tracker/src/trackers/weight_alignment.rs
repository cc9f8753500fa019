//! Alignment of forward weights with the feedback.
//!
//! `weight_alignment` of hidden layer l is the cosine of the angle between its weights W_l and `F_{l-1} F_l^T`, the weights
//! with which DFA would equal backpropagation. That of the output layer is between W_o and F_L (Refinetti et al. 2021,
//! arXiv:2011.12428). The first hidden layer has none, because there is no feedback below it. Rules that teach from the layer above
//! compare the weights with the matrix that they use in their place. `weight_alignment_angle` is the angle in degrees. Both are absent
//! as long as a matrix is zero.

use algorithms::{Rule, rule::BackwardWeights};
use burn::tensor::Tensor;
use kernels::{Kernels, Weights};
use settings::{Place, Precision};

use super::{Cosine, cosines, hidden_layers};
use crate::{
    Inspection, Reading,
    weight_gradients::{cosine, norm, norm_of_weights},
};

const ALIGNMENT: Cosine = Cosine::named("weight_alignment", "weight_alignment_angle");

pub(super) fn measure<B: Kernels>(inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
    let values = match inspection.teacher.rule {
        Rule::LayerAbove(None) | Rule::SecondPass(_) | Rule::Contrast(_) | Rule::Untrained => Vec::new(),
        Rule::LayerAbove(Some(backward)) => alignment_of_layers(inspection, backward.as_ref()),
        Rule::Local(_) | Rule::OutputError(_) => alignment_with_output(inspection),
    };
    values.into_iter().flat_map(|(place, value)| cosines(place, [(ALIGNMENT, value)])).collect()
}

/// Compares the weights of every layer but the first with the matrix that takes their place in the backward pass.
fn alignment_of_layers<B: Kernels>(
    inspection: &Inspection<'_, B>,
    backward: &dyn BackwardWeights<B>,
) -> Vec<(Place, Tensor<B, 1>)> {
    let (network, feedback) = (inspection.network, inspection.teacher.feedback);
    let places = hidden_layers().skip(1).take(network.hidden.len() - 1).chain([Place::Output]);
    let layers = network.hidden.iter().skip(1).chain([&network.output]).enumerate();
    let values = layers.map(|(below, layer)| {
        let weight = &layer.weight.value;
        let matrix = backward.matrix(weight, feedback.get(below));
        let inner_product = B::weights_inner_product(weight, &matrix);
        cosine(inner_product, norm_of_weights(weight), norm_of_weights(&matrix))
    });
    places.zip(values).collect()
}

/// Compares the weights of every layer but the first with those that its feedback and that of the layer below imply.
fn alignment_with_output<B: Kernels>(inspection: &Inspection<'_, B>) -> Vec<(Place, Tensor<B, 1>)> {
    let (network, feedback) = (inspection.network, inspection.teacher.feedback);
    let between = hidden_layers().zip(&network.hidden).skip(1).zip(feedback.windows(2));
    let hidden = between
        .map(|((place, layer), pair)| (place, aligned_with_product(&layer.weight.value, &pair[0], &pair[1])));
    let output = feedback.last().map(|last| {
        let weight = &network.output.weight.value;
        let inner_product = B::weights_inner_product(weight, last);
        (Place::Output, cosine(inner_product, norm_of_weights(weight), norm_of_weights(last)))
    });
    hidden.chain(output).collect()
}

/// Returns the cosine between `weight` (`[trials, units below, units]`) and `below own^T`, `[trials]`. The product is not
/// computed where the feedback is narrow: `<W, F G^T> = <W G, F>` and `|F G^T|^2 = <F^T F, G^T G>`.
fn aligned_with_product<B: Kernels>(
    weight: &Weights<B>,
    below: &Weights<B>,
    own: &Weights<B>,
) -> Tensor<B, 1> {
    let [_, units, outputs] = own.dims();
    if outputs > units {
        let product = B::dense_transposed(&below.plain(), own, Precision::Full);
        let inner_product = B::inner_product(&weight.plain(), &product);
        return cosine(inner_product, norm_of_weights(weight), norm(&product));
    }
    let [plain_below, plain_own] = [below.plain(), own.plain()];
    // (W G)^T, because weights are not rearranged as the right factor of a product.
    let weighted = B::dense_transposed(&plain_own.clone().swap_dims(1, 2), weight, Precision::Full);
    let inner_product = B::inner_product(&weighted, &plain_below.clone().swap_dims(1, 2));
    let [below, own] = [plain_below, plain_own]
        .map(|matrix| B::weight_gradient(&matrix.clone().into(), &matrix, Precision::Full));
    cosine(inner_product, norm_of_weights(weight), B::weights_inner_product(&below, &own).sqrt())
}
