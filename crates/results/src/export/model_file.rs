//! `model.json`: everything except the arrays that another program needs to compute a network's output.
//!
//! ```text
//! h = (pixel - offset[channel]) / divisor[channel]     of every pixel, in the order [channels, height, width]
//! for each of `layers`, h being the output of the one below, or of all in `reads`, one after the other:
//!     v = h weight + bias                              weight is [inputs, outputs]; no bias where it is null
//!     v = gamma (v - moving_mean) / sqrt(moving_variance + epsilon) + beta      where there is batch_norm
//!     h = activation(v)
//! logits = h                                           the last layer's activation is the identity
//! ```
//!
//! Names such as `layer_1/weight` are those of the arrays in `weights.safetensors`, 32-bit floats, row-major. `feedback` is not
//! part of the forward pass: it carried the error signal to a hidden layer, as `rule` describes. Values that are not finite are
//! null. `docs/model-json.md` explains every field; removing a field or changing its meaning needs another [`VERSION`].

use std::collections::BTreeMap;

use data::ImageShape;
use history::Epoch;
use kernels::{BATCH_NORM_EPSILON, LEAK, ROOT_EPSILON, Squash};
use model::{Architecture, Labeled, Objective, Wiring};
use serde_json::{Map, Value, json};
use settings::{
    Activation, Algorithm, Axis, Configuration, FeedbackShape, LabelPlace, Loss, Metric, Prediction,
    TargetLoss, Trial,
};
use spec::{KeptWeights, Train};
use store::{Key, Provenance};
use training::architecture;
use tuner::Outcome;

use crate::{known_images::ImageFacts, trial::NUMERICS_REVISION};

pub(super) const NAME: &str = "model.json";
/// The value of the field `format`.
const FORMAT: &str = "bpfree-model";
/// Bump both when a field is removed or changes its meaning.
const VERSION: u32 = 1;
/// The version of networks that read a label, which readers of the first version would compute wrongly.
const VERSION_WITH_LABEL: u32 = 2;

/// A finished trial whose network is exported.
pub(super) struct Trained<'a> {
    pub(super) pipeline: &'a str,
    pub(super) train: &'a Train,
    pub(super) trial: &'a Trial,
    pub(super) key: &'a Key,
    pub(super) made: &'a Provenance,
    pub(super) outcome: &'a Outcome,
    /// The epoch whose weights are exported.
    pub(super) kept: Option<&'a Epoch>,
}

/// Returns the text of the file for a network that was trained on `images`.
pub(super) fn text(trained: &Trained<'_>, images: &ImageFacts) -> String {
    let Trained { train, trial, .. } = trained;
    let ImageFacts { shape, scaling, classes, .. } = images;
    let architecture =
        architecture(&trial.configuration, train.training.task, *shape, classes.len(), *scaling);
    let Configuration { algorithm, .. } = &trial.configuration;
    let file = json!({
        "format": FORMAT,
        "version": if architecture.wiring == Wiring::Chain { VERSION } else { VERSION_WITH_LABEL },
        "inputs": inputs(images, &architecture, algorithm.feedback()),
        "normalization": normalization(architecture.wiring),
        // The hidden layers in the order of the forward pass, then the output layer.
        "layers": layers(&architecture, algorithm.feedback()),
        "task": task(architecture.objective, architecture.wiring.prediction(), classes),
        "rule": {
            "name": algorithm.name(),
            "signal": algorithm.signal_formula(),
            "symbols": "h: a hidden layer's output, F: its feedback or that of the input, y: the target, e: d(mean loss) / d(logits), \
                        delta: the signal at the preactivation of the layer above, W: that layer's weights, x: the network's input; \
                        a row per example",
            // The function that `signal` applies as `squash`, if any.
            "squash": (*algorithm == Algorithm::LocalLoss(TargetLoss::MeanSquaredError))
                .then(|| squash(training::squash(*scaling))),
        },
        "trial": trial_text(trained),
    });
    format!("{file:#}\n")
}

/// Returns the losses and error rates of `kept` by name, none for a value that is not finite.
pub(super) fn measured(kept: Option<&Epoch>) -> BTreeMap<String, Option<f64>> {
    let values = kept.map_or(&[][..], |epoch| &epoch.values);
    values
        .iter()
        .filter(|(metric, _)| matches!(metric, Metric::Loss(_) | Metric::ErrorRate(_)))
        .map(|(metric, value)| (metric.to_string(), value.is_finite().then_some(*value)))
        .collect()
}

fn inputs(images: &ImageFacts, architecture: &Architecture, feedback: Option<FeedbackShape>) -> Value {
    let ImageShape { channels, height, width } = images.shape;
    json!({
        "channels": channels,
        "height": height,
        "width": width,
        "order": "channels, height, width",
        "scaling": {
            "name": ron::to_string(&images.scaling).expect("names and numbers are RON"),
            "formula": "(pixel - offset[channel]) / divisor[channel], of pixels from 0 to 255",
            "offset": images.offset,
            "divisor": images.divisor,
        },
        "label": label(architecture),
        "feedback": match feedback {
            Some(FeedbackShape::Input) => feedback_of("input", [architecture.inputs, architecture.outputs]),
            Some(FeedbackShape::Target | FeedbackShape::Layer) | None => Value::Null,
        },
    })
}

/// Describes the label in the input of a network that reads one.
fn label(architecture: &Architecture) -> Value {
    let Wiring::Labeled(Labeled { place, .. }) = architecture.wiring else { return Value::Null };
    json!({
        "place": match place {
            LabelPlace::FirstInputs => "first",
            LabelPlace::Appended => "appended",
        },
        "size": architecture.outputs,
        "neutral": 1.0 / architecture.outputs as f64,
    })
}

fn normalization(wiring: Wiring) -> Value {
    match wiring {
        Wiring::Chain => Value::Null,
        Wiring::Labeled(_) => json!({
            "formula": "h / (sqrt(mean(h^2)) + epsilon), of the input with its label, and of the output of each hidden layer where another \
                        one reads it",
            "epsilon": ROOT_EPSILON,
        }),
    }
}

fn layers(architecture: &Architecture, feedback: Option<FeedbackShape>) -> Vec<Value> {
    let depth = architecture.hidden.len();
    let mut layers = Vec::new();
    let shapes = architecture.weight_shapes();
    for (index, &shape) in shapes.iter().enumerate() {
        let is_hidden = index < depth;
        let name = if is_hidden { format!("layer_{}", index + 1) } else { "output".to_owned() };
        let has_bias = if is_hidden { architecture.bias } else { architecture.output_bias };
        layers.push(json!({
            "name": name,
            "reads": reads(architecture, index),
            // `[inputs, outputs]`.
            "shape": shape,
            "weight": format!("{name}/weight"),
            "bias": has_bias.then(|| format!("{name}/bias")),
            "batch_norm": (architecture.batch_norm && is_hidden).then(|| batch_norm(&name)),
            "activation": if is_hidden { activation(architecture.activation) } else { identity() },
            "feedback": match feedback.filter(|_| is_hidden) {
                Some(FeedbackShape::Target) => feedback_of(&name, [shape[1], architecture.outputs]),
                Some(FeedbackShape::Layer) => feedback_of(&name, shapes[index + 1]),
                Some(FeedbackShape::Input) | None => Value::Null,
            },
        }));
    }
    layers
}

/// Returns the names of the layers whose outputs are the input of the layer with this index, one after the other.
fn reads(architecture: &Architecture, index: usize) -> Vec<String> {
    let depth = architecture.hidden.len();
    let first = if index < depth { index.saturating_sub(1) } else { architecture.wiring.first_read(depth) };
    if index == 0 {
        vec!["input".into()]
    } else {
        (first..index).map(|below| format!("layer_{}", below + 1)).collect()
    }
}

fn feedback_of(owner: &str, shape: [usize; 2]) -> Value {
    json!({"name": format!("{owner}/feedback"), "shape": shape})
}

fn batch_norm(layer: &str) -> Value {
    json!({
        "stands": "before the activation",
        "formula": "gamma (v - moving_mean) / sqrt(moving_variance + epsilon) + beta",
        "epsilon": BATCH_NORM_EPSILON,
        "gamma": format!("{layer}/gamma"),
        "beta": format!("{layer}/beta"),
        "moving_mean": format!("{layer}/moving_mean"),
        "moving_variance": format!("{layer}/moving_variance"),
    })
}

fn activation(activation: Activation) -> Value {
    match activation {
        Activation::Tanh => json!({"name": "tanh", "formula": "tanh(v)"}),
        Activation::Relu => json!({"name": "relu", "formula": "max(v, 0)"}),
        Activation::Swish => json!({"name": "swish", "formula": "v / (1 + exp(-v))"}),
        Activation::LeakyRelu => {
            json!({"name": "leaky_relu", "formula": "v where v > 0, else slope v", "slope": LEAK})
        }
        Activation::Sigmoid => json!({"name": "sigmoid", "formula": "1 / (1 + exp(-v))"}),
        Activation::Elu => json!({"name": "elu", "formula": "v where v > 0, else exp(v) - 1"}),
    }
}

fn identity() -> Value {
    json!({"name": "identity", "formula": "v"})
}

fn squash(squash: Squash) -> &'static str {
    match squash {
        Squash::Tanh => "tanh",
        Squash::Sigmoid => "sigmoid",
    }
}

/// Describes the task; `classes` are named in the order of the logits.
fn task(objective: Objective, prediction: Prediction, classes: &[String]) -> Value {
    match objective {
        Objective::Classification(_) if prediction == Prediction::Goodness => json!({
            "name": "classification",
            "answer": "the class whose label in the input gives the largest sum of squares of the outputs of the layers that the output \
                       layer reads; these sums are the logits",
            "prediction": "goodness",
            "loss": "cross-entropy",
            "squash": null,
            "classes": classes,
        }),
        Objective::Classification(loss) => {
            let (answer, loss) = match loss {
                Loss::SoftmaxCrossEntropy => {
                    ("the class with the largest logit; softmax(logits) are probabilities", "cross-entropy")
                }
                Loss::SigmoidCrossEntropy => (
                    "the class with the largest logit; sigmoid(logits) are probabilities",
                    "binary cross-entropy, mean over outputs",
                ),
                Loss::MeanSquaredError => (
                    "the class with the largest output",
                    "mean over examples and outputs of the squared difference from the one-hot label",
                ),
            };
            json!({
                "name": "classification",
                "answer": answer,
                "prediction": "classifier",
                "loss": loss,
                "squash": null,
                "classes": classes,
            })
        }
        Objective::Reconstruction(of_output) => json!({
            "name": "reconstruction",
            "answer": "squash(logits), the image as scaled for the input",
            "prediction": null,
            "loss": "mean over examples and pixels of the squared difference",
            "squash": squash(of_output),
            "classes": null,
        }),
    }
}

fn trial_text(trained: &Trained<'_>) -> Value {
    let Trained { pipeline, train, trial, key, made, outcome, kept } = *trained;
    json!({
        "pipeline": pipeline,
        "stage": train.name,
        "configuration": trial.configuration.to_string(),
        "settings": settings(train, &trial.configuration),
        "seed": trial.seed,
        "key": key.to_string(),
        "outcome": match outcome {
            Outcome::Finished => "finished".to_owned(),
            Outcome::Stopped { .. } => "stopped early".to_owned(),
            Outcome::Diverged { reason, .. } => format!("diverged: {reason}"),
        },
        "epochs": kept.map_or(0, |epoch| epoch.epoch),
        "last_epoch": measured(kept),
        "build": made.build,
        "device": made.device,
        "numerics_revision": NUMERICS_REVISION,
    })
}

/// Returns the value on every axis, and settings of the train stage.
fn settings(train: &Train, configuration: &Configuration) -> Map<String, Value> {
    let mut settings: Map<String, Value> =
        Axis::ALL.into_iter().map(|axis| (axis.name().to_owned(), json!(axis.of(configuration)))).collect();
    // A whole number, wherever the file gives it.
    let batch_size = train.training.batch_size_of(configuration);
    settings.insert(Axis::BatchSize.name().into(), json!(batch_size));
    settings.insert("most_epochs".into(), json!(train.training.epochs));
    if let KeptWeights::Best(metric) = &train.keep_weights {
        settings.insert("keep_weights".into(), json!(format!("best {metric}")));
    }
    settings
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use settings::Split;
    use spec::{Pipeline, Stage};

    use super::*;

    /// Returns the file for the first configuration of a grid with these axes.
    fn text_of(scaling: &str, axes: &str, fields: &str) -> String {
        let pipeline = format!(
            r#"Pipeline(name: "small", stages: [
                Dataset(name: "images", source: Glyphs(train: 50, test: 10), scaling: {scaling}, holdout: 0.2),
                Grid(name: "grid", axes: (hidden: [[12, 8]], learning_rate: [1e-3], {axes})),
                Train(name: "trials", dataset: "images", grid: "grid", epochs: 5, batch_size: 20, seeds: [7], {fields}),
            ])"#
        );
        let pipeline = Pipeline::parse("test.ron", &pipeline).unwrap_or_else(|problems| panic!("{problems}"));
        let Stage::Train(train) = &pipeline.stages[2] else { panic!("a train stage") };
        let configurations: Vec<Configuration> =
            train.grid.points.candidates().into_iter().cloned().collect();
        let dataset = data::Dataset::load(&train.dataset.settings, Path::new("no data here")).unwrap();
        let made = Provenance {
            build: "0.1.0 (0a1b2c)".into(),
            device: "cpu".into(),
            ..Provenance::of_this_machine("", "", Duration::ZERO)
        };
        let values = vec![
            (Metric::Loss(Split::Train), f64::NAN),
            (Metric::ErrorRate(Split::Validation), 12.5),
            ("network/activation_bytes".parse().unwrap(), 100.0),
        ];
        let trained = Trained {
            pipeline: &pipeline.name,
            train,
            trial: &train.trials(&configurations)[0],
            key: &Key::of_bytes(b"a key text"),
            made: &made,
            outcome: &Outcome::Stopped { epoch: 4 },
            kept: Some(&Epoch { epoch: 4, values }),
        };
        text(&trained, &ImageFacts::of(&dataset))
    }

    /// Empties `trial.settings`, so that a new axis leaves the rest of the file as it is.
    fn without_settings(text: &str) -> String {
        let (before, rest) = text.split_once("\"settings\": {").unwrap();
        let (_, after) = rest.split_once('}').unwrap();
        format!("{before}\"settings\": {{}}{after}")
    }

    #[test]
    fn the_file_of_a_classifier_has_every_name_and_number() {
        let text = text_of(
            "PerChannel(Measured)",
            "algorithm: [Dfa], activation: [LeakyRelu], batch_norm: [true], dropout: [0.1]",
            "",
        );
        insta::assert_snapshot!(without_settings(&text), @r#"
        {
          "format": "bpfree-model",
          "version": 1,
          "inputs": {
            "channels": 1,
            "height": 28,
            "width": 28,
            "order": "channels, height, width",
            "scaling": {
              "name": "PerChannel(Measured)",
              "formula": "(pixel - offset[channel]) / divisor[channel], of pixels from 0 to 255",
              "offset": [
                65.26705932617188
              ],
              "divisor": [
                94.87974548339844
              ]
            },
            "label": null,
            "feedback": null
          },
          "normalization": null,
          "layers": [
            {
              "name": "layer_1",
              "reads": [
                "input"
              ],
              "shape": [
                784,
                12
              ],
              "weight": "layer_1/weight",
              "bias": "layer_1/bias",
              "batch_norm": {
                "stands": "before the activation",
                "formula": "gamma (v - moving_mean) / sqrt(moving_variance + epsilon) + beta",
                "epsilon": 0.001,
                "gamma": "layer_1/gamma",
                "beta": "layer_1/beta",
                "moving_mean": "layer_1/moving_mean",
                "moving_variance": "layer_1/moving_variance"
              },
              "activation": {
                "name": "leaky_relu",
                "formula": "v where v > 0, else slope v",
                "slope": 0.2
              },
              "feedback": {
                "name": "layer_1/feedback",
                "shape": [
                  12,
                  10
                ]
              }
            },
            {
              "name": "layer_2",
              "reads": [
                "layer_1"
              ],
              "shape": [
                12,
                8
              ],
              "weight": "layer_2/weight",
              "bias": "layer_2/bias",
              "batch_norm": {
                "stands": "before the activation",
                "formula": "gamma (v - moving_mean) / sqrt(moving_variance + epsilon) + beta",
                "epsilon": 0.001,
                "gamma": "layer_2/gamma",
                "beta": "layer_2/beta",
                "moving_mean": "layer_2/moving_mean",
                "moving_variance": "layer_2/moving_variance"
              },
              "activation": {
                "name": "leaky_relu",
                "formula": "v where v > 0, else slope v",
                "slope": 0.2
              },
              "feedback": {
                "name": "layer_2/feedback",
                "shape": [
                  8,
                  10
                ]
              }
            },
            {
              "name": "output",
              "reads": [
                "layer_2"
              ],
              "shape": [
                8,
                10
              ],
              "weight": "output/weight",
              "bias": "output/bias",
              "batch_norm": null,
              "activation": {
                "name": "identity",
                "formula": "v"
              },
              "feedback": null
            }
          ],
          "task": {
            "name": "classification",
            "answer": "the class with the largest logit; softmax(logits) are probabilities",
            "prediction": "classifier",
            "loss": "cross-entropy",
            "squash": null,
            "classes": [
              "cross",
              "ring",
              "triangle",
              "square",
              "curve",
              "spiral",
              "zigzag",
              "T",
              "arrow",
              "Y"
            ]
          },
          "rule": {
            "name": "dfa",
            "signal": "e F^T",
            "symbols": "h: a hidden layer's output, F: its feedback or that of the input, y: the target, e: d(mean loss) / d(logits), delta: the signal at the preactivation of the layer above, W: that layer's weights, x: the network's input; a row per example",
            "squash": null
          },
          "trial": {
            "pipeline": "small",
            "stage": "trials",
            "configuration": "dfa 12-8 leaky-relu lr0.001 bn dropout0.1",
            "settings": {},
            "seed": 7,
            "key": "6a9db9c53481a13779633e4991d4a6bd538e80c0750b9decc342a76af2df3d27",
            "outcome": "stopped early",
            "epochs": 4,
            "last_epoch": {
              "error_rate/validation": 12.5,
              "loss/train": null
            },
            "build": "0.1.0 (0a1b2c)",
            "device": "cpu",
            "numerics_revision": 3
          }
        }
        "#);
    }

    #[test]
    fn the_file_of_a_reconstruction_names_the_function_that_squashes_pixels() {
        let file: serde_json::Value = serde_json::from_str(&text_of(
            "ZeroOne",
            "algorithm: [Backprop], bias: [false]",
            "task: Reconstruction",
        ))
        .unwrap();
        assert_eq!(
            file["task"],
            json!({
                "name": "reconstruction",
                "answer": "squash(logits), the image as scaled for the input",
                "prediction": null,
                "loss": "mean over examples and pixels of the squared difference",
                "squash": "sigmoid",
                "classes": null,
            })
        );
        let layers = file["layers"].as_array().unwrap();
        assert_eq!(layers.last().unwrap()["shape"], json!([8, 784]));
        let of_every_layer =
            |field: &str| layers.iter().map(|layer| layer[field].clone()).collect::<Vec<_>>();
        assert_eq!(of_every_layer("bias"), [json!(null), json!(null), json!("output/bias")]);
        assert!(
            of_every_layer("feedback").iter().all(serde_json::Value::is_null),
            "backprop has no feedback"
        );
        assert!(of_every_layer("batch_norm").iter().all(serde_json::Value::is_null));
    }

    #[test]
    fn settings_are_the_values_on_every_axis_and_those_of_the_stage() {
        let text = text_of("ZeroOne", "algorithm: [Dfa], dropout: [0.1]", "");
        let file: serde_json::Value = serde_json::from_str(&text).unwrap();
        let settings = file["trial"]["settings"].as_object().unwrap();
        let mut names: Vec<&str> = Axis::ALL.into_iter().map(Axis::name).collect();
        names.push("most_epochs");
        names.sort_unstable();
        let mut written: Vec<&str> = settings.keys().map(String::as_str).collect();
        written.sort_unstable();
        assert_eq!(written, names);
        assert_eq!(settings["algorithm"], "dfa");
        assert_eq!(settings["hidden"], json!([12, 8]));
        assert_eq!(settings["dropout"], json!(0.1));
        assert_eq!((&settings["most_epochs"], &settings["batch_size"]), (&json!(5), &json!(20)));
    }
}
