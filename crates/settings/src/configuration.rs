//! Names of configurations, and the reasons why some of them cannot be trained.

use std::fmt;

use crate::{
    Algorithm, Axes, Axis, AxisPoint, Configuration, Initialization, LayerShare, Loss, Selection, Task,
};

/// The longest name of a folder; file systems allow 255 bytes, and a temporary name is longer than the final one.
const MAX_SLUG_LENGTH: usize = 120;

impl Configuration {
    /// Creates a configuration with the default of every other axis.
    pub fn new(algorithm: Algorithm, hidden: &[u32], learning_rate: f64) -> Self {
        let axes = Axes {
            algorithm: vec![algorithm],
            hidden: vec![hidden.into()],
            learning_rate: vec![learning_rate],
            ..Axes::with_defaults()
        };
        axes.configurations().remove(0)
    }

    /// Returns the reason why the configuration cannot be trained on `task`, if there is one.
    pub fn impossible(&self, task: Task) -> Option<String> {
        let name = self.algorithm.name();
        if task == Task::Reconstruction
            && let Some(reason) = self.algorithm.refuses_reconstruction()
        {
            return Some(format!("{name} cannot reconstruct: {reason}"));
        }
        if task == Task::Reconstruction && self.loss != Loss::default() {
            return Some(format!("the loss {} is for classification", self.loss.name()));
        }
        if self.algorithm.keeps_offsets() && self.weight_decay > 0.0 {
            return Some(format!("{name} takes `decoupled_decay` in place of `weight_decay`"));
        }
        if self.algorithm.uses_feedback()
            && !self.algorithm.aligns_feedback()
            && self.feedback == Some(Initialization::Aligned)
        {
            return Some(format!(
                "{name} has one feedback matrix to the input, which is not aligned with the weights of a layer: another `feedback`, such \
                 as `HeUniform`, works"
            ));
        }
        if self.algorithm.redraws_feedback() && self.feedback == Some(Initialization::Aligned) {
            return Some(format!(
                "{name} draws its feedback for each step, so it cannot be aligned with the weights"
            ));
        }
        if self.weights != Initialization::Aligned {
            return None;
        }
        if self.feedback == Some(Initialization::Aligned) {
            return Some("weights and feedback cannot both be aligned with each other".into());
        }
        let no_feedback = || format!("{name} has no feedback that forward weights could be aligned with");
        (!self.algorithm.aligns_feedback()).then(no_feedback)
    }

    /// Whether the numbers of an epoch depend on how many epochs there are.
    pub fn depends_on_length(&self) -> bool {
        self.schedule.depends_on_length() || self.share(1, 1).is_some()
    }

    /// Returns the hidden layers that learn in `epoch`, counted from 1, of a training with this number of `epochs`; `None` if all layers
    /// learn in all epochs.
    pub fn share(&self, epoch: u32, epochs: u32) -> Option<LayerShare> {
        self.forward_forward.as_ref()?.share(self.hidden.len(), epoch, epochs)
    }

    /// Returns a warning about a configuration that is allowed but unlikely to train.
    pub fn warning(&self) -> Option<String> {
        let name = self.algorithm.name();
        if self.algorithm.redraws_feedback() && self.feedback == Some(Initialization::Orthogonal) {
            return Some(format!(
                "{name} draws its feedback for each step, which takes long with `Orthogonal`: another `feedback`, such as \
                 `GlorotUniform`, is faster"
            ));
        }
        if self.algorithm.reads_labels() && self.activation.is_bounded() {
            return Some(format!(
                "{name} with the bounded activation {}: squared activities, one per unit at most, do not get above their threshold, which \
                 is one per unit: `activation: [Relu]` works",
                self.activation.name()
            ));
        }
        (self.algorithm == Algorithm::Drtp && !self.activation.is_bounded()).then(|| {
            format!(
                "{name} with the unbounded activation {}: its signal always pushes activations the same way, so they may \
                 grow until the trial diverges",
                self.activation.name()
            )
        })
    }

    /// Returns a readable, unique name that is valid for a folder: `dfa-2x500-tanh-lr0.001`.
    pub fn slug(&self) -> String {
        let slug = self.to_string().replace(' ', "-");
        if slug.len() <= MAX_SLUG_LENGTH {
            return slug;
        }
        // Only a very deep network of unequal layers, or one with values on many axes, gets here.
        let digest = slug.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("{}-{digest:016x}", &slug[..MAX_SLUG_LENGTH - 17])
    }
}

impl Axis {
    /// Returns the value of `configuration` as part of a name: `dfa`, `batch_norm true`; empty where the axis does not apply.
    pub fn words(self, configuration: &Configuration) -> String {
        self.of(configuration).map_or_else(String::new, |point| self.words_of(&point))
    }

    pub(crate) fn words_of(self, point: &AxisPoint) -> String {
        if self == Self::Algorithm { point.to_string() } else { format!("{} {point}", self.name()) }
    }
}

/// `dfa 2x500 tanh lr0.001`, followed by every value that is not at its default.
impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.labels().join(" "))
    }
}

/// The selected values in words: `dfa, learning_rate 0.001`.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> =
            self.points().into_iter().map(|(axis, point)| axis.words_of(&point)).collect();
        if words.is_empty() { f.write_str("the best of all") } else { f.write_str(&words.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, Magnitude};

    fn dfa(hidden: &[u32]) -> Configuration {
        Configuration::new(Algorithm::Dfa, hidden, 0.001)
    }

    #[test]
    fn slugs_are_short_where_layers_are_equal() {
        assert_eq!(dfa(&[500; 5]).slug(), "dfa-5x500-tanh-lr0.001");
        assert_eq!(dfa(&[500]).slug(), "dfa-500-tanh-lr0.001");
        assert_eq!(dfa(&[500, 1000, 500]).slug(), "dfa-500-1000-500-tanh-lr0.001");
        let tuned = Configuration { dropout: 0.1, batch_norm: true, bias: false, ..dfa(&[10]) };
        assert_eq!(tuned.slug(), "dfa-10-tanh-lr0.001-bn-no-bias-dropout0.1");
        let tuned = Configuration {
            activation: Activation::LeakyRelu,
            weights: Initialization::Aligned,
            feedback: Some(Initialization::LecunNormal),
            weight_decay: 1e-5,
            ..dfa(&[10])
        };
        assert_eq!(tuned.slug(), "dfa-10-leaky-relu-lr0.001-aligned-lecun-feedback-decay1e-5");
        let tuned = Configuration { batch_size: Some(32), ..dfa(&[10]) };
        assert_eq!(tuned.slug(), "dfa-10-tanh-lr0.001-batch32");
    }

    #[test]
    fn slugs_of_deep_networks_are_cut_and_stay_distinct() {
        let deep = |last| dfa(&(100..200).chain([last]).collect::<Vec<_>>());
        assert!(deep(1).slug().len() <= MAX_SLUG_LENGTH);
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

    #[test]
    fn weights_and_feedback_that_cannot_be_aligned_are_refused() {
        let aligned = Initialization::Aligned;
        let batchwise = Algorithm::SignSymmetric(Magnitude::Batchwise);
        for (algorithm, weights, feedback) in [
            (Algorithm::Backprop, aligned, None),
            (Algorithm::Dfa, aligned, Some(aligned)),
            (batchwise, Initialization::Orthogonal, Some(aligned)),
            (Algorithm::Pepita, Initialization::Orthogonal, Some(aligned)),
            (Algorithm::Pepita, aligned, Some(Initialization::Orthogonal)),
        ] {
            let configuration = Configuration { algorithm, weights, feedback, ..dfa(&[10]) };
            assert!(configuration.impossible(Task::Classification).is_some(), "{configuration}");
        }
        let decayed = Configuration { algorithm: Algorithm::KolenPollack, weight_decay: 0.1, ..dfa(&[10]) };
        assert!(decayed.impossible(Task::Classification).is_some());
        let other = Configuration { loss: Loss::MeanSquaredError, ..dfa(&[10]) };
        assert!(other.impossible(Task::Reconstruction).is_some());
        assert!(other.impossible(Task::Classification).is_none());
    }

    #[test]
    fn serialized_configurations_leave_out_omitted_values_and_read_back() {
        let configuration = dfa(&[10]);
        let text = serde_json::to_string(&configuration).expect("plain data");
        let expected = r#"{"algorithm":"Dfa","hidden":[10],"activation":"Tanh","feedback":"Orthogonal","learning_rate":0.001}"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Configuration>(&text).expect("it reads back"), configuration);
        let error = serde_json::from_str::<Configuration>(r#"{"algorithm":"Dfa"}"#).expect_err("too little");
        assert!(error.to_string().starts_with("missing field `hidden`"), "{error}");
    }
}
