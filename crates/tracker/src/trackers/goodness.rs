//! Goodness of Forward-Forward: the sum of a hidden layer's squared activities, per unit, `goodness_positive` for examples with their own
//! label and `goodness_negative` for those with another one; the threshold is 1. `goodness_accuracy` is the percentage of both on the right
//! side of it, `goodness_loss` the mean cross-entropy, and `peer_loss` the variance of the units' running means. Other rules have none.

use algorithms::forward_forward::Contrast;
use burn::tensor::Tensor;
use kernels::Kernels;
use settings::Quantity;

use super::{hidden_layers, readings};
use crate::{Inspection, Reading};

const POSITIVE: Quantity = Quantity::named("goodness_positive");
const NEGATIVE: Quantity = Quantity::named("goodness_negative");
const ACCURACY: Quantity = Quantity::named("goodness_accuracy");
const LOSS: Quantity = Quantity::named("goodness_loss");
const PEER_LOSS: Quantity = Quantity::named("peer_loss");

pub(super) fn measure<B: Kernels>(inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
    let layers = hidden_layers().zip(inspection.contrasts());
    layers.flat_map(|(place, contrast)| readings(place, quantities(&contrast))).collect()
}

fn quantities<B: Kernels>(contrast: &Contrast<B>) -> Vec<(Quantity, Tensor<B, 1>)> {
    let [trials, rows, _] = contrast.goodness.dims();
    let [_, _, units] = contrast.signal.dims();
    let per_unit = |from, to| -> Tensor<B, 1> {
        let part = contrast.goodness.clone().slice([0..trials, from..to]);
        part.mean_dim(1).div_scalar(units as f64).add_scalar(1.0).reshape([trials])
    };
    let mut quantities = vec![
        (POSITIVE, per_unit(0, rows / 2)),
        (NEGATIVE, per_unit(rows / 2, rows)),
        (ACCURACY, contrast.accuracy()),
        (LOSS, contrast.loss()),
    ];
    quantities.extend(contrast.peer_loss().map(|loss| (PEER_LOSS, loss)));
    quantities
}
