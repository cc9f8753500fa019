//! Schedules of the learning rate.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// The learning rate of each epoch, from the `learning_rate` of the grid. It never changes within an epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Schedule {
    /// The same rate in every epoch.
    #[default]
    Constant,
    /// Multiplies the rate by `factor` after each of some epochs.
    Step {
        /// The epochs after which the rate changes: 60 changes it from the 61st epoch on.
        ///
        /// Example: `[60, 90]`.
        at: Vec<u32>,
        /// The factor.
        ///
        /// Allowed: above 0. Example: `0.1`.
        factor: f64,
    },
    /// Multiplies the rate by `factor` after every epoch.
    Exponential {
        /// The factor.
        ///
        /// Allowed: above 0. Example: `0.95`.
        factor: f64,
    },
    /// Lowers the rate along half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983).
    Cosine {
        /// The rate that would be reached after the last epoch.
        ///
        /// Allowed: at least 0.
        #[serde(default)]
        floor: f64,
    },
    /// Lowers the rate evenly, so that it would be 0 after the last epoch.
    LinearToZero {
        /// The number of epochs at the full rate before that.
        #[serde(default)]
        from: u32,
    },
    /// Raises the rate evenly to its full value, then follows another schedule.
    Warmup {
        /// The number of epochs until the full rate.
        ///
        /// Allowed: at least 1. Example: `5`.
        epochs: u32,
        /// The schedule of the other epochs, which counts them from 1.
        ///
        /// Type: a schedule other than `Warmup`. Example: `Cosine()`.
        then: Box<Self>,
    },
}

impl Schedule {
    /// Returns the rate in `epoch`, counted from 1, of a training with this number of `epochs`.
    pub fn rate(&self, learning_rate: f64, epoch: u32, epochs: u32) -> f64 {
        match self {
            Self::Constant => learning_rate,
            Self::Step { at, factor } => {
                let passed = at.iter().filter(|&&milestone| milestone < epoch).count();
                learning_rate * power(*factor, passed as u32)
            }
            Self::Exponential { factor } => learning_rate * power(*factor, epoch - 1),
            Self::Cosine { floor } => {
                let share = f64::from(epoch - 1) / f64::from(epochs);
                floor + (learning_rate - floor) * (1.0 + (PI * share).cos()) / 2.0
            }
            Self::LinearToZero { from } if epoch > *from => {
                learning_rate * f64::from(epochs + 1 - epoch) / f64::from(epochs - from)
            }
            Self::LinearToZero { .. } => learning_rate,
            Self::Warmup { epochs: warm, .. } if epoch <= *warm => {
                learning_rate * f64::from(epoch) / f64::from(*warm)
            }
            Self::Warmup { epochs: warm, then } => {
                then.rate(learning_rate, epoch - warm, epochs.saturating_sub(*warm))
            }
        }
    }

    /// Whether the rate of an epoch depends on how many epochs there are.
    pub fn depends_on_length(&self) -> bool {
        match self {
            Self::Constant | Self::Step { .. } | Self::Exponential { .. } => false,
            Self::Cosine { .. } | Self::LinearToZero { .. } => true,
            Self::Warmup { then, .. } => then.depends_on_length(),
        }
    }

    /// Returns the name in tables and folders.
    pub fn name(&self) -> String {
        match self {
            Self::Constant => "constant".into(),
            Self::Step { at, factor } => {
                let at: Vec<String> = at.iter().map(u32::to_string).collect();
                format!("step{}x{factor}", at.join("-"))
            }
            Self::Exponential { factor } => format!("exponential{factor}"),
            Self::Cosine { floor } if *floor > 0.0 => format!("cosine{floor:e}"),
            Self::Cosine { .. } => "cosine".into(),
            Self::LinearToZero { from } if *from > 0 => format!("linear-from{from}"),
            Self::LinearToZero { .. } => "linear".into(),
            Self::Warmup { epochs, then } => format!("warmup{epochs}-{}", then.name()),
        }
    }

    /// Returns the allowed values in words if a setting is not allowed.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let is_factor = |factor: f64| factor > 0.0 && factor.is_finite();
        match self {
            Self::Constant | Self::LinearToZero { .. } => None,
            Self::Step { at, factor } => {
                let ascends = at.first() > Some(&0) && at.windows(2).all(|pair| pair[0] < pair[1]);
                (!(ascends && is_factor(*factor)))
                    .then_some("`at` with ascending epochs from 1, `factor` above 0")
            }
            Self::Exponential { factor } => (!is_factor(*factor)).then_some("`factor` above 0"),
            Self::Cosine { floor } => (!(*floor >= 0.0 && floor.is_finite())).then_some("`floor` at least 0"),
            Self::Warmup { epochs: 0, .. } => Some("`epochs` at least 1"),
            Self::Warmup { then, .. } => match **then {
                Self::Warmup { .. } => Some("`then` with a schedule that is no warmup"),
                _ => then.problem(),
            },
        }
    }

    /// Returns the first epoch that this number of `epochs` does not reach although the schedule names it.
    pub fn beyond(&self, epochs: u32) -> Option<u32> {
        match self {
            Self::Step { at, .. } => at.iter().copied().find(|&milestone| milestone >= epochs),
            Self::LinearToZero { from } => (*from >= epochs).then_some(*from),
            Self::Warmup { epochs: warm, then } => {
                let left = epochs.checked_sub(*warm).filter(|left| *left > 0);
                left.map_or(Some(*warm), |left| then.beyond(left).map(|epoch| epoch + warm))
            }
            Self::Constant | Self::Exponential { .. } | Self::Cosine { .. } => None,
        }
    }
}

/// Returns a power by products alone: the last bits of the library's functions depend on the system.
fn power(base: f64, exponent: u32) -> f64 {
    (0..exponent).fold(1.0, |power, _| power * base)
}
