//! The definition of an axis: everything that the rest of the program needs to know about it.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use crate::{Activation, Algorithm, Axis, ForwardForward, Initialization, Loss, Optimizer, Schedule};

/// An axis with values of type `T`.
#[derive(Debug)]
pub struct Definition<T> {
    /// The type of a list of values, as `pipelines/schema.md` prints it after "Type:".
    pub written: &'static str,
    /// A list of values for the documentation, where the type alone does not suffice.
    pub example: Option<&'static str>,
    /// The only value of a grid that leaves the axis out; absent where a grid has to name values.
    pub default: Option<T>,
    /// The value that keys leave out, so that a new axis keeps old keys; absent where every key has the axis.
    pub omitted: Option<T>,
    /// Returns the allowed values in words if a value is not among them.
    pub check: fn(&T) -> Option<&'static str>,
    /// Whether the axis applies to a rule. Where it does not, a configuration has the value `omitted`.
    pub applies: fn(Algorithm) -> bool,
    /// The dimension of quasi-random points that the axis is. No two axes share one, and none is ever changed, so that the points of
    /// written files stay: a new axis takes the next number.
    pub dimension: usize,
    pub sharing: Sharing<T>,
    /// Returns a value's part of a configuration's name; absent for values that the name leaves out.
    pub label: fn(&T) -> Option<String>,
}

/// Whether trials with different values on an axis may train in one population.
#[derive(Clone, Copy, Debug)]
pub enum Sharing<T> {
    /// The trials may not, because the value decides the shape of the tensor program.
    Never,
    /// The trials may if this function returns true: those parts of the values are equal that decide the shape of the tensor program.
    SameShape(fn(&T, &T) -> bool),
    /// The trials may, unless trackers measure the steps.
    Untracked,
    /// The trials may, unless trackers measure the steps and only one trial has the value `omitted`: the step of the other
    /// trial has one more operation.
    SameTerms,
    /// The trials may in any case.
    Always,
}

/// A value on an axis, as tables and programs read it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum AxisPoint {
    Number(f64),
    Flag(bool),
    /// The units of each hidden layer.
    Units(Vec<u32>),
    Text(String),
}

impl fmt::Display for AxisPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Units(units) => {
                f.write_str(&units.iter().map(u32::to_string).collect::<Vec<_>>().join("-"))
            }
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// The type of an axis' values.
pub trait AxisValue: Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + 'static {
    /// Returns the value for tables; absent where the axis does not apply to the configuration.
    fn point(&self) -> Option<AxisPoint>;

    /// Returns the value of a number from a range such as `Logarithmic(from: 1e-4, to: 1e-1, factor: 10)`, or from a distribution;
    /// absent for types without ranges.
    fn from_number(_number: f64) -> Option<Self> {
        None
    }
}

impl AxisValue for f64 {
    fn point(&self) -> Option<AxisPoint> {
        Some(AxisPoint::Number(*self))
    }

    fn from_number(number: f64) -> Option<Self> {
        Some(number)
    }
}

impl AxisValue for bool {
    fn point(&self) -> Option<AxisPoint> {
        Some(AxisPoint::Flag(*self))
    }
}

impl AxisValue for Vec<u32> {
    fn point(&self) -> Option<AxisPoint> {
        Some(AxisPoint::Units(self.clone()))
    }
}

impl AxisValue for Option<f64> {
    fn point(&self) -> Option<AxisPoint> {
        self.map(AxisPoint::Number)
    }

    fn from_number(number: f64) -> Option<Self> {
        Some(Some(number))
    }
}

impl AxisValue for Option<u32> {
    fn point(&self) -> Option<AxisPoint> {
        self.map(|number| AxisPoint::Number(f64::from(number)))
    }
}

impl AxisValue for Option<Initialization> {
    fn point(&self) -> Option<AxisPoint> {
        self.map(|initialization| AxisPoint::Text(initialization.name()))
    }
}

impl AxisValue for Option<ForwardForward> {
    fn point(&self) -> Option<AxisPoint> {
        self.as_ref().map(|settings| AxisPoint::Text(settings.name()))
    }
}

/// Implements [`AxisValue`] for types whose values have a name.
macro_rules! named {
    ($($type:ty),+) => {
        $(impl AxisValue for $type {
            fn point(&self) -> Option<AxisPoint> {
                Some(AxisPoint::Text(self.name().into()))
            }
        })+
    };
}

named!(Activation, Algorithm, Initialization, Loss, Optimizer, Schedule);

/// Handles one axis after the other, each with its own type; see `visit_axes`.
pub trait AxisVisitor {
    /// Handles `axis`; `values` is its list in a set of `Axes`.
    fn visit<T: AxisValue>(&mut self, axis: Axis, definition: &'static Definition<T>, values: &mut Vec<T>);
}

impl<T: AxisValue> Definition<T> {
    /// Returns `value` if the axis applies to the rule, and the value `omitted` otherwise.
    pub(crate) fn value_for(&self, algorithm: Algorithm, value: &T) -> T {
        if (self.applies)(algorithm) {
            return value.clone();
        }
        self.omitted.clone().expect("an axis that does not apply to every rule has a value to omit")
    }

    pub(crate) fn is_omitted(&self, value: &T) -> bool {
        self.omitted.as_ref() == Some(value)
    }

    pub(crate) fn may_share(&self, one: &T, other: &T, is_tracked: bool) -> bool {
        match self.sharing {
            Sharing::Always => true,
            Sharing::Never => one == other,
            Sharing::SameShape(have_same_shape) => have_same_shape(one, other),
            Sharing::Untracked => !is_tracked || one == other,
            Sharing::SameTerms => !is_tracked || self.is_omitted(one) == self.is_omitted(other),
        }
    }
}
