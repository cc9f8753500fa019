//! Optimizers. Their steps are in the crate `kernels`.

use serde::{Deserialize, Serialize};

/// The optimizer of all parameters. The L2 term of `weight_decay` is part of the gradient; `decoupled_decay` is not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Optimizer {
    /// Adam (Kingma & Ba 2015, arXiv:1412.6980). With the form `Paper` and `decoupled_decay`, it is AdamW (Loshchilov & Hutter 2019,
    /// arXiv:1711.05101).
    Adam {
        /// The share of the gradient's average that a step keeps.
        ///
        /// Allowed: at least 0 and below 1.
        #[serde(default = "beta_1")]
        beta_1: f64,
        /// The share of the squared gradient's average that a step keeps.
        ///
        /// Allowed: at least 0 and below 1.
        #[serde(default = "beta_2")]
        beta_2: f64,
        /// The number that is added to the root of the squared gradient's average. PyTorch has 1e-8.
        ///
        /// Allowed: 1e-12 to 1.
        #[serde(default = "adam_epsilon")]
        epsilon: f64,
        /// The place of `epsilon`.
        #[serde(default)]
        form: AdamForm,
    },
    /// Stochastic gradient descent, with momentum if it is above 0 (Sutskever et al. 2013).
    Sgd {
        /// The share of the velocity that a step keeps; the gradient is added in full.
        ///
        /// Allowed: at least 0 and below 1.
        #[serde(default)]
        momentum: f64,
        /// Whether the step is that of Nesterov's momentum.
        #[serde(default)]
        nesterov: bool,
    },
    /// RMSprop (Tieleman & Hinton 2012), not centered and without momentum.
    RmsProp {
        /// The share of the squared gradient's average that a step keeps.
        ///
        /// Allowed: at least 0 and below 1.
        #[serde(default = "smoothing")]
        smoothing: f64,
        /// The number that is added to the root of the squared gradient's average.
        ///
        /// Allowed: 1e-12 to 1.
        #[serde(default = "rms_prop_epsilon")]
        epsilon: f64,
    },
}

/// The place of Adam's epsilon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdamForm {
    /// Outside the bias correction, as in Keras and in the paper's section on efficiency.
    #[default]
    Keras,
    /// Added to the corrected root, as in the paper's algorithm, PyTorch and JAX.
    Paper,
}

/// An optimizer without its numbers: what decides which state is kept and which operations a step consists of. Trials of one kind may
/// train in one population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptimizerKind {
    Adam(AdamForm),
    RmsProp,
    /// Gradient descent without momentum.
    Descent,
    /// Gradient descent with momentum.
    Momentum {
        nesterov: bool,
    },
}

fn beta_1() -> f64 {
    0.9
}

fn beta_2() -> f64 {
    0.999
}

fn adam_epsilon() -> f64 {
    1e-7
}

fn smoothing() -> f64 {
    0.99
}

fn rms_prop_epsilon() -> f64 {
    1e-8
}

impl Default for Optimizer {
    fn default() -> Self {
        Self::ADAM
    }
}

impl Optimizer {
    /// Keras' Adam with its defaults.
    pub const ADAM: Self = Self::Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, form: AdamForm::Keras };

    /// Returns the name in tables and folders: the kind, and every setting that is not at its default.
    pub fn name(self) -> String {
        let mut name = String::new();
        let mut add = |part: String| {
            if !name.is_empty() {
                name.push('-');
            }
            name.push_str(&part);
        };
        match self {
            Self::Adam { beta_1: first, beta_2: second, epsilon, form } => {
                add("adam".into());
                if form == AdamForm::Paper {
                    add("paper".into());
                }
                if (first, second) != (beta_1(), beta_2()) {
                    add(format!("beta{first}-{second}"));
                }
                if epsilon != adam_epsilon() {
                    add(format!("epsilon{epsilon:e}"));
                }
            }
            Self::Sgd { momentum, nesterov } => {
                add("sgd".into());
                if momentum > 0.0 {
                    add(format!("momentum{momentum}"));
                }
                if nesterov {
                    add("nesterov".into());
                }
            }
            Self::RmsProp { smoothing: kept, epsilon } => {
                add("rmsprop".into());
                if kept != smoothing() {
                    add(format!("smoothing{kept}"));
                }
                if epsilon != rms_prop_epsilon() {
                    add(format!("epsilon{epsilon:e}"));
                }
            }
        }
        name
    }

    pub fn kind(self) -> OptimizerKind {
        match self {
            Self::Adam { form, .. } => OptimizerKind::Adam(form),
            Self::Sgd { momentum, nesterov } if momentum > 0.0 => OptimizerKind::Momentum { nesterov },
            Self::Sgd { .. } => OptimizerKind::Descent,
            Self::RmsProp { .. } => OptimizerKind::RmsProp,
        }
    }

    /// Returns the allowed values in words if a setting is not allowed.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        // Kernels compute in single precision, and on GPUs with squares of at least 1e-30.
        let is_share = |share: f64| share >= 0.0 && (share as f32) < 1.0;
        let is_epsilon = |number: f64| (1e-12..=1.0).contains(&number);
        match *self {
            Self::Adam { beta_1, beta_2, epsilon, .. } => {
                let is_allowed = is_share(beta_1) && is_share(beta_2) && is_epsilon(epsilon);
                (!is_allowed)
                    .then_some("`beta_1` and `beta_2` at least 0 and below 1, `epsilon` from 1e-12 to 1")
            }
            Self::Sgd { momentum, nesterov } => {
                if !is_share(momentum) {
                    Some("`momentum` at least 0 and below 1")
                } else {
                    (nesterov && momentum == 0.0).then_some("`nesterov` with a `momentum` above 0")
                }
            }
            Self::RmsProp { smoothing, epsilon } => {
                let is_allowed = is_share(smoothing) && is_epsilon(epsilon);
                (!is_allowed).then_some("`smoothing` at least 0 and below 1, `epsilon` from 1e-12 to 1")
            }
        }
    }
}

impl OptimizerKind {
    /// Returns the names of the values that the optimizer keeps for each parameter, as checkpoints call them.
    pub fn states(self) -> &'static [&'static str] {
        match self {
            Self::Adam(_) => &["first_moment", "second_moment"],
            Self::RmsProp => &["second_moment"],
            Self::Descent => &[],
            Self::Momentum { .. } => &["velocity"],
        }
    }
}
