//! A population of networks of one architecture.

use burn::tensor::{Int, Tensor, TensorData, backend::Backend};

use crate::{
    BatchNorm, Layer, Objective,
    initialization::{InitialLayer, Matrix},
};
use kernels::{Input, Kernels, Parameter, Weights};
use settings::{Activation, OptimizerKind, Precision};

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
    pub objective: Objective,
}

#[derive(Clone, Debug)]
pub struct Network<B: Backend> {
    /// The hidden layers, from the input up.
    pub hidden: Vec<Layer<B>>,
    /// The output layer, without batch norm.
    pub output: Layer<B>,
    pub activation: Activation,
    pub objective: Objective,
    pub optimizer: OptimizerKind,
}

impl Architecture {
    /// Returns `[inputs, units]` of every weight matrix, from the input up, the output layer's last.
    pub fn weight_shapes(&self) -> Vec<[usize; 2]> {
        let widths = [&[self.inputs], self.hidden.as_slice(), &[self.outputs]].concat();
        widths.windows(2).map(|pair| [pair[0], pair[1]]).collect()
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
        Network { hidden, output, activation: self.activation, objective: self.objective, optimizer }
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
    pub fn infer(&self, input: Input<B>) -> Tensor<B, 3> {
        let top = self.hidden.iter().fold(input, |input, layer| layer.infer(self.activation, &input).into());
        self.output.preactivation(&top)
    }

    /// Returns the logits of [`infer`](Self::infer), and the output of every hidden layer, `[trials, batch, units]`.
    pub fn infer_with_activations(&self, input: &Input<B>) -> (Tensor<B, 3>, Vec<Tensor<B, 3>>) {
        let mut activations: Vec<Tensor<B, 3>> = Vec::with_capacity(self.hidden.len());
        let mut input = input.clone();
        for layer in &self.hidden {
            let activation = layer.infer(self.activation, &input);
            input = activation.clone().into();
            activations.push(activation);
        }
        (self.output.preactivation(&input), activations)
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
