//! Learning rules, by name. Their equations are in the crate `algorithms`.

use serde::{Deserialize, Serialize};

/// A learning rule with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// Error backpropagation (Rumelhart, Hinton & Williams 1986): the baseline.
    Backprop,
    /// Feedback alignment: backpropagation through fixed random matrices (Lillicrap et al. 2016).
    FeedbackAlignment,
    /// Backpropagation through matrices that share the signs of the forward weights.
    SignSymmetric(Magnitude),
    /// Backpropagation through matrices that learn as the forward weights do (Kolen & Pollack 1994; Akrout et al. 2019).
    KolenPollack,
    /// Direct feedback alignment (Nøkland 2016).
    Dfa,
    /// Direct feedback alignment with feedback that learns (Webster, Choi & Ahn 2020).
    DirectKolenPollack,
    /// Direct feedback alignment of the error's sign (Frenkel, Lefebvre & Bol 2021).
    SignDfa,
    /// Direct random target projection (Frenkel, Lefebvre & Bol 2021).
    Drtp,
    /// A loss at every hidden layer, through a random projection into target space.
    LocalLoss(TargetLoss),
    /// A second forward pass on an input that the output error changes (PEPITA, Dellaferrera & Kreiman 2022). Without batch norm.
    Pepita,
    /// Layers that tell examples with their own label from examples with a wrong one, by the sum of their squared activities
    /// (Forward-Forward, Hinton 2022). Its settings are the axis `forward_forward`. Without batch norm and input dropout.
    ForwardForward,
    /// Hidden layers that keep their initial weights: the lower bound of a comparison.
    Shallow,
}

/// The magnitudes of backward weights that share the signs of the forward weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Magnitude {
    /// One magnitude for all, that of Glorot's initialization (Xiao et al. 2019, arXiv:1811.03567).
    Uniform,
    /// Fixed random magnitudes, drawn as `feedback` (Liao, Leibo & Poggio 2016, arXiv:1510.05067).
    Fixed,
    /// Random magnitudes, drawn again for each step as `feedback` says: `Orthogonal` takes long (Moskovitz, Litwin-Kumar & Abbott
    /// 2018, arXiv:1812.06488).
    Batchwise,
}

/// The shape of the feedback matrices of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedbackShape {
    /// From the output to each hidden layer, `[units, outputs]`.
    Target,
    /// From the layer above to each hidden layer, `[units, units above]`; the output layer is the last one above.
    Layer,
    /// From the output to the network's input, a single matrix, `[inputs, outputs]`.
    Input,
}

/// The loss of a hidden layer in target space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TargetLoss {
    /// Cross-entropy of the softmax of the projection.
    CrossEntropy,
    /// Squared error of the projection, squashed into the range of the scaled images; the mean over outputs.
    MeanSquaredError,
    /// Cross-entropy of the softmax of a projection that learns, too: a linear classifier of each layer, the "pred" loss of Nøkland &
    /// Eidnes (2019, arXiv:1901.06656). A mean over the batch.
    LearnedCrossEntropy,
}

/// The revision of a rule that was never changed, which keys leave out.
pub const FIRST_REVISION: u32 = 1;

/// The revisions of the rules that were changed.
const CHANGED_RULES: &[(Algorithm, u32)] = &[];

impl Algorithm {
    /// Every rule, with every setting.
    pub const ALL: [Self; 16] = [
        Self::Backprop,
        Self::FeedbackAlignment,
        Self::SignSymmetric(Magnitude::Uniform),
        Self::SignSymmetric(Magnitude::Fixed),
        Self::SignSymmetric(Magnitude::Batchwise),
        Self::KolenPollack,
        Self::Dfa,
        Self::DirectKolenPollack,
        Self::SignDfa,
        Self::Drtp,
        Self::LocalLoss(TargetLoss::CrossEntropy),
        Self::LocalLoss(TargetLoss::MeanSquaredError),
        Self::LocalLoss(TargetLoss::LearnedCrossEntropy),
        Self::Pepita,
        Self::ForwardForward,
        Self::Shallow,
    ];

    /// Returns the revision of the rule's own computation, which is part of its trials' keys. It is increased when equal settings of
    /// this rule give other numbers: its trials are trained again, and those of other rules are not.
    pub fn revision(self) -> u32 {
        let changed = CHANGED_RULES.iter().find(|(rule, _)| *rule == self);
        changed.map_or(FIRST_REVISION, |(_, revision)| *revision)
    }

    /// Returns the name in tables and folders.
    pub fn name(self) -> &'static str {
        match self {
            Self::Backprop => "backprop",
            Self::FeedbackAlignment => "feedback-alignment",
            Self::SignSymmetric(Magnitude::Uniform) => "sign-symmetric-uniform",
            Self::SignSymmetric(Magnitude::Fixed) => "sign-symmetric-fixed",
            Self::SignSymmetric(Magnitude::Batchwise) => "sign-symmetric-batchwise",
            Self::KolenPollack => "kolen-pollack",
            Self::Dfa => "dfa",
            Self::DirectKolenPollack => "direct-kolen-pollack",
            Self::SignDfa => "sign-dfa",
            Self::Drtp => "drtp",
            Self::LocalLoss(TargetLoss::CrossEntropy) => "local-cross-entropy",
            Self::LocalLoss(TargetLoss::MeanSquaredError) => "local-mse",
            Self::LocalLoss(TargetLoss::LearnedCrossEntropy) => "local-learned",
            Self::Pepita => "pepita",
            Self::ForwardForward => "forward-forward",
            Self::Shallow => "shallow",
        }
    }

    /// Returns the name in papers.
    pub fn title(self) -> &'static str {
        match self {
            Self::Backprop => "Backpropagation",
            Self::FeedbackAlignment => "Feedback alignment",
            Self::SignSymmetric(Magnitude::Uniform) => "Sign-symmetric (uniform)",
            Self::SignSymmetric(Magnitude::Fixed) => "Sign-symmetric (fixed magnitudes)",
            Self::SignSymmetric(Magnitude::Batchwise) => "Sign-symmetric (batchwise magnitudes)",
            Self::KolenPollack => "Kolen-Pollack",
            Self::Dfa => "DFA",
            Self::DirectKolenPollack => "Direct Kolen-Pollack",
            Self::SignDfa => "Sign DFA",
            Self::Drtp => "DRTP",
            Self::LocalLoss(TargetLoss::CrossEntropy) => "Local loss (cross-entropy)",
            Self::LocalLoss(TargetLoss::MeanSquaredError) => "Local loss (squared error)",
            Self::LocalLoss(TargetLoss::LearnedCrossEntropy) => "Local loss (learned classifier)",
            Self::Pepita => "PEPITA",
            Self::ForwardForward => "Forward-Forward",
            Self::Shallow => "Shallow",
        }
    }

    /// Returns the error signal at a hidden layer's output as a formula: h is the output, F the layer's feedback matrix, y the
    /// target, e = d(mean loss) / d(logits), delta the signal at the preactivation of the layer above, and x the network's input, each a
    /// row per example.
    pub fn signal_formula(self) -> &'static str {
        match self {
            Self::Backprop => "delta W^T, with the weights W of the layer above",
            Self::FeedbackAlignment => "delta F^T",
            Self::SignSymmetric(Magnitude::Uniform) => {
                "delta (c sign(W))^T, with the weights W of the layer above"
            }
            Self::SignSymmetric(Magnitude::Fixed | Magnitude::Batchwise) => {
                "delta (|F| sign(W))^T, with the weights W of the layer above"
            }
            Self::KolenPollack => "delta (W + F)^T, with the weights W of the layer above",
            Self::Dfa | Self::DirectKolenPollack => "e F^T",
            Self::SignDfa => "sign(e) F^T",
            Self::Drtp => "y F^T",
            Self::LocalLoss(TargetLoss::CrossEntropy) => "(softmax(h F) - y) F^T",
            Self::LocalLoss(TargetLoss::MeanSquaredError) => {
                "(2 / outputs (squash(h F) - y) squash'(h F)) F^T"
            }
            Self::LocalLoss(TargetLoss::LearnedCrossEntropy) => "(softmax(h F) - y) F^T / batch",
            Self::Pepita => "(h - h') / batch, with the output h' of a second pass on x + batch e F^T",
            Self::ForwardForward => {
                "h (sigmoid(h.h - units) - t) / batch, with t = 1 for the own label and 0 for a wrong one"
            }
            Self::Shallow => "0",
        }
    }

    /// Returns the shape of the rule's feedback matrices, if it has some.
    pub fn feedback(self) -> Option<FeedbackShape> {
        match self {
            Self::FeedbackAlignment
            | Self::SignSymmetric(Magnitude::Fixed | Magnitude::Batchwise)
            | Self::KolenPollack => Some(FeedbackShape::Layer),
            Self::Dfa | Self::DirectKolenPollack | Self::SignDfa | Self::Drtp | Self::LocalLoss(_) => {
                Some(FeedbackShape::Target)
            }
            Self::Pepita => Some(FeedbackShape::Input),
            Self::Backprop
            | Self::SignSymmetric(Magnitude::Uniform)
            | Self::ForwardForward
            | Self::Shallow => None,
        }
    }

    /// Whether weights and feedback matrices can be aligned with each other.
    pub fn aligns_feedback(self) -> bool {
        matches!(self.feedback(), Some(FeedbackShape::Target | FeedbackShape::Layer))
    }

    /// Whether hidden layers can have batch norm.
    pub fn allows_batch_norm(self) -> bool {
        !matches!(self, Self::Pepita | Self::ForwardForward)
    }

    /// Whether the input can have dropout.
    pub fn allows_input_dropout(self) -> bool {
        self != Self::ForwardForward
    }

    /// Whether the rule writes labels into the input, and has the settings of the axis `forward_forward`.
    pub fn reads_labels(self) -> bool {
        self == Self::ForwardForward
    }

    /// Whether the rule uses feedback matrices.
    pub fn uses_feedback(self) -> bool {
        self.feedback().is_some()
    }

    /// Whether the feedback matrices learn, as parameters like all others.
    pub fn trains_feedback(self) -> bool {
        matches!(self, Self::DirectKolenPollack | Self::LocalLoss(TargetLoss::LearnedCrossEntropy))
    }

    /// Whether feedback matrices are drawn again for each step.
    pub fn redraws_feedback(self) -> bool {
        self == Self::SignSymmetric(Magnitude::Batchwise)
    }

    /// Whether the rule computes a matrix of its own in place of each layer's weights in the backward pass.
    pub fn computes_backward_weights(self) -> bool {
        matches!(self, Self::SignSymmetric(_) | Self::KolenPollack)
    }

    /// Whether the rule keeps the difference of its feedback matrices from the forward weights, which decay makes smaller.
    pub fn keeps_offsets(self) -> bool {
        self == Self::KolenPollack
    }

    /// Whether hidden layers learn. Where they do not, decay does not change their weights either.
    pub fn trains_hidden_layers(self) -> bool {
        self != Self::Shallow
    }

    /// Returns the reason why the rule cannot reconstruct images, if there is one.
    pub fn refuses_reconstruction(self) -> Option<&'static str> {
        match self {
            Self::Drtp => {
                Some("its error signal is the projected target itself, which has to be a one-hot label")
            }
            Self::LocalLoss(TargetLoss::CrossEntropy | TargetLoss::LearnedCrossEntropy) => {
                Some("cross-entropy needs class labels as targets")
            }
            Self::ForwardForward => Some("it writes class labels into its input"),
            _ => None,
        }
    }
}
