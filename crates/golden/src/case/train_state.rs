//! The network, the feedback and the configuration of a case.

use algorithms::RuleGroup;
use burn::tensor::Tensor;
use kernels::{Kernels, Parameter, Weights};
use model::{BatchNorm, Labeled, Layer, Network, Objective, Wiring};
use serde_json::{Value, json};
use settings::{Configuration, ForwardForward, Initialization, Precision, Trial};
use training::TrainState;

use super::{Case, STEPS};
use crate::names;

impl<B: Kernels> Case<'_, B> {
    fn parameter(&self, value: &Value) -> Parameter<Tensor<B, 3>> {
        Parameter::new(self.tensor(value), self.optimizer().kind())
    }

    fn layer(&self, block: &Value, is_hidden: bool) -> Layer<B> {
        Layer {
            weight: Parameter::new(Weights::new(self.tensor(&block["kernel"])), self.optimizer().kind()),
            bias: block.get("bias").map(|bias| self.parameter(bias)),
            batch_norm: (is_hidden && self.flag("batchnorm")).then(|| BatchNorm {
                gamma: self.parameter(&block["gamma"]),
                beta: self.parameter(&block["beta"]),
                moving_mean: self.tensor(&block["mm"]),
                moving_variance: self.tensor(&block["mv"]),
            }),
            precision: Precision::Full,
        }
    }

    /// Returns the state before the first step.
    pub(super) fn train_state(&self) -> TrainState<B> {
        let blocks = blocks(&self.json["params"], &self.json["classifier"]);
        let (output, hidden) = blocks.split_last().expect("there is an output block");
        let network = Network {
            hidden: hidden.iter().map(|block| self.layer(block, true)).collect(),
            output: self.layer(output, false),
            activation: names::activation(self.text("activation")),
            wiring: self.forward_forward().map_or(
                Wiring::Chain,
                |ForwardForward { label, prediction, .. }| {
                    Wiring::Labeled(Labeled { place: label, prediction })
                },
            ),
            objective: match self.text("problem") {
                "classification" => Objective::Classification(names::loss(self.config("loss").as_str())),
                _ => Objective::Reconstruction(self.squash()),
            },
            optimizer: self.optimizer().kind(),
        };
        let per_step = &self.json["feedback_per_step"][0];
        let matrices = per_step.as_array().or_else(|| self.json["feedback"].as_array());
        let matrices = matrices.expect("feedback is a list");
        let mut feedback: Vec<Weights<B>> =
            matrices.iter().map(|matrix| Weights::new(self.tensor(matrix))).collect();
        if self.algorithm().keeps_offsets() {
            let above = network.hidden.iter().skip(1).chain([&network.output]);
            for (matrix, layer) in feedback.iter_mut().zip(above) {
                *matrix = Weights::new(matrix.plain() - layer.weight.value.plain());
            }
        }
        // The network is given, so its shape and first weights do not matter.
        let configuration = Configuration {
            optimizer: self.optimizer(),
            dropout: self.number("dropout"),
            input_dropout: self.input_dropout(),
            weight_decay: self.number("weight_decay"),
            decoupled_decay: self.config("decay")["decoupled"].as_f64().unwrap_or(0.0),
            clip_norm: self.config("clip_norm").as_f64(),
            schedule: names::schedule(self.config("schedule")),
            // In place of what is drawn, the vectors have matrices; this is only the quickest draw.
            feedback: self.algorithm().feedback().map(|_| Initialization::Zeros),
            forward_forward: self.forward_forward(),
            ..Configuration::new(self.algorithm(), &[1], self.number("lr"))
        };
        let mut group = RuleGroup::new(&configuration, self.squash(), 0..self.trials, feedback, &network);
        for (mean, given) in group.running_means.iter_mut().zip(list(&self.json["running_means"])) {
            *mean = self.tensor(given);
        }
        let trial = Trial { configuration, seed: 0 };
        TrainState::from_parts(network, vec![group], vec![trial; self.trials], STEPS)
    }

    /// Returns the settings of Forward-Forward, whose classifier has a rate and a decay of its own in the vectors.
    fn forward_forward(&self) -> Option<ForwardForward> {
        let default = Configuration::new(self.algorithm(), &[1], 1.0).forward_forward?;
        let decays = ["l2", "decoupled"].map(|kind| {
            let number = |of: &str| self.config(of)[kind].as_f64().expect("a decay is a number");
            (number("classifier_decay"), number("decay"))
        });
        let decay = decays.into_iter().find(|(_, of_hidden)| *of_hidden > 0.0);
        Some(ForwardForward {
            peer_normalization: self.number("peer_normalization"),
            classifier_rate: self.number("classifier_lr") / self.number("lr"),
            classifier_decay: decay.map_or(default.classifier_decay, |(own, of_hidden)| own / of_hidden),
            ..default
        })
    }
}

/// Returns the blocks of a network, the classifier's last where the vectors have it apart.
pub(super) fn blocks(params: &Value, classifier: &Value) -> Vec<Value> {
    let classifier =
        (!classifier.is_null()).then(|| json!({"name": "kernel", "kernel": classifier, "value": classifier}));
    list(params).cloned().chain(classifier).collect()
}

/// Returns the items of a list, which is empty for anything else.
pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
