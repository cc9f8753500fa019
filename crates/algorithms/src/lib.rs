//! Which teaching signal does each hidden layer see?
//!
//! The list of rules is [`Algorithm`]; the contract is in [`rule`]. A rule decides nothing else: the layer's own
//! derivative, the weight gradient, the output layer's exact gradient and the optimizer are shared by all of them.

mod backprop;
mod class;
mod dfa;
mod drtp;
pub mod feedback;
mod local_loss;
pub mod pass;
pub mod rule;

use burn::tensor::Tensor;
use model::{Kernels, Network, Squash};
use serde::{Deserialize, Serialize};

pub use class::Class;
pub use local_loss::TargetLoss;
pub use pass::{Batch, Pass};
pub use rule::Rule;

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

/// A learning rule with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// Error backpropagation (Rumelhart, Hinton & Williams 1986): the baseline.
    Backprop,
    /// Direct feedback alignment (Nøkland 2016).
    Dfa,
    /// Direct random target projection (Frenkel, Lefebvre & Bol 2021).
    Drtp,
    /// A loss at every hidden layer, through a fixed random projection into target space.
    LocalLoss(TargetLoss),
}

impl Algorithm {
    /// Every rule, with every setting of it.
    pub const ALL: [Self; 5] = [
        Self::Backprop,
        Self::Dfa,
        Self::Drtp,
        Self::LocalLoss(TargetLoss::CrossEntropy),
        Self::LocalLoss(TargetLoss::MeanSquaredError),
    ];

    /// The rule itself. `squash` brings values into the range of the scaled images; target-space losses need it.
    #[must_use]
    pub fn rule<B: Kernels>(self, squash: Squash) -> Rule<B> {
        match self {
            Self::Backprop => Rule::LayerAbove(Box::new(backprop::Backprop)),
            Self::Dfa => Rule::OutputError(Box::new(dfa::Dfa)),
            Self::Drtp => Rule::Local(Box::new(drtp::Drtp)),
            Self::LocalLoss(loss) => Rule::Local(Box::new(local_loss::LocalLoss { loss, squash })),
        }
    }

    /// Short name for folders and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Backprop => "backprop",
            Self::Dfa => "dfa",
            Self::Drtp => "drtp",
            Self::LocalLoss(TargetLoss::CrossEntropy) => "local-cross-entropy",
            Self::LocalLoss(TargetLoss::MeanSquaredError) => "local-mse",
        }
    }

    /// The teaching signal at a hidden layer's output, as a formula for people: h is that output, F the layer's feedback
    /// matrix, y the target and e = d(mean loss) / d(logits), each a row per example.
    #[must_use]
    pub fn signal_in_words(self) -> &'static str {
        match self {
            Self::Backprop => "what flows back through the layer above",
            Self::Dfa => "e F^T",
            Self::Drtp => "y F^T",
            Self::LocalLoss(TargetLoss::CrossEntropy) => "(softmax(h F) - y) F^T",
            Self::LocalLoss(TargetLoss::MeanSquaredError) => {
                "(2 / outputs (squash(h F) - y) squash'(h F)) F^T"
            }
        }
    }

    /// Does the rule teach through fixed random feedback matrices?
    #[must_use]
    pub fn uses_feedback(self) -> bool {
        !matches!(self, Self::Backprop)
    }

    /// Why the rule cannot reconstruct images, if it cannot.
    #[must_use]
    pub fn refuses_reconstruction(self) -> Option<&'static str> {
        match self {
            Self::Drtp => {
                Some("its teaching signal is the projected target itself, which has to be a one-hot label")
            }
            Self::LocalLoss(TargetLoss::CrossEntropy) => Some("cross-entropy needs class labels as targets"),
            Self::Backprop | Self::Dfa | Self::LocalLoss(TargetLoss::MeanSquaredError) => None,
        }
    }
}
