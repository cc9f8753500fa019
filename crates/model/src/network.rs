//! A population of networks of one shape.

use burn::tensor::{Int, Tensor, TensorData, backend::Backend};

use crate::{BatchNorm, Input, Kernels, Layer, Objective, Parameter, initialization::Matrix};
use settings::{Activation, Precision};

/// The shape of a fully connected network: everything but its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// Values of an input example.
    pub inputs: usize,
    /// Units of each hidden layer, from the input up.
    pub hidden: Vec<usize>,
    /// Values of an answer.
    pub outputs: usize,
    /// Of every hidden layer.
    pub activation: Activation,
    /// Does every hidden layer normalize over the batch?
    pub batch_norm: bool,
    /// Do hidden layers have a bias? The output layer always has.
    pub bias: bool,
    /// What the output layer is asked for.
    pub objective: Objective,
}

/// Networks of one architecture, one per trial.
#[derive(Clone, Debug)]
pub struct Network<B: Backend> {
    /// From the input up.
    pub hidden: Vec<Layer<B>>,
    /// Has a bias, no batch norm, and the objective's nonlinearity.
    pub output: Layer<B>,
    /// Of every hidden layer.
    pub activation: Activation,
    /// What the output layer is asked for.
    pub objective: Objective,
}

impl Architecture {
    /// `[inputs, units]` of every weight matrix, from the input up, the output layer's last.
    #[must_use]
    pub fn weight_shapes(&self) -> Vec<[usize; 2]> {
        let widths = [&[self.inputs], self.hidden.as_slice(), &[self.outputs]].concat();
        widths.windows(2).map(|pair| [pair[0], pair[1]]).collect()
    }

    /// Networks with the given first weights (`weights[trial][layer]`, the output layer's last), zero biases and
    /// identity batch norm.
    pub fn build<B: Kernels>(&self, weights: &[Vec<Matrix>], device: &B::Device) -> Network<B> {
        let trials = weights.len();
        let layer = |index: usize, is_hidden: bool| {
            let units = self.weight_shapes()[index][1];
            let matrices: Vec<&Matrix> = weights.iter().map(|layers| &layers[index]).collect();
            Layer {
                weight: Parameter::new(stack(&matrices, device)),
                bias: (self.bias || !is_hidden)
                    .then(|| Parameter::new(Tensor::zeros([trials, 1, units], device))),
                batch_norm: (self.batch_norm && is_hidden).then(|| BatchNorm::new(trials, units, device)),
                precision: Precision::default(),
            }
        };
        Network {
            hidden: (0..self.hidden.len()).map(|index| layer(index, true)).collect(),
            output: layer(self.hidden.len(), false),
            activation: self.activation,
            objective: self.objective,
        }
    }
}

/// One `[trials, rows, columns]` tensor of a matrix per trial.
pub fn stack<B: Backend>(matrices: &[&Matrix], device: &B::Device) -> Tensor<B, 3> {
    let shape = [matrices.len(), matrices[0].rows, matrices[0].columns];
    let values: Vec<f32> = matrices.iter().flat_map(|matrix| matrix.values.iter().copied()).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

impl<B: Kernels> Network<B> {
    /// The logits of an inference pass: `[batch, inputs]` of each trial gives `[trials, batch, outputs]`.
    pub fn infer(&self, input: Input<B>) -> Tensor<B, 3> {
        let top = self.hidden.iter().fold(input, |input, layer| layer.infer(self.activation, &input).into());
        self.output.preactivation(&top)
    }

    /// [`infer`](Self::infer), and the output of every hidden layer, `[trials, batch, units]`.
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
    /// The same network, whose products run in `precision`.
    #[must_use]
    pub fn in_precision(mut self, precision: Precision) -> Self {
        self.hidden.iter_mut().chain([&mut self.output]).for_each(|layer| layer.precision = precision);
        self
    }

    /// Keeps only the trials at `positions`, in that order.
    #[must_use]
    pub fn select(self, positions: &Tensor<B, 1, Int>) -> Self {
        Self {
            hidden: self.hidden.into_iter().map(|layer| layer.select(positions)).collect(),
            output: self.output.select(positions),
            ..self
        }
    }
}
