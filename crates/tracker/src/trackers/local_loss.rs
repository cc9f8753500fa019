//! Local loss: the loss of each hidden layer whose gradient is the layer's error signal.
//!
//! `local_loss_train` and `local_loss_validation` are means over examples. Backpropagation has none.

use algorithms::rule::Hidden;
use kernels::Kernels;
use settings::Quantity;

use super::{hidden_layers, readings};
use crate::{Evaluation, Inspection, Reading};

const TRAIN: Quantity = Quantity::named("local_loss_train");
const VALIDATION: Quantity = Quantity::named("local_loss_validation");

pub(super) fn measure_step<B: Kernels>(inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
    let target = &inspection.pass.batch.target;
    let [_, batch, _] = target.dims();
    hidden_layers()
        .zip(inspection.hidden())
        .flat_map(|(place, hidden)| {
            let loss = inspection.teacher.rule.mean_local_loss(&hidden, target, inspection.error(), batch);
            readings(place, loss.map(|loss| (TRAIN, loss)))
        })
        .collect()
}

pub(super) fn measure_evaluation<B: Kernels>(evaluation: &Evaluation<'_, B>) -> Vec<Reading<B>> {
    let Evaluation { rule, target, error, training_batch, .. } = *evaluation;
    hidden_layers()
        .zip(evaluation.activations.iter().zip(evaluation.feedback))
        .flat_map(|(place, (activation, feedback))| {
            let hidden = Hidden { activation, feedback };
            let loss = rule.mean_local_loss(&hidden, target, error, training_batch);
            readings(place, loss.map(|loss| (VALIDATION, loss)))
        })
        .collect()
}
