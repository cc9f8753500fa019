//! The list of axes. Grids, keys, tables, exports, documentation and populations iterate over it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::SerializeStruct};

use crate::{
    Activation, Algorithm, AxisPoint, AxisVisitor, Definition, ForwardForward, Initialization, Loss,
    Optimizer, Schedule, Sharing,
};

/// Generates everything that has a field or variant for each axis from the list below.
macro_rules! axes {
    ($(
        $(#[doc = $documentation:literal])+
        $field:ident $variant:ident: $type:ty = $definition:expr;
    )+) => {
        /// An axis of a grid.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Axis {
            $($(#[doc = $documentation])+ $variant,)+
        }

        impl Axis {
            /// Every axis, in the order of tables and keys.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];
            /// Every name, in the same order.
            pub const NAMES: &[&str] = &[$(stringify!($field)),+];

            /// Returns the name in a grid and of a table's column.
            pub fn name(self) -> &'static str {
                Self::NAMES[self as usize]
            }

            /// Returns the axis' documentation, one or more sentences.
            pub fn documentation(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($documentation, "\n"),+),)+
                }
            }

            /// Returns the value of `configuration`; absent on an axis that does not apply to its rule.
            pub fn of(self, configuration: &Configuration) -> Option<AxisPoint> {
                use crate::AxisValue;
                match self {
                    $(Self::$variant => configuration.$field.point(),)+
                }
            }
        }

        /// One point of a grid: everything that a trial's result depends on, except for data, training settings and seed.
        ///
        /// Its serialized form is part of keys. Values that an axis omits are left out, so that a new axis keeps old keys.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Configuration {
            $($(#[doc = $documentation])+ pub $field: $type,)+
        }

        impl Serialize for Configuration {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let is_omitted = [$(definitions::$variant.is_omitted(&self.$field)),+];
                let fields = is_omitted.iter().filter(|omitted| !**omitted).count();
                let mut fields = serializer.serialize_struct("Configuration", fields)?;
                $(if definitions::$variant.is_omitted(&self.$field) {
                    fields.skip_field(stringify!($field))?;
                } else {
                    fields.serialize_field(stringify!($field), &self.$field)?;
                })+
                fields.end()
            }
        }

        impl<'de> Deserialize<'de> for Configuration {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let given = Selection::deserialize(deserializer)?;
                Ok(Self {$(
                    $field: given
                        .$field
                        .or_else(|| definitions::$variant.omitted.clone())
                        .ok_or_else(|| D::Error::missing_field(stringify!($field)))?,
                )+})
            }
        }

        impl Configuration {
            /// Whether two configurations may train in one population; `is_tracked` is true where trackers measure its steps.
            pub fn may_share_population(&self, other: &Self, is_tracked: bool) -> bool {
                $(definitions::$variant.may_share(&self.$field, &other.$field, is_tracked))&&+
            }

            /// Returns the parts of the name: first those of axes that every key has, then those of the others.
            pub(crate) fn labels(&self) -> Vec<String> {
                let labels = [$((
                    definitions::$variant.omitted.is_some(),
                    (definitions::$variant.label)(&self.$field),
                )),+];
                let [named, others] =
                    [false, true].map(|wanted| labels.iter().filter(move |(omitted, _)| *omitted == wanted));
                named.chain(others).filter_map(|(_, label)| label.clone()).collect()
            }
        }

        /// A selection of configurations by some of their values; an axis that is left out may have any value.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Selection {
            $(
                $(#[doc = $documentation])+
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )+
        }

        impl Selection {
            /// Whether `configuration` has all selected values.
            pub fn contains(&self, configuration: &Configuration) -> bool {
                $(self.$field.as_ref().is_none_or(|wanted| *wanted == configuration.$field))&&+
            }

            /// Returns the selected values, in the order of the axes.
            pub fn points(&self) -> Vec<(Axis, AxisPoint)> {
                use crate::AxisValue;
                let points = [$((Axis::$variant, self.$field.as_ref().and_then(AxisValue::point))),+];
                points.into_iter().filter_map(|(axis, point)| Some((axis, point?))).collect()
            }
        }

        /// The values along each axis of a grid. An empty list is no grid.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Axes {
            $($(#[doc = $documentation])+ pub $field: Vec<$type>,)+
        }

        impl Axes {
            /// Returns the default of each axis; no values for an axis that a grid has to name.
            pub fn with_defaults() -> Self {
                Self {$($field: definitions::$variant.default.iter().cloned().collect(),)+}
            }

            /// Returns the number of combinations of values.
            pub fn size(&self) -> usize {
                [$(self.$field.len()),+].into_iter().fold(1, usize::saturating_mul)
            }

            /// Returns every combination once, in the order of the lists. An axis that does not apply to a rule is dropped there, so
            /// that no two configurations are the same.
            pub fn configurations(&self) -> Vec<Configuration> {
                let mut points = vec![Selection::default()];
                $(points = cross(points, &self.$field, |point, value| {
                    let algorithm = point.algorithm.unwrap_or(Algorithm::Backprop);
                    point.$field = Some(definitions::$variant.value_for(algorithm, value));
                });)+
                let every_axis = "every axis has a value";
                let configurations =
                    points.into_iter().map(|point| Configuration {$($field: point.$field.expect(every_axis),)+});
                without_repeats(configurations)
            }
        }

        impl Axes {
            /// Returns the configurations of `count` rows for each algorithm: row `k` has the value at place `k` of each other list, or
            /// the only value of a list. Rows that are equal, because an axis that differs does not apply to the rule, are there once.
            pub fn rows(&self, count: usize) -> Vec<Configuration> {
                let of_rule = |&algorithm: &Algorithm| {
                    let axes = Self { algorithm: vec![algorithm], ..self.clone() };
                    (0..count).map(move |row| Configuration {
                        $($field: definitions::$variant
                            .value_for(algorithm, axes.$field.get(row).unwrap_or(&axes.$field[0])),)+
                    })
                };
                without_repeats(self.algorithm.iter().flat_map(of_rule))
            }
        }

        /// Calls `visitor` for each axis in turn, with its list in `axes`.
        pub fn visit_axes(visitor: &mut impl AxisVisitor, axes: &mut Axes) {
            $(visitor.visit(Axis::$variant, &definitions::$variant, &mut axes.$field);)+
        }

        #[expect(non_upper_case_globals, reason = "named like the variants")]
        mod definitions {
            use super::*;

            $(pub(super) static $variant: Definition<$type> = $definition;)+
        }
    };
}

axes! {
    /// Learning rules of the hidden layers.
    algorithm Algorithm: Algorithm = Definition {
        written: "list of [`Algorithm`]",
        example: Some("[Dfa, LocalLoss(MeanSquaredError)]"),
        default: None,
        omitted: None,
        check: any,
        applies: always,
        dimension: 16,
        sharing: Sharing::Untracked,
        label: |algorithm| Some(algorithm.name().into()),
    };

    /// Units of each hidden layer of a network, from the input up.
    hidden Hidden: Vec<u32> = Definition {
        written: "list of lists with the units of each layer, 1 to 100000",
        example: Some("[[500, 500]]"),
        default: None,
        omitted: None,
        check: layers,
        applies: always,
        dimension: 1,
        sharing: Sharing::Never,
        label: |units| Some(layers_label(units)),
    };

    /// Nonlinearities of the hidden layers.
    activation Activation: Activation = Definition {
        written: "list of [`Activation`]",
        example: None,
        default: Some(Activation::Tanh),
        omitted: None,
        check: any,
        applies: always,
        dimension: 4,
        sharing: Sharing::Never,
        label: |activation| Some(activation.name().into()),
    };

    /// Whether hidden layers normalize over the batch; dropped for rules without batch norm (`Pepita`,
    /// `ForwardForward`).
    batch_norm BatchNorm: bool = Definition {
        written: "list of `true` and `false`",
        example: None,
        default: Some(false),
        omitted: Some(false),
        check: any,
        applies: Algorithm::allows_batch_norm,
        dimension: 9,
        sharing: Sharing::Never,
        label: |batch_norm| batch_norm.then(|| "bn".into()),
    };

    /// Whether hidden layers have a bias.
    bias Bias: bool = Definition {
        written: "list of `true` and `false`",
        example: None,
        default: Some(true),
        omitted: Some(true),
        check: any,
        applies: always,
        dimension: 15,
        sharing: Sharing::Never,
        label: |bias| (!bias).then(|| "no-bias".into()),
    };

    /// Whether the output layer has a bias.
    output_bias OutputBias: bool = Definition {
        written: "list of `true` and `false`",
        example: None,
        default: Some(true),
        omitted: Some(true),
        check: any,
        applies: always,
        dimension: 17,
        sharing: Sharing::Never,
        label: |bias| (!bias).then(|| "no-output-bias".into()),
    };

    /// Losses of the output layer, for classification.
    loss Loss: Loss = Definition {
        written: "list of [`Loss`]",
        example: None,
        default: Some(Loss::SoftmaxCrossEntropy),
        omitted: Some(Loss::SoftmaxCrossEntropy),
        check: any,
        applies: always,
        dimension: 14,
        sharing: Sharing::Never,
        label: |loss| (*loss != Loss::default()).then(|| loss.name().into()),
    };

    /// Initial forward weights of all layers. Biases start at zero, except with `TorchDefault` and `FanNormal`.
    weights Weights: Initialization = Definition {
        written: "list of [`Initialization`]",
        example: None,
        default: Some(Initialization::Orthogonal),
        omitted: Some(Initialization::Orthogonal),
        check: Initialization::problem,
        applies: always,
        dimension: 13,
        sharing: Sharing::Always,
        label: |weights| match weights {
            Initialization::Orthogonal => None,
            Initialization::LecunNormal => Some("lecun-weights".into()),
            Initialization::Aligned => Some("aligned".into()),
            others => Some(format!("{}-weights", others.name())),
        },
    };

    /// Feedback matrices, `[units, outputs]` or `[units, units above]` of each hidden layer, or one `[inputs, outputs]`; dropped for rules
    /// without feedback.
    feedback Feedback: Option<Initialization> = Definition {
        written: "list of [`Initialization`]",
        example: None,
        default: Some(Some(Initialization::Orthogonal)),
        omitted: Some(None),
        check: |feedback| match feedback {
            None => Some("a distribution, such as `Orthogonal` or `HeUniform`"),
            Some(initialization) => initialization.problem(),
        },
        applies: Algorithm::uses_feedback,
        dimension: 7,
        sharing: Sharing::Always,
        label: |feedback| match feedback {
            None | Some(Initialization::Orthogonal) => None,
            Some(Initialization::LecunNormal) => Some("lecun-feedback".into()),
            Some(others) => Some(format!("{}-feedback", others.name())),
        },
    };

    /// Optimizers of all parameters.
    optimizer Optimizer: Optimizer = Definition {
        written: "list of [`Optimizer`], by their bare names if all settings are at their defaults",
        example: Some("[Adam, Sgd(momentum: 0.9)]"),
        default: Some(Optimizer::ADAM),
        omitted: Some(Optimizer::ADAM),
        check: Optimizer::problem,
        applies: always,
        dimension: 6,
        sharing: Sharing::SameShape(|one, other| one.kind() == other.kind()),
        label: |optimizer| (*optimizer != Optimizer::ADAM).then(|| optimizer.name()),
    };

    /// Learning rates of the optimizer.
    learning_rate LearningRate: f64 = Definition {
        written: "list of numbers above 0, or a [`Range`]",
        example: Some("[1e-3, 1e-4]"),
        default: None,
        omitted: None,
        check: positive,
        applies: always,
        dimension: 0,
        sharing: Sharing::Always,
        label: |rate| Some(format!("lr{rate}")),
    };

    /// Schedules of the learning rate over the epochs.
    schedule Schedule: Schedule = Definition {
        written: "list of [`Schedule`], by their bare names if all settings are at their defaults",
        example: Some("[Constant, Step(at: [60, 90], factor: 0.1)]"),
        default: Some(Schedule::Constant),
        omitted: Some(Schedule::Constant),
        check: Schedule::problem,
        applies: always,
        dimension: 8,
        sharing: Sharing::Always,
        label: |schedule| (*schedule != Schedule::Constant).then(|| schedule.name()),
    };

    /// Shares of hidden units dropped in training.
    dropout Dropout: f64 = Definition {
        written: "list of numbers, at least 0 and below 1, or a [`Range`]",
        example: None,
        default: Some(0.0),
        omitted: Some(0.0),
        check: share,
        applies: always,
        dimension: 2,
        sharing: Sharing::SameTerms,
        label: |dropout| (*dropout > 0.0).then(|| format!("dropout{}", short(*dropout))),
    };

    /// Shares of pixels dropped in training; dropped for rules without input dropout (`ForwardForward`).
    input_dropout InputDropout: f64 = Definition {
        written: "list of numbers, at least 0 and below 1, or a [`Range`]",
        example: None,
        default: Some(0.0),
        omitted: Some(0.0),
        check: share,
        applies: Algorithm::allows_input_dropout,
        dimension: 11,
        sharing: Sharing::SameTerms,
        label: |dropout| (*dropout > 0.0).then(|| format!("input-dropout{}", short(*dropout))),
    };

    /// L2 coefficients of all weight matrices: a term of the gradient.
    weight_decay WeightDecay: f64 = Definition {
        written: "list of numbers, at least 0, or a [`Range`]",
        example: None,
        default: Some(0.0),
        omitted: Some(0.0),
        check: coefficient,
        applies: always,
        dimension: 3,
        sharing: Sharing::SameTerms,
        label: |decay| (*decay > 0.0).then(|| format!("decay{}", short(*decay))),
    };

    /// Coefficients of decay apart from the gradient: before a step, all weight matrices shrink by the learning rate times this share
    /// (Loshchilov & Hutter 2019, arXiv:1711.05101).
    decoupled_decay DecoupledDecay: f64 = Definition {
        written: "list of numbers, at least 0, or a [`Range`]",
        example: None,
        default: Some(0.0),
        omitted: Some(0.0),
        check: coefficient,
        applies: always,
        dimension: 12,
        sharing: Sharing::SameTerms,
        label: |decay| (*decay > 0.0).then(|| format!("decoupled{}", short(*decay))),
    };

    /// Largest norms of the gradient of all parameters together, which is scaled down to it. `None` does not limit the norm.
    clip_norm ClipNorm: Option<f64> = Definition {
        written: "list of `None` and numbers above 0, or a [`Range`]",
        example: Some("[None, 1.0]"),
        default: Some(None),
        omitted: Some(None),
        check: |norm| norm.as_ref().and_then(positive),
        applies: always,
        dimension: 10,
        sharing: Sharing::SameTerms,
        label: |norm| norm.map(|norm| format!("clip{}", short(norm))),
    };

    /// Numbers of examples per training step; the last batch of an epoch is dropped if it is shorter. `None`, which is not
    /// combined with numbers, takes the `batch_size` of the `Train` stage.
    batch_size BatchSize: Option<u32> = Definition {
        written: "list of whole numbers, at least 1",
        example: None,
        default: Some(None),
        omitted: Some(None),
        check: |size| (*size == Some(0)).then_some("at least 1"),
        applies: always,
        dimension: 5,
        sharing: Sharing::Never,
        label: |size| size.map(|size| format!("batch{size}")),
    };

    /// Settings of the rule `ForwardForward`; dropped for all other rules.
    forward_forward ForwardForward: Option<ForwardForward> = Definition {
        written: "list of [`ForwardForward`]",
        example: Some("[(), (label: Appended, negatives: Hardest)]"),
        default: Some(Some(ForwardForward::DEFAULT)),
        omitted: Some(None),
        check: |settings| match settings {
            None => Some("settings, such as `()` or `(label: Appended)`"),
            Some(settings) => settings.problem(),
        },
        applies: Algorithm::reads_labels,
        dimension: 18,
        sharing: Sharing::SameShape(|one, other| match (one, other) {
            (Some(one), Some(other)) => one.has_shape_of(other),
            _ => one == other,
        }),
        label: |settings| {
            settings.as_ref().filter(|settings| **settings != ForwardForward::DEFAULT).map(ForwardForward::name)
        },
    };
}

fn always(_: Algorithm) -> bool {
    true
}

fn any<T>(_: &T) -> Option<&'static str> {
    None
}

fn positive(value: &f64) -> Option<&'static str> {
    // Networks train in single precision, in which smaller numbers are 0.
    let is_allowed = (f64::from(f32::MIN_POSITIVE)..=f64::from(f32::MAX)).contains(value);
    (!is_allowed).then_some("above 0, from 1.2e-38 to 3.4e38")
}

fn share(value: &f64) -> Option<&'static str> {
    (!(0.0..1.0).contains(value)).then_some("at least 0 and below 1")
}

fn coefficient(value: &f64) -> Option<&'static str> {
    // Networks compute in single precision.
    (!(*value >= 0.0 && (*value as f32).is_finite())).then_some("at least 0, at most 3.4e38")
}

/// The largest number of units in a layer. The weights between two layers of this size take 40 GB.
const MAX_UNITS: u32 = 100_000;

fn layers(units: &Vec<u32>) -> Option<&'static str> {
    match units.as_slice() {
        [] => Some("at least one hidden layer"),
        units if units.contains(&0) => Some("at least 1 unit in every layer"),
        units if units.iter().any(|units| *units > MAX_UNITS) => Some("at most 100000 units in a layer"),
        _ => None,
    }
}

/// Returns `500-1000-500`, or `5x500` for equal layers.
fn layers_label(hidden: &[u32]) -> String {
    match hidden {
        [first, rest @ ..] if !rest.is_empty() && rest.iter().all(|units| units == first) => {
            format!("{}x{first}", hidden.len())
        }
        _ => AxisPoint::Units(hidden.into()).to_string(),
    }
}

/// Returns `0.0001`, but `1e-5` where there would be more zeros.
fn short(value: f64) -> String {
    if (1e-4..1e6).contains(&value) { value.to_string() } else { format!("{value:e}") }
}

/// Returns every combination of a point and a value.
fn cross<T>(points: Vec<Selection>, values: &[T], set: impl Fn(&mut Selection, &T)) -> Vec<Selection> {
    let mut crossed = Vec::with_capacity(points.len() * values.len());
    for point in points {
        for value in values {
            let mut point = point.clone();
            set(&mut point, value);
            crossed.push(point);
        }
    }
    crossed
}

fn without_repeats(configurations: impl Iterator<Item = Configuration>) -> Vec<Configuration> {
    // The name has every value that is not omitted, so configurations with equal names are equal.
    let mut seen = std::collections::HashSet::new();
    configurations.filter(|configuration| seen.insert(configuration.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::subsequence};

    use super::*;

    fn axes() -> Axes {
        Axes {
            algorithm: Algorithm::ALL.into(),
            hidden: vec![vec![8], vec![8, 4]],
            feedback: vec![Some(Initialization::Orthogonal), Some(Initialization::LecunNormal)],
            learning_rate: vec![1e-3, 1e-2],
            ..Axes::with_defaults()
        }
    }

    #[test]
    fn rules_without_feedback_have_no_feedback_axis() {
        // Two feedbacks for every rule that has some, two networks, two rates.
        let with_feedback = Algorithm::ALL.iter().filter(|rule| rule.uses_feedback()).count();
        assert_eq!(axes().configurations().len(), (Algorithm::ALL.len() + with_feedback) * 2 * 2);
    }

    #[test]
    fn rows_pair_the_values_of_lists_for_each_rule() {
        let axes = Axes {
            algorithm: vec![Algorithm::Dfa, Algorithm::Backprop],
            hidden: vec![vec![8]],
            feedback: vec![Some(Initialization::Orthogonal), Some(Initialization::LecunNormal)],
            learning_rate: vec![1e-3, 1e-3],
            ..Axes::with_defaults()
        };
        let names: Vec<String> = axes.rows(2).iter().map(Configuration::to_string).collect();
        // Backpropagation has no feedback, so its two rows are equal.
        assert_eq!(
            names,
            ["dfa 8 tanh lr0.001", "dfa 8 tanh lr0.001 lecun-feedback", "backprop 8 tanh lr0.001"]
        );
        let axes = Axes { learning_rate: vec![1e-3, 1e-2], ..axes };
        assert_eq!(axes.rows(2).len(), 4);
    }

    #[test]
    fn no_two_axes_are_one_dimension() {
        struct Dimensions(Vec<usize>);
        impl AxisVisitor for Dimensions {
            fn visit<T: crate::AxisValue>(
                &mut self,
                _: Axis,
                definition: &'static Definition<T>,
                _: &mut Vec<T>,
            ) {
                self.0.push(definition.dimension);
            }
        }
        let mut dimensions = Dimensions(Vec::new());
        visit_axes(&mut dimensions, &mut Axes::default());
        dimensions.0.sort_unstable();
        assert_eq!(dimensions.0, (0..Axis::ALL.len()).collect::<Vec<_>>());
    }

    #[test]
    fn coefficients_are_not_negative_and_finite_in_single_precision() {
        for (value, is_allowed) in [
            (0.0, true),
            (3.4e38, true),
            (3.5e38, false),
            (-1e-9, false),
            (f64::NAN, false),
            (f64::INFINITY, false),
        ] {
            assert_eq!(coefficient(&value).is_none(), is_allowed, "{value}");
        }
    }

    proptest! {
        #[test]
        fn every_point_is_there_once(
            algorithm in subsequence(Algorithm::ALL.to_vec(), 1..=Algorithm::ALL.len()),
            batch_norm in subsequence(vec![false, true], 1..=2),
            learning_rate in subsequence(vec![1e-4, 1e-3, 1e-2, 1e-1, 1e-3], 1..=5),
            dropout in subsequence(vec![0.0, 0.1, 0.25], 1..=3),
        ) {
            let axes = Axes { algorithm, batch_norm, learning_rate, dropout, ..axes() };
            let configurations = axes.configurations();
            let slugs: std::collections::HashSet<String> =
                configurations.iter().map(Configuration::slug).collect();
            prop_assert_eq!(slugs.len(), configurations.len());
            let mut rates = axes.learning_rate.clone();
            rates.sort_by(f64::total_cmp);
            rates.dedup();
            let of_rule = |rule: &Algorithm| {
                let feedbacks = if rule.uses_feedback() { 2 } else { 1 };
                feedbacks * if rule.allows_batch_norm() { axes.batch_norm.len() } else { 1 }
            };
            let rules: usize = axes.algorithm.iter().map(of_rule).sum();
            prop_assert_eq!(configurations.len(), rules * 2 * rates.len() * axes.dropout.len());
        }
    }
}
