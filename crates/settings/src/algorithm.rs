//! Learning rules, by name. Their equations are in the crate `algorithms`.

use serde::{Deserialize, Serialize};

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

/// The loss of a hidden layer in target space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TargetLoss {
    /// Cross-entropy of the softmax of the projection.
    CrossEntropy,
    /// Squared error of the projection, squashed into the range of the scaled images; the mean over outputs.
    MeanSquaredError,
}

impl Algorithm {
    /// Every rule, with every setting.
    pub const ALL: [Self; 5] = [
        Self::Backprop,
        Self::Dfa,
        Self::Drtp,
        Self::LocalLoss(TargetLoss::CrossEntropy),
        Self::LocalLoss(TargetLoss::MeanSquaredError),
    ];

    /// Returns the name in tables and folders.
    pub fn name(self) -> &'static str {
        match self {
            Self::Backprop => "backprop",
            Self::Dfa => "dfa",
            Self::Drtp => "drtp",
            Self::LocalLoss(TargetLoss::CrossEntropy) => "local-cross-entropy",
            Self::LocalLoss(TargetLoss::MeanSquaredError) => "local-mse",
        }
    }

    /// Returns the error signal at a hidden layer's output as a formula: h is the output, F the layer's feedback matrix, y the
    /// target and e = d(mean loss) / d(logits), each a row per example.
    pub fn signal_formula(self) -> &'static str {
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

    /// Whether the rule uses fixed random feedback matrices.
    pub fn uses_feedback(self) -> bool {
        self != Self::Backprop
    }

    /// Returns the reason why the rule cannot reconstruct images, if there is one.
    pub fn refuses_reconstruction(self) -> Option<&'static str> {
        match self {
            Self::Drtp => {
                Some("its error signal is the projected target itself, which has to be a one-hot label")
            }
            Self::LocalLoss(TargetLoss::CrossEntropy) => Some("cross-entropy needs class labels as targets"),
            Self::Backprop | Self::Dfa | Self::LocalLoss(TargetLoss::MeanSquaredError) => None,
        }
    }
}
