//! Exported files are complete: networks are rebuilt from their files alone, in this test and in PyTorch.
//!
//! `BPFREE_TORCH_PYTHON` names a Python with the packages `torch`, `numpy` and `safetensors`; otherwise `BPFREE_PYTHON` and
//! `python3` are tried.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;
use data::{Dataset, View};
use kernels::{Input, Parameter, PerTrial, Weights};
use model::{BatchNorm, Layer, Network};
use results::export::{Choice, Exported, Wanted};
use runner::progress::{Progress, Reporter};
use serde_json::Value;
use settings::{Axis, Optimizer, Precision};
use spec::{Pipeline, Stage};
use store::Placed;
use tests::{Bench, Witness};

/// A pipeline of networks with batch norm and two activations, with and without biases, of reconstructions, and of networks that read labels.
const PIPELINE: &str = r#"Pipeline(
    name: "exported",
    stages: [
        Dataset(name: "measured", source: Glyphs(train: 400, test: 100), holdout: 0.25, scaling: PerChannel(Measured)),
        Dataset(name: "bounded", source: Glyphs(train: 200, test: 50), holdout: 0.25),
        Grid(name: "normalized", axes: (
            algorithm: [Dfa, LocalLoss(MeanSquaredError)], hidden: [[24, 16]], activation: [LeakyRelu, Swish],
            batch_norm: [true], learning_rate: [1e-2],
        )),
        Grid(name: "plain", axes: (
            algorithm: [Backprop], hidden: [[24, 16]], activation: [Tanh], bias: [true, false], learning_rate: [1e-3],
        )),
        Grid(name: "relu", axes: (
            algorithm: [Dfa], hidden: [[24]], activation: [Relu], output_bias: [false], learning_rate: [1e-3],
        )),
        Grid(name: "labels", axes: (
            algorithm: [ForwardForward], hidden: [[24, 16, 20]], activation: [Relu], learning_rate: [1e-2],
            forward_forward: [(), (label: Appended, prediction: Goodness)],
        )),
        Train(name: "with-norm", dataset: "measured", grid: "normalized", epochs: 3, batch_size: 20, seeds: 2),
        Train(name: "without", dataset: "measured", grid: "plain", epochs: 3, batch_size: 20, seeds: 2),
        Train(
            name: "pictures", dataset: "bounded", grid: "relu", epochs: 2, batch_size: 20, seeds: 1, task: Reconstruction,
        ),
        Train(name: "labeled", dataset: "bounded", grid: "labels", epochs: 2, batch_size: 20, seeds: 1),
        Summarize(name: "report", of: ["with-norm", "without"], metric: "error_rate/validation"),
    ],
)"#;

struct Silent;

impl Reporter for Silent {
    fn report(&self, _: &Progress<'_>) {}
}

fn wanted(choice: Choice) -> Wanted {
    Wanted { choice, summary: None, seeds: Vec::new() }
}

fn export(bench: &Bench, text: &str, wanted: &Wanted, to: &Path) -> Result<Exported, runner::Error> {
    let pipeline = Pipeline::parse("test.ron", text).expect("the file is right");
    runner::export(&bench.context(), &pipeline, wanted, to, &Silent)
}

/// A network that is computed from its two files alone.
struct Rebuilt {
    model: Value,
    arrays: BTreeMap<String, (Vec<usize>, Vec<f64>)>,
}

impl Rebuilt {
    fn read(folder: &Path) -> Self {
        let text = fs::read(folder.join("model.json")).expect("the description");
        let bytes = fs::read(folder.join("weights.safetensors")).expect("the arrays");
        Self { model: serde_json::from_slice(&text).expect("it is JSON"), arrays: arrays(&bytes) }
    }

    fn array(&self, name: &Value) -> &[f64] {
        &self.arrays[name.as_str().expect("a name")].1
    }

    /// Returns the logits of one image.
    fn logits(&self, pixels: &[u8]) -> Vec<f64> {
        let inputs = &self.model["inputs"];
        let plane = number(&inputs["height"]) * number(&inputs["width"]);
        let scaling = &inputs["scaling"];
        let scaled = pixels.iter().enumerate().map(|(index, pixel)| {
            let channel = index / plane as usize;
            (f64::from(*pixel) - number(&scaling["offset"][channel])) / number(&scaling["divisor"][channel])
        });
        let scaled: Vec<f64> = scaled.collect();
        let classes = self.model["task"]["classes"].as_array().map_or(0, Vec::len);
        if self.model["task"]["prediction"] == "goodness" {
            let one_hot =
                |class: usize| (0..classes).map(|other| f64::from(u8::from(other == class))).collect();
            (0..classes).map(|class| self.goodness(&self.outputs(&scaled, one_hot(class)))).collect()
        } else {
            let neutral = vec![inputs["label"]["neutral"].as_f64().unwrap_or(0.0); classes];
            self.outputs(&scaled, neutral)["output"].clone()
        }
    }

    /// Returns the sum of squares of the outputs that the output layer reads.
    fn goodness(&self, outputs: &BTreeMap<String, Vec<f64>>) -> f64 {
        let layers = self.model["layers"].as_array().expect("layers");
        let read = layers.last().and_then(|output| output["reads"].as_array()).expect("names");
        let values = read.iter().flat_map(|name| &outputs[name.as_str().expect("a name")]);
        values.map(|value| value * value).sum()
    }

    /// Returns the output of every layer for scaled `pixels` and a label, which most networks do not read.
    fn outputs(&self, pixels: &[f64], label: Vec<f64>) -> BTreeMap<String, Vec<f64>> {
        let input = match self.model["inputs"]["label"]["place"].as_str() {
            None => pixels.to_vec(),
            Some("first") => [label.as_slice(), &pixels[label.len()..]].concat(),
            Some("appended") => [pixels, &label].concat(),
            Some(other) => panic!("a place without an explanation: {other}"),
        };
        let normalized = |values: &Vec<f64>| -> Vec<f64> {
            let Some(epsilon) = self.model["normalization"]["epsilon"].as_f64() else {
                return values.clone();
            };
            let square: f64 = values.iter().map(|value| value * value).sum();
            let root = (square / values.len() as f64).sqrt() + epsilon;
            values.iter().map(|value| value / root).collect()
        };
        let mut outputs = BTreeMap::from([("input".to_owned(), input)]);
        for layer in self.model["layers"].as_array().expect("layers") {
            let names = layer["reads"].as_array().expect("names").iter();
            let read: Vec<f64> =
                names.flat_map(|name| normalized(&outputs[name.as_str().expect("a name")])).collect();
            outputs.insert(layer["name"].as_str().expect("a name").to_owned(), self.layer(layer, &read));
        }
        outputs
    }

    fn layer(&self, layer: &Value, input: &[f64]) -> Vec<f64> {
        let outputs = number(&layer["shape"][1]) as usize;
        let weight = self.array(&layer["weight"]);
        let unit = |unit: usize| {
            let products = input.iter().zip(weight.iter().skip(unit).step_by(outputs));
            let mut value: f64 = products.map(|(input, weight)| input * weight).sum();
            if !layer["bias"].is_null() {
                value += self.array(&layer["bias"])[unit];
            }
            let norm = &layer["batch_norm"];
            if !norm.is_null() {
                let of = |name: &str| self.array(&norm[name])[unit];
                let deviation = (of("moving_variance") + number(&norm["epsilon"])).sqrt();
                value = of("gamma") * (value - of("moving_mean")) / deviation + of("beta");
            }
            let activation = &layer["activation"];
            match activation["name"].as_str().expect("a name") {
                "identity" => value,
                "tanh" => value.tanh(),
                "relu" => value.max(0.0),
                "swish" => value / (1.0 + (-value).exp()),
                "leaky_relu" if value > 0.0 => value,
                "leaky_relu" => number(&activation["slope"]) * value,
                other => panic!("an activation that nobody explained: {other}"),
            }
        };
        (0..outputs).map(unit).collect()
    }

    /// Returns the percentage of examples that are classified wrongly.
    fn error_rate(&self, view: &View<'_>) -> f64 {
        let is_wrong = |position: &usize| {
            largest(&self.logits(view.image(*position))) != usize::from(view.label(*position))
        };
        100.0 * (0..view.len()).filter(is_wrong).count() as f64 / view.len() as f64
    }

    /// Returns the mean squared error per pixel of the squashed output.
    fn reconstruction_loss(&self, dataset: &Dataset) -> f64 {
        let (view, squash) = (dataset.validation(), self.model["task"]["squash"].as_str().expect("a name"));
        assert_eq!(squash, "tanh");
        let of_image = |position: usize| {
            let pixels = view.image(position);
            let pairs = self.logits(pixels).into_iter().zip(pixels);
            let (offset, divisor) = dataset.scaler().offset_and_divisor(0);
            let target = |pixel: u8| f64::from((f32::from(pixel) - offset) / divisor);
            let errors = pairs.map(|(logit, pixel)| (logit.tanh() - target(*pixel)).powi(2));
            errors.sum::<f64>() / pixels.len() as f64
        };
        (0..view.len()).map(of_image).sum::<f64>() / view.len() as f64
    }

    /// Checks that description and weights have the same arrays, with the same shapes.
    fn check_names(&self) {
        let mut named: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut name = |name: &Value, shape: &[&Value]| {
            if let Some(name) = name.as_str() {
                named.insert(name.to_owned(), shape.iter().map(|length| number(length) as usize).collect());
            }
        };
        for layer in self.model["layers"].as_array().expect("layers") {
            let [inputs, units] = [&layer["shape"][0], &layer["shape"][1]];
            name(&layer["weight"], &[inputs, units]);
            name(&layer["bias"], &[units]);
            for array in ["gamma", "beta", "moving_mean", "moving_variance"] {
                name(&layer["batch_norm"][array], &[units]);
            }
            let feedback = &layer["feedback"];
            name(&feedback["name"], &[&feedback["shape"][0], &feedback["shape"][1]]);
        }
        let shapes = self.arrays.iter().map(|(name, (shape, _))| (name.clone(), shape.clone()));
        assert_eq!(named, shapes.collect());
    }

    /// Returns the same network in the types of the crate that trained it.
    fn network(&self, architecture: &model::Architecture) -> Network<Flex> {
        let tensor = |name: &str| {
            let (shape, values) = self.arrays.get(name)?;
            let shape = [1, if shape.len() == 1 { 1 } else { shape[0] }, *shape.last().expect("an axis")];
            let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
            Some(Tensor::<Flex, 3>::from_data(TensorData::new(values, shape), &Default::default()))
        };
        let layer = |name: String| Layer {
            weight: parameter(Weights::new(
                tensor(&format!("{name}/weight")).expect("every layer has weights"),
            )),
            bias: tensor(&format!("{name}/bias")).map(parameter),
            batch_norm: tensor(&format!("{name}/gamma")).map(|gamma| BatchNorm {
                gamma: parameter(gamma),
                beta: parameter(tensor(&format!("{name}/beta")).expect("batch norm has four arrays")),
                moving_mean: tensor(&format!("{name}/moving_mean")).expect("batch norm has four arrays"),
                moving_variance: tensor(&format!("{name}/moving_variance"))
                    .expect("batch norm has four arrays"),
            }),
            precision: Precision::Full,
        };
        Network {
            hidden: (1..=architecture.hidden.len()).map(|index| layer(format!("layer_{index}"))).collect(),
            output: layer("output".to_owned()),
            activation: architecture.activation,
            wiring: architecture.wiring,
            objective: architecture.objective,
            optimizer: Optimizer::ADAM.kind(),
        }
    }
}

fn parameter<T: PerTrial>(value: T) -> Parameter<T> {
    Parameter::new(value, Optimizer::ADAM.kind())
}

/// Reads the arrays of a safetensors file, which consists of the length of a JSON header, the header and the bytes.
fn arrays(bytes: &[u8]) -> BTreeMap<String, (Vec<usize>, Vec<f64>)> {
    let (length, rest) = bytes.split_first_chunk::<8>().expect("a length");
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header: BTreeMap<String, Value> = serde_json::from_slice(header).expect("a header");
    let array = |entry: Value| {
        assert_eq!(entry["dtype"], "F32");
        let list = |field: &str| -> Vec<usize> {
            let numbers = entry[field].as_array().expect("a list");
            numbers.iter().map(|value| number(value) as usize).collect()
        };
        let (shape, range) = (list("shape"), list("data_offsets"));
        let floats = data[range[0]..range[1]].as_chunks().0.iter();
        (shape, floats.map(|four| f64::from(f32::from_le_bytes(*four))).collect())
    };
    header
        .into_iter()
        .filter(|(name, _)| name != "__metadata__")
        .map(|(name, entry)| (name, array(entry)))
        .collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("a number: {value}"))
}

fn largest(values: &[f64]) -> usize {
    (0..values.len()).max_by(|&left, &right| values[left].total_cmp(&values[right])).expect("there are some")
}

/// Returns the largest difference between entries of two lists of equal length.
#[track_caller]
fn distance(left: &[f64], right: &[f64]) -> f64 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f64::max)
}

/// Returns the dataset and the settings of the train stage `name`.
fn dataset(text: &str, name: &str) -> (Dataset, settings::TrainingSettings) {
    let pipeline = Pipeline::parse("test.ron", text).expect("the file is right");
    let train = pipeline.stages.iter().find_map(|stage| match stage {
        Stage::Train(train) if train.name == name => Some(train),
        _ => None,
    });
    let train = train.expect("the stage");
    let dataset =
        Dataset::load(&train.dataset.settings, Path::new("no data here")).expect("glyphs are drawn");
    (dataset, train.training.clone())
}

/// Trains and exports networks of every kind; returns their folders and descriptions.
fn exported(bench: &Bench) -> Vec<(PathBuf, results::export::Model)> {
    bench.run(PIPELINE);
    let to = bench.path("export");
    let exported = export(bench, PIPELINE, &wanted(Choice::Finished), &to).expect("all are there");
    assert!(exported.unfinished.is_empty() && exported.notes.is_empty());
    assert_eq!(exported.models.len(), 2 * 4 + 2 * 2 + 1 + 2);
    exported.models.into_iter().map(|model| (to.join(&model.folder), model)).collect()
}

#[test]
fn an_exported_network_rebuilt_from_its_files_has_the_error_rate_of_its_history() {
    let bench = Bench::new(2, 1);
    for (folder, exported) in exported(&bench) {
        let rebuilt = Rebuilt::read(&folder);
        rebuilt.check_names();
        let (stage, _) = exported.folder.split_once('/').expect("a stage");
        let (dataset, schedule) = dataset(PIPELINE, stage);
        let population = engine::Population::new(
            &[&exported.trial],
            &schedule,
            dataset.shape(),
            dataset.classes(),
            dataset.scaling(),
        );
        let said = &rebuilt.model["trial"]["last_epoch"];
        let view = dataset.validation();
        if rebuilt.model["task"]["classes"].is_null() {
            let (ours, history) = (rebuilt.reconstruction_loss(&dataset), number(&said["loss/validation"]));
            assert!((ours - history).abs() < 1e-6 * history, "{folder:?}: {ours}, history {history}");
        } else {
            assert_eq!(rebuilt.model["task"]["classes"].as_array().map(Vec::len), Some(dataset.classes()));
            let (ours, history) = (rebuilt.error_rate(&view), number(&said["error_rate/validation"]));
            assert!((ours - history).abs() < 1e-9, "{folder:?}: {ours}, history {history}");
        }
        let positions: Vec<u32> = (0..view.len() as u32).collect();
        let (mut inputs, mut labels) =
            (vec![0.0; view.len() * dataset.shape().pixels()], vec![0; view.len()]);
        view.gather(&positions, &mut inputs, &mut labels);
        let input = TensorData::new(inputs, [1, view.len(), dataset.shape().pixels()]);
        let network = rebuilt.network(&population.architecture);
        let input: Tensor<Flex, 3> = Tensor::from_data(input, &Default::default());
        let logits = network.infer(&Input::from(input));
        let logits: Vec<f64> = logits.into_data().iter::<f64>().collect();
        let ours: Vec<f64> =
            (0..view.len()).flat_map(|position| rebuilt.logits(view.image(position))).collect();
        let distance = distance(&ours, &logits);
        assert!(distance < 1e-4, "{folder:?}: logits differ by {distance}");
    }
}

/// Returns a Python with the packages that the script imports.
fn python() -> Option<String> {
    let named = ["BPFREE_TORCH_PYTHON", "BPFREE_PYTHON"].into_iter().filter_map(|name| env::var(name).ok());
    let has_packages = |python: &String| {
        let tried = Command::new(python).args(["-c", "import numpy, safetensors, torch"]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    named.chain(["python3".to_owned()]).find(has_packages)
}

/// Writes the images of `view` as a NumPy file of u8, `[examples, channels, height, width]`.
fn npy(view: &View<'_>, shape: data::ImageShape) -> Vec<u8> {
    let data::ImageShape { channels, height, width } = shape;
    let mut header = format!(
        "{{'descr': '|u1', 'fortran_order': False, 'shape': ({}, {channels}, {height}, {width}), }}",
        view.len()
    );
    header += &" ".repeat(63 - (10 + header.len()) % 64);
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    (0..view.len()).for_each(|position| bytes.extend(view.image(position)));
    bytes
}

/// Reads the values of a NumPy file of 32-bit floats.
fn floats_of_npy(bytes: &[u8]) -> Vec<f64> {
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let values = bytes[10 + header..].as_chunks().0.iter();
    values.map(|four| f64::from(f32::from_le_bytes(*four))).collect()
}

#[test]
#[expect(clippy::print_stderr, reason = "a measurement, and a test that is skipped says so")]
fn the_script_in_examples_predicts_the_same_in_pytorch() {
    let Some(python) = python() else {
        eprintln!("skipped: no Python with torch, numpy and safetensors (name one in BPFREE_TORCH_PYTHON)");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/pytorch_predict.py");
    let bench = Bench::new(2, 1);
    for (folder, exported) in exported(&bench).iter().filter(|(_, exported)| exported.trial.seed == 0) {
        let rebuilt = Rebuilt::read(folder);
        let (stage, _) = exported.folder.split_once('/').expect("a stage");
        let (dataset, _) = dataset(PIPELINE, stage);
        let view = dataset.validation();
        let (images, logits) = (bench.path("images.npy"), bench.path("logits.npy"));
        fs::write(&images, npy(&view, dataset.shape())).expect("the folder can be written");
        let output =
            Command::new(&python).arg(&script).args([folder, &images, &logits]).output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let logits = floats_of_npy(&fs::read(&logits).expect("the script writes them"));
        let ours: Vec<Vec<f64>> =
            (0..view.len()).map(|position| rebuilt.logits(view.image(position))).collect();
        let distance = distance(&ours.concat(), &logits);
        eprintln!("{}: {} logits, at most {distance:.1e} apart", exported.folder, logits.len());
        assert!(distance < 1e-4, "{}: {distance}", exported.folder);
        if let Some(classes) = rebuilt.model["task"]["classes"].as_array() {
            let said = String::from_utf8(output.stdout).expect("names");
            let expected: Vec<&str> =
                ours.iter().map(|logits| classes[largest(logits)].as_str().expect("a name")).collect();
            assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{}", exported.folder);
        }
    }
}

#[test]
fn the_best_are_exported_once_and_never_overwritten() {
    let bench = Bench::new(2, 1);
    bench.run(PIPELINE);
    let to = bench.path("best");
    let best = export(&bench, PIPELINE, &wanted(Choice::Best), &to).expect("there are winners");
    let groups: Vec<&str> = best.models.iter().filter_map(|model| model.best_of.as_deref()).collect();
    assert_eq!(groups.len(), 6, "three rules, two seeds: {groups:?}");
    assert!(
        best.models.iter().all(|model| model.placed == Placed::New && model.folder.matches('/').count() == 1)
    );
    let index = || fs::read_to_string(to.join("index.json")).expect("the index");
    let first = index();
    let lines =
        |text: &str| serde_json::from_str::<Value>(text).expect("JSON")["models"].as_array().map(Vec::len);
    assert_eq!(lines(&first), Some(6));

    let again = export(&bench, PIPELINE, &wanted(Choice::Best), &to).expect("the same is left");
    assert!(again.models.iter().all(|model| model.placed == Placed::AlreadyThere));
    assert_eq!(index(), first);

    let of_all = Wanted { seeds: vec![1], ..wanted(Choice::BestPer(Vec::new())) };
    let of_all = export(&bench, PIPELINE, &of_all, &to).expect("the winner is among the winners");
    assert_eq!((of_all.models.len(), lines(&index())), (1, Some(6)));
    assert_eq!(of_all.models[0].best_of.as_deref(), Some("all"));

    let per_norm = wanted(Choice::BestPer(vec![Axis::BatchNorm]));
    let per_norm = export(&bench, PIPELINE, &per_norm, &bench.path("norms")).expect("there are winners");
    assert_eq!(per_norm.models.len(), 4);

    let path = to.join(&best.models[0].folder).join("model.json");
    fs::write(&path, "{}").expect("the file can be changed");
    let error = export(&bench, PIPELINE, &wanted(Choice::Best), &to).expect_err("it is another");
    assert!(error.to_string().ends_with("is there already, with another `model.json` or none"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("nothing is overwritten")));
    assert_eq!(fs::read_to_string(&path).expect("it is left"), "{}");
}

#[test]
fn what_is_not_finished_is_named_and_what_cannot_be_chosen_is_refused() {
    let bench = Bench::new(1, 1);
    bench.run_with(PIPELINE, &Witness::new(Some(3)));
    let to = bench.path("export");
    let some = export(&bench, PIPELINE, &wanted(Choice::Finished), &to).expect("three are there");
    assert_eq!((some.models.len(), some.unfinished.len()), (3, 12));
    let best = export(&bench, PIPELINE, &wanted(Choice::Best), &bench.path("best")).expect("one is whole");
    assert_eq!((best.models.len(), best.unfinished.len(), best.notes.len()), (2, 9, 1));
    let later = PIPELINE.replace("seeds: 2", "seeds: [8, 9]");
    let none =
        export(&bench, &later, &wanted(Choice::Finished), &bench.path("none")).expect("it is no error");
    assert!(none.models.is_empty() && !bench.path("none").exists());

    let refused = |text: &str, wanted: &Wanted| {
        let error = export(&bench, text, wanted, &to).expect_err("it means nothing");
        format!("{error}\nhint: {}\n", error.hint().expect("there is a way out"))
    };
    let named = Wanted { summary: Some("reprot".into()), ..wanted(Choice::Best) };
    let without = PIPELINE.replace(
        r#"Summarize(name: "report", of: ["with-norm", "without"], metric: "error_rate/validation"),"#,
        "",
    );
    let chosen = PIPELINE.replace(
        r#"metric: "error_rate/validation"),"#,
        r#"metric: "error_rate/validation"),
        Grid(name: "winners", axes: BestOf("report")),
        Train(name: "final", dataset: "measured", grid: "winners", epochs: 4, batch_size: 20, seeds: 1),
        Summarize(name: "last", of: ["final"], metric: "error_rate/validation"),"#,
    );
    let said = [
        refused(PIPELINE, &named),
        refused(&without, &wanted(Choice::Best)),
        refused(&chosen, &wanted(Choice::Best)),
    ];
    insta::assert_snapshot!(said.concat(), @"
        `exported` has no Summarize stage `reprot`
        hint: did you mean `report`? known: report
        `exported` has no Summarize stage, whose winners could be exported
        hint: add a Summarize stage, or leave out `--best`: every finished trial is exported then
        the trials of `last` are not known yet: those that choose the configurations of `final` are not finished
        hint: run the pipeline to its end, or take the winners of an earlier stage: `--summary STAGE`
        ");
}

/// Returns a pipeline that overfits soon, with this number of epochs and these fields of its train stage.
fn overfitting(epochs: u32, fields: &str) -> String {
    format!(
        r#"Pipeline(name: "kept-{epochs}", stages: [
            Dataset(name: "images", source: Glyphs(train: 60, test: 100)),
            Grid(name: "rules", axes: (algorithm: [Backprop, Dfa], hidden: [[40]], learning_rate: [3e-2])),
            Train(name: "trials", dataset: "images", grid: "rules", epochs: {epochs}, batch_size: 20, seeds: 1, {fields}),
        ])"#
    )
}

#[test]
fn the_best_weights_are_those_that_a_shorter_training_ends_with() {
    let bench = Bench::new(2, 2);
    let text = overfitting(12, r#"keep_weights: Best("loss/validation")"#);
    bench.run(&text);
    let weights = |trial: &results::trial::PlannedTrial| {
        fs::read(trial.artifact.as_ref().expect("done").path().join("weights.safetensors")).expect("weights")
    };
    let mut are_earlier = 0;
    for (index, trial) in bench.trials(&text).iter().enumerate() {
        let history = results::trial::history(trial.artifact.as_ref().expect("done")).expect("a history");
        let (best, loss) = history.best(&"loss/validation".parse().expect("a metric")).expect("losses");
        let result = trial.result().expect("readable").expect("done");
        assert_eq!(result.kept, (best < 12).then_some(best));
        are_earlier += usize::from(best < 12);
        let shorter = overfitting(best, "");
        bench.run(&shorter);
        assert_eq!(weights(trial), weights(&bench.trials(&shorter)[index]), "after epoch {best}");
        let to = bench.path("exported");
        let exported = export(&bench, &text, &wanted(Choice::Finished), &to).expect("exported");
        let file =
            fs::read_to_string(to.join(&exported.models[index].folder).join("model.json")).expect("a file");
        let file: Value = serde_json::from_str(&file).expect("JSON");
        assert_eq!(file["trial"]["epochs"], best);
        assert_eq!(file["trial"]["last_epoch"]["loss/validation"], loss);
        assert_eq!(file["trial"]["settings"]["keep_weights"], "best loss/validation");
    }
    assert!(are_earlier > 0, "a large rate overfits within 12 epochs");
}

#[test]
fn the_best_of_merged_stages_and_of_several_datasets_are_exported_with_all_their_seeds() {
    let text = r#"Pipeline(name: "merged", stages: [
        Dataset(name: "d", source: Glyphs(train: 100, test: 50, seed: 1)),
        Dataset(name: "e", source: Glyphs(train: 100, test: 50, seed: 2)),
        Grid(name: "g", axes: (algorithm: [Backprop, Dfa], hidden: [[8]], learning_rate: [1e-2])),
        Train(name: "a", dataset: "d", grid: "g", epochs: 1, batch_size: 20, seeds: [0]),
        Train(name: "b", dataset: "d", grid: "g", epochs: 1, batch_size: 20, seeds: [1, 2]),
        Train(name: "c", dataset: "e", grid: "g", epochs: 1, batch_size: 20, seeds: 2),
        Summarize(name: "s", of: ["a", "b", "c"], metric: "loss/validation", baseline: Backprop),
        Grid(name: "best", axes: BestOf("s")),
        Train(name: "last", dataset: "e", grid: "best", epochs: 1, batch_size: 20, seeds: [7]),
    ])"#;
    let bench = Bench::new(2, 4);
    let (_, tables) = bench.run(text);
    assert!(tables[0].contains("of a+b, c,") || tables[0].contains("of c, a+b,"), "{}", tables[0]);
    let to = bench.path("exported");
    let exported = export(&bench, text, &wanted(Choice::Best), &to).expect("exported");
    let mut folders: Vec<&str> = exported.models.iter().map(|model| model.folder.as_str()).collect();
    folders.sort_unstable();
    let of = |dataset: &str, rule: &str, seed: u64| format!("{dataset}/{rule}-8-tanh-lr0.01/seed-{seed}");
    let mut expected: Vec<String> = Vec::new();
    for rule in ["backprop", "dfa"] {
        expected.extend((0..3).map(|seed| of("d", rule, seed)));
        expected.extend((0..2).map(|seed| of("e", rule, seed)));
    }
    expected.sort_unstable();
    assert_eq!(folders, expected);
    let table = fs::read_to_string(bench.path("runs/merged/s/table.tex")).expect("a table");
    assert!(!table.contains("optimizer (b): ;"), "{table}");
}
