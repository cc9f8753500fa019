//! The names of the measured quantities.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Tracker;

/// A text that names no metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown metric `{text}`")]
pub struct UnknownMetric {
    text: String,
}

impl UnknownMetric {
    pub fn hint(&self) -> String {
        let known = Metric::KNOWN.map(|metric| metric.to_string()).join(", ");
        format!(
            "known: {known}, layer_<index>/<quantity>, output/<quantity>, network/<quantity>, machine/<quantity>"
        )
    }
}

/// A measured quantity. Its text is the tag that TensorBoard shows and the column of the history: `error_rate/train`.
///
/// Example: `"error_rate/validation"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Metric {
    // Their order is the order of the columns. A metric over a new split is a variant; any other is a quantity of the
    // tracker that measures it, and nothing changes here.
    /// `loss/...`: the mean of the loss over the examples of a [`Split`].
    Loss(Split),
    /// `error_rate/...`: the percentage of a [`Split`]'s examples that are classified wrongly.
    ErrorRate(Split),
    /// `layer_2/bp_cosine`: a [`Quantity`] that a tracker measures at a [`Place`].
    At { place: Place, quantity: Quantity },
}

/// The place in a network that a tracker measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// `machine/...`: on the machine that trains. Differs from run to run, so it is not part of a result.
    Machine,
    /// `network/...`: over the whole network.
    Network,
    /// `layer_2/...`: at a hidden layer, which count from 1.
    Layer(u32),
    /// `output/...`: at the output layer.
    Output,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine => formatter.write_str("machine"),
            Self::Network => formatter.write_str("network"),
            Self::Layer(layer) => write!(formatter, "layer_{layer}"),
            Self::Output => formatter.write_str("output"),
        }
    }
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let place = match text {
            "machine" => Self::Machine,
            "network" => Self::Network,
            "output" => Self::Output,
            layer => Self::Layer(layer.strip_prefix("layer_")?.parse().ok()?),
        };
        // One place has one text: `layer_+2` and `layer_02` parse as numbers, but no tracker writes them.
        (place.to_string() == text).then_some(place)
    }
}

impl Metric {
    /// Every metric that does not depend on the network's layers.
    pub const KNOWN: [Self; 6] = [
        Self::Loss(Split::Train),
        Self::Loss(Split::Validation),
        Self::Loss(Split::Test),
        Self::ErrorRate(Split::Train),
        Self::ErrorRate(Split::Validation),
        Self::ErrorRate(Split::Test),
    ];

    /// Whether another run of the trial measures the same value.
    pub fn is_reproducible(&self) -> bool {
        !matches!(self, Self::At { place: Place::Machine, .. })
    }

    /// Whether a trial with these trackers measures it.
    pub fn is_measured_with(&self, trackers: &[Tracker]) -> bool {
        match self {
            Self::Loss(_) | Self::ErrorRate(_) => true,
            Self::At { quantity, .. } => {
                trackers.iter().any(|tracker| tracker.quantities().contains(&quantity.0.as_ref()))
            }
        }
    }

    /// Returns the split that the metric is measured on; `None` for quantities of trackers. Every selection by a metric calls
    /// this function, so that nothing is ever selected on test data.
    pub fn split(&self) -> Option<Split> {
        match self {
            Self::Loss(split) | Self::ErrorRate(split) => Some(*split),
            Self::At { .. } => None,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loss(split) => write!(formatter, "loss/{}", split.name()),
            Self::ErrorRate(split) => write!(formatter, "error_rate/{}", split.name()),
            Self::At { place, quantity } => write!(formatter, "{place}/{}", quantity.0),
        }
    }
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        let known = Self::KNOWN.into_iter().find(|metric| metric.to_string() == text);
        known.or_else(|| tracked(text)).ok_or_else(|| UnknownMetric { text: text.to_owned() })
    }
}

fn tracked(text: &str) -> Option<Metric> {
    let (place, quantity) = text.split_once('/')?;
    Some(Metric::At { place: Place::parse(place)?, quantity: Quantity::parse(quantity)? })
}

impl TryFrom<String> for Metric {
    type Error = UnknownMetric;

    fn try_from(text: String) -> Result<Self, UnknownMetric> {
        text.parse()
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> Self {
        metric.to_string()
    }
}

/// The examples that a metric is measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Split {
    /// `train`: the examples that the weights are trained on.
    Train,
    /// `validation`: the examples held out from training, by which configurations are chosen.
    Validation,
    /// `test`: the examples by which nothing is ever chosen.
    Test,
}

impl Split {
    const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// The name of a quantity that a tracker measures, for example `bp_cosine`: a-z, 0-9 and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(Cow<'static, str>);

impl Quantity {
    /// Creates a quantity in the constant at the top of a tracker's file.
    ///
    /// ```
    /// # use settings::Quantity;
    /// const BP_COSINE: Quantity = Quantity::named("bp_cosine");
    /// ```
    ///
    /// # Panics
    /// If the name is not made of a-z, 0-9 and `_`. In a constant, this is a compile error.
    pub const fn named(name: &'static str) -> Self {
        assert!(is_quantity(name), "a quantity is made of a-z, 0-9 and `_`");
        Self(Cow::Borrowed(name))
    }

    fn parse(text: &str) -> Option<Self> {
        is_quantity(text).then(|| Self(Cow::Owned(text.to_owned())))
    }
}

const fn is_quantity(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut idx = 0;
    while idx < bytes.len() {
        if !matches!(bytes[idx], b'a'..=b'z' | b'0'..=b'9' | b'_') {
            return false;
        }
        idx += 1;
    }
    !bytes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_metric_reads_back_from_its_text() {
        let texts = Metric::KNOWN.map(|metric| metric.to_string());
        assert_eq!(
            texts,
            [
                "loss/train",
                "loss/validation",
                "loss/test",
                "error_rate/train",
                "error_rate/validation",
                "error_rate/test"
            ]
        );
        assert_eq!(texts.map(|text| text.parse::<Metric>().expect("known")), Metric::KNOWN);
    }

    #[test]
    fn a_tracked_metric_reads_back_from_its_text() {
        for text in ["machine/examples_per_second", "network/activation_bytes", "output/weight_alignment"] {
            let metric: Metric = text.parse().expect("valid");
            assert_eq!((metric.to_string().as_str(), metric.split()), (text, None));
            assert_eq!(metric.is_reproducible(), !text.starts_with("machine"));
        }
        let metric = Metric::At { place: Place::Layer(2), quantity: Quantity::named("bp_cosine") };
        assert_eq!(metric.to_string(), "layer_2/bp_cosine");
        assert_eq!("layer_2/bp_cosine".parse::<Metric>().expect("valid"), metric);
        assert_eq!(metric.split(), None);
    }

    #[test]
    fn layers_are_ordered_by_number() {
        let quantity = Quantity::named("bp_cosine");
        let layer = |layer| Metric::At { place: Place::Layer(layer), quantity: quantity.clone() };
        assert!(layer(2) < layer(10));
    }

    #[test]
    fn any_other_text_is_refused_with_the_known_ones_as_hint() {
        for text in
            ["", "loss", "loss/", "eror_rate/train", "Loss/train", " loss/train", "layer_/x", "layer_2/"]
                .into_iter()
                .chain([
                    "layer_02/bp_cosine",
                    "layer_+2/bp_cosine",
                    "layer_2/bp cosine",
                    "layer_2/a/b",
                    "hidden/x",
                ])
        {
            let error = text.parse::<Metric>().expect_err(text);
            assert_eq!(error.to_string(), format!("unknown metric `{text}`"));
            assert_eq!(
                error.hint(),
                "known: loss/train, loss/validation, loss/test, error_rate/train, error_rate/validation, \
                 error_rate/test, layer_<index>/<quantity>, output/<quantity>, network/<quantity>, machine/<quantity>"
            );
        }
    }

    #[test]
    fn serde_sees_the_text() {
        let metric = Metric::ErrorRate(Split::Train);
        assert_eq!(serde_json::to_string(&metric).expect("a string"), "\"error_rate/train\"");
        assert_eq!(serde_json::from_str::<Metric>("\"error_rate/train\"").expect("known"), metric);
        let error = serde_json::from_str::<Metric>("\"eror_rate/train\"").expect_err("misspelled");
        assert!(error.to_string().starts_with("unknown metric `eror_rate/train`"), "{error}");
    }
}
