//! One point of a grid.

use std::fmt;

use algorithms::Algorithm;
use model::{Activation, Initialization};
use serde::{Deserialize, Serialize};
use training::FirstWeights;

use crate::Task;

/// Everything that a trial's result depends on, beside data, schedule and seed.
///
/// Its serialized form is part of keys: what is at its default is left out, so that a new option keeps old keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Learning rule.
    pub algorithm: Algorithm,
    /// Units of each hidden layer, from the input up.
    pub hidden: Vec<u32>,
    /// Of every hidden layer.
    pub activation: Activation,
    /// Do hidden layers normalize over the batch?
    #[serde(default, skip_serializing_if = "is_false")]
    pub batch_norm: bool,
    /// Do hidden layers have a bias?
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub bias: bool,
    /// How forward weights start.
    #[serde(default = "orthogonal", skip_serializing_if = "is_orthogonal")]
    pub weights: FirstWeights,
    /// How feedback matrices are drawn; absent where the rule has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Initialization>,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// Share of hidden units dropped in training.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropout: f64,
    /// L2 coefficient of all weight matrices.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub weight_decay: f64,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_true(value: &bool) -> bool {
    *value
}

fn yes() -> bool {
    true
}

fn orthogonal() -> FirstWeights {
    FirstWeights::Orthogonal
}

fn is_orthogonal(value: &FirstWeights) -> bool {
    *value == FirstWeights::Orthogonal
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// Longest slug; file systems allow 255 bytes, and a temporary name is longer than the final one.
const LONGEST_SLUG: usize = 120;

impl Configuration {
    /// Why the configuration cannot be trained on `task`, if it cannot.
    #[must_use]
    pub fn impossible(&self, task: Task) -> Option<String> {
        let name = self.algorithm.name();
        if task == Task::Reconstruction
            && let Some(reason) = self.algorithm.refuses_reconstruction()
        {
            return Some(format!("{name} cannot reconstruct: {reason}"));
        }
        (self.weights == FirstWeights::Aligned && !self.algorithm.uses_feedback())
            .then(|| format!("{name} has no feedback that forward weights could be aligned with"))
    }

    /// What is doubtful about the configuration.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        (self.algorithm == Algorithm::Drtp && !self.activation.is_bounded()).then(|| {
            format!(
                "drtp with the unbounded activation {:?}: its signal pushes activations one way for ever, so they \
                 may grow until the trial diverges",
                self.activation
            )
        })
    }

    /// A readable name that no other configuration has, fit for a folder: `dfa-2x500-tanh-lr0.001`.
    #[must_use]
    pub fn slug(&self) -> String {
        let slug = self.to_string().replace(' ', "-");
        if slug.len() <= LONGEST_SLUG {
            return slug;
        }
        // Only a very deep network of unequal layers gets here.
        let digest = slug.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("{}-{digest:016x}", &slug[..LONGEST_SLUG - 17])
    }
}

/// `dfa 2x500 tanh lr0.001`, with whatever is not at its default after it.
impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let activation = match self.activation {
            Activation::Tanh => "tanh",
            Activation::Relu => "relu",
            Activation::Swish => "swish",
            Activation::LeakyRelu => "leaky-relu",
        };
        write!(
            f,
            "{} {} {activation} lr{}",
            self.algorithm.name(),
            layers(&self.hidden),
            self.learning_rate
        )?;
        if self.batch_norm {
            f.write_str(" bn")?;
        }
        if !self.bias {
            f.write_str(" no-bias")?;
        }
        match self.weights {
            FirstWeights::Orthogonal => {}
            FirstWeights::LecunNormal => f.write_str(" lecun-weights")?,
            FirstWeights::Aligned => f.write_str(" aligned")?,
        }
        if self.feedback == Some(Initialization::LecunNormal) {
            f.write_str(" lecun-feedback")?;
        }
        if self.dropout > 0.0 {
            write!(f, " dropout{}", number(self.dropout))?;
        }
        if self.weight_decay > 0.0 {
            write!(f, " decay{}", number(self.weight_decay))?;
        }
        Ok(())
    }
}

/// `0.0001`, or `1e-5` where the zeros would be many.
fn number(value: f64) -> String {
    if (1e-4..1e6).contains(&value) { value.to_string() } else { format!("{value:e}") }
}

/// `500-1000-500`, or `5x500` for equal layers.
fn layers(hidden: &[u32]) -> String {
    match hidden {
        [first, rest @ ..] if !rest.is_empty() && rest.iter().all(|units| units == first) => {
            format!("{}x{first}", hidden.len())
        }
        _ => hidden.iter().map(u32::to_string).collect::<Vec<_>>().join("-"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dfa(hidden: &[u32]) -> Configuration {
        Configuration {
            algorithm: Algorithm::Dfa,
            hidden: hidden.into(),
            activation: Activation::Tanh,
            batch_norm: false,
            bias: true,
            weights: FirstWeights::Orthogonal,
            feedback: Some(Initialization::Orthogonal),
            learning_rate: 0.001,
            dropout: 0.0,
            weight_decay: 0.0,
        }
    }

    #[test]
    fn slugs_are_short_where_layers_are_equal() {
        assert_eq!(dfa(&[500; 5]).slug(), "dfa-5x500-tanh-lr0.001");
        assert_eq!(dfa(&[500]).slug(), "dfa-500-tanh-lr0.001");
        assert_eq!(dfa(&[500, 1000, 500]).slug(), "dfa-500-1000-500-tanh-lr0.001");
        let tuned = Configuration { dropout: 0.1, batch_norm: true, bias: false, ..dfa(&[10]) };
        assert_eq!(tuned.slug(), "dfa-10-tanh-lr0.001-bn-no-bias-dropout0.1");
    }

    #[test]
    fn slugs_of_deep_networks_are_cut_and_stay_distinct() {
        let deep = |last| dfa(&(100..200).chain([last]).collect::<Vec<_>>());
        assert!(deep(1).slug().len() <= LONGEST_SLUG);
        assert_ne!(deep(1).slug(), deep(2).slug());
    }

    #[test]
    fn drtp_and_cross_entropy_cannot_reconstruct() {
        for algorithm in Algorithm::ALL {
            let configuration = Configuration { algorithm, ..dfa(&[10]) };
            let refused = configuration.impossible(Task::Reconstruction).is_some();
            assert_eq!(refused, algorithm.refuses_reconstruction().is_some());
            assert_eq!(configuration.impossible(Task::Classification), None);
        }
    }
}
