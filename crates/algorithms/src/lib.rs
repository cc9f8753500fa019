//! Which teaching signal does each hidden layer see?
//!
//! The list of rules is [`rule()`], their names are [`Algorithm`]; the contract is in the module [`rule`](mod@rule). A rule decides nothing else: the layer's own
//! derivative, the weight gradient, the output layer's exact gradient and the optimizer are shared by all of them.

mod backprop;
mod dfa;
mod drtp;
pub mod feedback;
mod local_loss;
pub mod pass;
pub mod rule;
mod rule_group;

use burn::tensor::Tensor;
use model::{Kernels, Network, Squash};
use settings::Algorithm;

pub use pass::{Batch, Pass};
pub use rule::Rule;
pub use rule_group::RuleGroup;

/// How error backpropagation would teach every hidden layer, first to last, whatever rule does: the exact gradient that
/// other rules are measured against. `error` is `[trials, batch, outputs]`.
#[must_use]
pub fn exactly_taught<B: Kernels>(
    network: &Network<B>,
    forward: &pass::Forward<B>,
    error: &Tensor<B, 3>,
) -> Vec<pass::Taught<B>> {
    pass::taught_from_above(network, &backprop::Backprop, forward, error)
}

/// Returns the rule of `algorithm`. `squash` brings values into the range of the scaled images; target-space losses need it.
#[must_use]
pub fn rule<B: Kernels>(algorithm: Algorithm, squash: Squash) -> Rule<B> {
    match algorithm {
        Algorithm::Backprop => Rule::LayerAbove(Box::new(backprop::Backprop)),
        Algorithm::Dfa => Rule::OutputError(Box::new(dfa::Dfa)),
        Algorithm::Drtp => Rule::Local(Box::new(drtp::Drtp)),
        Algorithm::LocalLoss(loss) => Rule::Local(Box::new(local_loss::LocalLoss { loss, squash })),
    }
}
