//! Which error signal does each hidden layer learn from?
//!
//! The list of rules is [`rule()`], their names are [`Algorithm`], their contract is in the module [`rule`](mod@rule).
//! A rule computes error signals and nothing else: the derivative of the activation, the weight gradient, the output
//! layer's exact gradient and the optimizer are the same for all rules.

mod backprop;
mod batch;
mod dfa;
mod direct_kolen_pollack;
mod drtp;
pub mod feedback;
mod feedback_alignment;
pub mod forward_forward;
mod kolen_pollack;
mod learned_classifier;
mod local_loss;
pub mod pass;
mod pepita;
pub mod rule;
mod rule_group;
mod second_pass;
mod shallow;
mod sign_dfa;
mod sign_symmetric;
mod teacher;

use forward_forward::ForwardForward;
use kernels::{Kernels, Squash};
use local_loss::LocalLoss;
use settings::{Algorithm, Configuration, TargetLoss};

pub use batch::Batch;
pub use pass::Pass;
pub use rule::Rule;
pub use rule_group::RuleGroup;
pub use second_pass::{FirstPass, SecondPass};
pub use teacher::{LayerTaught, Teacher};

/// Returns the rule of `configuration`. `squash` maps values into the range of the scaled images, for losses in target space.
pub fn rule<B: Kernels>(configuration: &Configuration, squash: Squash) -> Rule<B> {
    match configuration.algorithm {
        Algorithm::Backprop => Rule::LayerAbove(None),
        Algorithm::FeedbackAlignment => {
            Rule::LayerAbove(Some(Box::new(feedback_alignment::FeedbackAlignment)))
        }
        Algorithm::SignSymmetric(magnitude) => {
            Rule::LayerAbove(Some(Box::new(sign_symmetric::SignSymmetric(magnitude))))
        }
        Algorithm::KolenPollack => Rule::LayerAbove(Some(Box::new(kolen_pollack::KolenPollack))),
        Algorithm::Dfa => Rule::OutputError(Box::new(dfa::Dfa)),
        Algorithm::DirectKolenPollack => {
            Rule::OutputError(Box::new(direct_kolen_pollack::DirectKolenPollack))
        }
        Algorithm::SignDfa => Rule::OutputError(Box::new(sign_dfa::SignDfa)),
        Algorithm::Drtp => Rule::Local(Box::new(drtp::Drtp)),
        Algorithm::LocalLoss(TargetLoss::CrossEntropy) => Rule::Local(Box::new(LocalLoss::CrossEntropy)),
        Algorithm::LocalLoss(TargetLoss::MeanSquaredError) => {
            Rule::Local(Box::new(LocalLoss::MeanSquaredError(squash)))
        }
        Algorithm::LocalLoss(TargetLoss::LearnedCrossEntropy) => {
            Rule::Local(Box::new(learned_classifier::LearnedClassifier))
        }
        Algorithm::ForwardForward => {
            let settings = configuration.forward_forward.as_ref().expect("the axis applies to the rule");
            let settings::ForwardForward { negatives, peer_normalization, .. } = *settings;
            Rule::Contrast(ForwardForward { negatives, peer_normalization })
        }
        Algorithm::Pepita => Rule::SecondPass(pepita::second_input),
        Algorithm::Shallow => Rule::Untrained,
    }
}
