//! The loss that each hidden layer lowers: the one whose gradient its teaching signal is.
//!
//! `local_loss_train` and `local_loss_validation` are means over examples. Backpropagation has none.

use model::Kernels;

use algorithms::rule::Hidden;

use super::{hidden_layers, readings};
use crate::{Evaluation, Gauge, Inspection, Reading, StepInEpoch};
use settings::{Quantity, Sampled};

const TRAIN: Quantity = Quantity::named("local_loss_train");
const VALIDATION: Quantity = Quantity::named("local_loss_validation");

pub(super) struct LocalLoss(pub Sampled);

impl<B: Kernels> Gauge<B> for LocalLoss {
    fn looks_at(&self, step: StepInEpoch) -> bool {
        self.0.includes(step.step)
    }

    fn inspect(&self, inspection: &Inspection<'_, B>) -> Vec<Reading<B>> {
        let target = &inspection.pass.batch.target;
        let [_, batch, _] = target.dims();
        let loss = |hidden| inspection.rule.mean_local_loss(&hidden, target, inspection.error(), batch);
        let layers = hidden_layers().zip(inspection.hidden().map(loss));
        layers.flat_map(|(place, loss)| readings(place, loss.map(|loss| (TRAIN, loss)))).collect()
    }

    fn looks_at_evaluation(&self, _: u32) -> bool {
        true
    }

    fn evaluate(&self, evaluation: &Evaluation<'_, B>) -> Vec<Reading<B>> {
        let Evaluation { rule, target, error, training_batch, .. } = *evaluation;
        let layers = hidden_layers().zip(evaluation.activations).zip(evaluation.feedback);
        layers
            .flat_map(|((place, activation), feedback)| {
                let hidden = Hidden { activation, feedback };
                let loss = rule.mean_local_loss(&hidden, target, error, training_batch);
                readings(place, loss.map(|loss| (VALIDATION, loss)))
            })
            .collect()
    }
}
