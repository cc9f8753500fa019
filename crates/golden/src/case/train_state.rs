//! The network, the feedback and the configuration of a case.

use algorithms::RuleGroup;
use burn::tensor::Tensor;
use kernels::{Kernels, Parameter, Weights};
use model::{BatchNorm, Layer, Network, Objective};
use serde_json::Value;
use settings::{Configuration, Initialization, Precision, Trial};
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
        let blocks = self.json["params"].as_array().expect("params is a list of blocks");
        let (output, hidden) = blocks.split_last().expect("there is an output block");
        let network = Network {
            hidden: hidden.iter().map(|block| self.layer(block, true)).collect(),
            output: self.layer(output, false),
            activation: names::activation(self.text("activation")),
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
            ..Configuration::new(self.algorithm(), &[1], self.number("lr"))
        };
        let trial = Trial { configuration, seed: 0 };
        let group = RuleGroup::new(
            self.algorithm(),
            self.squash(),
            0..self.trials,
            feedback,
            self.optimizer().kind(),
        );
        TrainState::from_parts(network, vec![group], vec![trial; self.trials], STEPS)
    }
}
