//! A population of networks of one architecture.

use burn::tensor::{Int, Tensor, TensorData, backend::Backend};

use crate::{
    BatchNorm, Layer, Objective, Wiring,
    initialization::{InitialLayer, Matrix},
};
use kernels::{Input, Kernels, Parameter, Weights};
use settings::{Activation, OptimizerKind, Precision, Prediction};

/// The layers of a fully connected network, without its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    pub inputs: usize,
    /// The number of units of each hidden layer, from the input up.
    pub hidden: Vec<usize>,
    pub outputs: usize,
    pub activation: Activation,
    /// Whether every hidden layer has batch norm.
    pub batch_norm: bool,
    /// Whether hidden layers have a bias.
    pub bias: bool,
    pub output_bias: bool,
    pub wiring: Wiring,
    pub objective: Objective,
}

#[derive(Clone, Debug)]
pub struct Network<B: Backend> {
    /// The hidden layers, from the input up.
    pub hidden: Vec<Layer<B>>,
    /// The output layer, without batch norm.
    pub output: Layer<B>,
    pub activation: Activation,
    pub wiring: Wiring,
    pub objective: Objective,
    pub optimizer: OptimizerKind,
}

impl Architecture {
    /// Returns `[inputs, units]` of every weight matrix, from the input up, the output layer's last.
    pub fn weight_shapes(&self) -> Vec<[usize; 2]> {
        let inputs = self.wiring.inputs(self.inputs, self.outputs);
        let widths = [&[inputs], self.hidden.as_slice()].concat();
        let hidden = widths.windows(2).map(|pair| [pair[0], pair[1]]);
        hidden.chain([[self.wiring.read_units(&self.hidden), self.outputs]]).collect()
    }

    /// Creates networks with the given initial parameters (`parameters[trial][layer]`, the output layer's last), and identity batch norm.
    pub fn build<B: Kernels>(
        &self,
        parameters: &[Vec<InitialLayer>],
        optimizer: OptimizerKind,
        device: &B::Device,
    ) -> Network<B> {
        let trials = parameters.len();
        let mut hidden = Vec::new();
        for (index, [_, units]) in self.weight_shapes().into_iter().enumerate() {
            let is_hidden = index < self.hidden.len();
            let has_bias = if is_hidden { self.bias } else { self.output_bias };
            let layers = parameters.iter().map(|layers| &layers[index]);
            let (weights, biases): (Vec<&Matrix>, Vec<&Matrix>) =
                layers.map(|layer| (&layer.weight, &layer.bias)).unzip();
            hidden.push(Layer {
                weight: Parameter::new(Weights::new(stack(&weights, device)), optimizer),
                bias: has_bias.then(|| Parameter::new(stack(&biases, device), optimizer)),
                batch_norm: (self.batch_norm && is_hidden)
                    .then(|| BatchNorm::new(trials, units, optimizer, device)),
                precision: Precision::default(),
            });
        }
        let output = hidden.pop().expect("there is a weight shape for the output layer");
        let Self { activation, wiring, objective, .. } = *self;
        Network { hidden, output, activation, wiring, objective, optimizer }
    }
}

/// Creates a `[trials, rows, columns]` tensor from one matrix per trial.
pub fn stack<B: Backend>(matrices: &[&Matrix], device: &B::Device) -> Tensor<B, 3> {
    let shape = [matrices.len(), matrices[0].rows, matrices[0].columns];
    let values: Vec<f32> = matrices.iter().flat_map(|matrix| matrix.values.iter().copied()).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

impl<B: Kernels> Network<B> {
    /// Returns the logits of an inference pass: `[batch, inputs]` of each trial gives `[trials, batch, outputs]`.
    pub fn infer(&self, input: &Input<B>) -> Tensor<B, 3> {
        match self.wiring.prediction() {
            Prediction::Classifier => self.classify(input, |_| ()),
            Prediction::Goodness => self.total_goodness(input),
        }
    }

    /// Returns the logits of [`infer`](Self::infer), and the output of every hidden layer, `[trials, batch, units]`; with a label in
    /// the input, a neutral one.
    pub fn infer_with_activations(&self, input: &Input<B>) -> (Tensor<B, 3>, Vec<Tensor<B, 3>>) {
        let mut activations = Vec::with_capacity(self.hidden.len());
        let logits = self.classify(input, |activation| activations.push(activation.clone()));
        match self.wiring.prediction() {
            Prediction::Classifier => (logits, activations),
            Prediction::Goodness => (self.total_goodness(input), activations),
        }
    }

    /// Returns the logits of the output layer, with a neutral label if the input has one. Calls `on_activation` with the output of
    /// each hidden layer.
    pub fn classify(&self, input: &Input<B>, mut on_activation: impl FnMut(&Tensor<B, 3>)) -> Tensor<B, 3> {
        let [_, _, outputs] = self.output.weight.value.dims();
        let neutral = || Tensor::full([1, 1, outputs], 1.0 / outputs as f64, &self.device());
        let mut readout = self.wiring.readout(self.hidden.len(), input.batch());
        let mut input = self.wiring.labeled(input, neutral);
        for layer in &self.hidden {
            let activation = layer.infer(self.activation, &input);
            on_activation(&activation);
            let output = self.wiring.passed_on(activation);
            readout.add(&output);
            input = output.into();
        }
        self.output.preactivation(&readout.input())
    }

    /// Returns the goodness of every hidden layer, which is the sum of its squared activities, under each label in the input:
    /// `[trials, batch, outputs]`, first layer first.
    pub fn goodness(&self, input: &Input<B>) -> Vec<Tensor<B, 3>> {
        let [_, _, outputs] = self.output.weight.value.dims();
        let labels = Tensor::<B, 2>::eye(outputs, &self.device()).unsqueeze_dim::<3>(0);
        let mut of_layers: Vec<Vec<Tensor<B, 3>>> = vec![Vec::new(); self.hidden.len()];
        for label in 0..outputs {
            let label = || labels.clone().slice([0..1, label..label + 1, 0..outputs]);
            let mut input = self.wiring.labeled(input, label);
            for (layer, goodness) in self.hidden.iter().zip(&mut of_layers) {
                let activation = layer.infer(self.activation, &input);
                goodness.push((activation.clone() * activation.clone()).sum_dim(2));
                input = self.wiring.passed_on(activation).into();
            }
        }
        of_layers.into_iter().map(|labels| Tensor::cat(labels, 2)).collect()
    }

    /// Returns the goodness under each label, summed over the layers that the output layer reads, `[trials, batch, outputs]`.
    fn total_goodness(&self, input: &Input<B>) -> Tensor<B, 3> {
        let first = self.wiring.first_read(self.hidden.len());
        let of_layers = self.goodness(input).into_iter().skip(first);
        of_layers.reduce(|sum, goodness| sum + goodness).expect("there is a hidden layer")
    }
}

impl<B: Backend> Network<B> {
    pub fn device(&self) -> B::Device {
        self.output.weight.value.values.device()
    }

    /// Sets the precision of all products.
    pub fn in_precision(mut self, precision: Precision) -> Self {
        self.hidden.iter_mut().chain([&mut self.output]).for_each(|layer| layer.precision = precision);
        self
    }

    /// Keeps only the trials at `positions`, in that order.
    pub fn select(self, positions: &Tensor<B, 1, Int>) -> Self {
        Self {
            hidden: self.hidden.into_iter().map(|layer| layer.select(positions)).collect(),
            output: self.output.select(positions),
            ..self
        }
    }
}
