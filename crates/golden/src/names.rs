//! The settings that the vectors name.

use serde_json::Value;
use settings::{Activation, AdamForm, Algorithm, Loss, Magnitude, Optimizer, Schedule, TargetLoss};

use crate::comparison::numbers;

/// Returns the rule with this name in the vectors, if the program has it.
pub(crate) fn algorithm(name: &str) -> Option<Algorithm> {
    Some(match name {
        "bp" => Algorithm::Backprop,
        "fa" => Algorithm::FeedbackAlignment,
        "usf" => Algorithm::SignSymmetric(Magnitude::Uniform),
        "frsf" => Algorithm::SignSymmetric(Magnitude::Fixed),
        "dfa" => Algorithm::Dfa,
        "brsf" => Algorithm::SignSymmetric(Magnitude::Batchwise),
        "kp" => Algorithm::KolenPollack,
        "dkp" => Algorithm::DirectKolenPollack,
        "pred" => Algorithm::LocalLoss(TargetLoss::LearnedCrossEntropy),
        "sdfa" => Algorithm::SignDfa,
        "pepita" => Algorithm::Pepita,
        "ff" => Algorithm::ForwardForward,
        "shallow" => Algorithm::Shallow,
        "drtp" => Algorithm::Drtp,
        "cce" => Algorithm::LocalLoss(TargetLoss::CrossEntropy),
        "mse" => Algorithm::LocalLoss(TargetLoss::MeanSquaredError),
        _ => return None,
    })
}

/// Returns the optimizer that is described. Older vectors describe none.
pub(crate) fn optimizer(given: &Value) -> Optimizer {
    if given.is_null() {
        return Optimizer::ADAM;
    }
    let number = |field: &str| given[field].as_f64().unwrap_or_else(|| panic!("an optimizer has {field}"));
    let adam = |form| Optimizer::Adam {
        beta_1: number("beta1"),
        beta_2: number("beta2"),
        epsilon: number("epsilon"),
        form,
    };
    match given["name"].as_str().expect("an optimizer has a name") {
        "adam_keras" => adam(AdamForm::Keras),
        "adam" => adam(AdamForm::Paper),
        "sgd" => Optimizer::Sgd { momentum: number("momentum"), nesterov: given["nesterov"] == true },
        "rmsprop" => Optimizer::RmsProp { smoothing: number("alpha"), epsilon: number("epsilon") },
        other => panic!("unknown optimizer {other}"),
    }
}

/// Returns the schedule that is described; `null` is a constant rate.
pub(crate) fn schedule(given: &Value) -> Schedule {
    let number = |field: &str| given[field].as_f64().unwrap_or_else(|| panic!("a schedule has {field}"));
    match given["name"].as_str().unwrap_or("constant") {
        "constant" => Schedule::Constant,
        "step" => Schedule::Step {
            at: numbers(&given["milestones"]).into_iter().map(|epoch| epoch as u32).collect(),
            factor: number("factor"),
        },
        "exponential" => Schedule::Exponential { factor: number("factor") },
        "cosine" => Schedule::Cosine { floor: number("floor") },
        "linear_to_zero" => Schedule::LinearToZero { from: number("from") as u32 },
        "warmup" => {
            Schedule::Warmup { epochs: number("epochs") as u32, then: Box::new(schedule(&given["then"])) }
        }
        other => panic!("unknown schedule {other}"),
    }
}

pub(crate) fn activation(name: &str) -> Activation {
    match name {
        "tanh" => Activation::Tanh,
        "relu" => Activation::Relu,
        "swish" => Activation::Swish,
        "lrelu" | "leaky_relu" => Activation::LeakyRelu,
        "sigmoid" => Activation::Sigmoid,
        "elu" => Activation::Elu,
        other => panic!("unknown activation {other}"),
    }
}

/// Returns the loss of classification. Older vectors name none.
pub(crate) fn loss(name: Option<&str>) -> Loss {
    match name {
        None | Some("softmax_cross_entropy") => Loss::SoftmaxCrossEntropy,
        Some("sigmoid_cross_entropy") => Loss::SigmoidCrossEntropy,
        Some("mean_squared_error") => Loss::MeanSquaredError,
        Some(other) => panic!("unknown loss {other}"),
    }
}
