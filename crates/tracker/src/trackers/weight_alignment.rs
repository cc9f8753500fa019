//! Do forward weights align with the feedback?
//!
//! `weight_alignment` of hidden layer l is the cosine of the angle between its weights W_l and `F_{l-1} F_l^T`, which is
//! what they would have to be for DFA to be backpropagation; of the output layer between W_o and F_L (Refinetti et al.
//! 2021, arXiv:2011.12428). The first hidden layer has nothing to align with.

use burn::tensor::Tensor;
use model::Kernels;
use settings::{Place, Precision, Quantity, Sampled};

use super::{hidden_layers, readings};
use crate::{
    Gauge, Inspection, Reading, StepInEpoch,
    weight_gradients::{cosine, norm},
};

const ALIGNMENT: Quantity = Quantity::named("weight_alignment");

pub(super) struct WeightAlignment(pub Sampled);

impl<B: Kernels> Gauge<B> for WeightAlignment {
    fn looks_at(&self, step: StepInEpoch) -> bool {
        self.0.includes(step.step)
    }

    fn inspect(&self, inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
        let (network, feedback) = (inspection.network, inspection.feedback);
        let between = hidden_layers().zip(&network.hidden).skip(1).zip(feedback.windows(2));
        let hidden = between.map(|((place, layer), pair)| {
            (place, aligned_with_product(&layer.weight.value, &pair[0], &pair[1]))
        });
        let output = feedback.last().map(|last| {
            let weight = &network.output.weight.value;
            (Place::Output, cosine(B::inner_product(weight, last), norm(weight), norm(last)))
        });
        hidden.chain(output).flat_map(|(place, value)| readings(place, [(ALIGNMENT, value)])).collect()
    }
}

/// The cosine between `weight` (`[trials, units below, units]`) and `below own^T`, which is not formed where the feedback is
/// narrow: `<W, F G^T> = <W G, F>` and `|F G^T|^2 = <F^T F, G^T G>`.
fn aligned_with_product<B: Kernels>(
    weight: &Tensor<B, 3>,
    below: &Tensor<B, 3>,
    own: &Tensor<B, 3>,
) -> Tensor<B, 1> {
    let [_, units, outputs] = own.dims();
    if outputs > units {
        let product = B::dense_transposed(below, own, Precision::Full);
        return cosine(B::inner_product(weight, &product), norm(weight), norm(&product));
    }
    let inner_product =
        B::inner_product(&B::dense(&weight.clone().into(), own, None, Precision::Full), below);
    let [below, own] =
        [below, own].map(|matrix| B::weight_gradient(&matrix.clone().into(), matrix, Precision::Full));
    cosine(inner_product, norm(weight), B::inner_product(&below, &own).sqrt())
}
