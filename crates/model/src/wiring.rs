//! The connections of a network's layers with each other.

use burn::tensor::{Tensor, backend::Backend};
use kernels::{Input, Kernels};
use settings::{LabelPlace, Prediction};

/// The inputs of a network's layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wiring {
    /// Each layer reads the output of the layer below.
    Chain,
    /// The first layer reads a label, too. Each layer reads values divided by their root mean square, so that only their direction counts
    /// (Hinton 2022, arXiv:2212.13345). The output layer reads all hidden layers but the first; of a network with one, it reads that.
    Labeled(Labeled),
}

/// The label in a network's input, and the way in which the network predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labeled {
    pub place: LabelPlace,
    pub prediction: Prediction,
}

/// The input of the output layer, while hidden layers run.
pub struct Readout<B: Backend> {
    /// The number of hidden layers that are not read.
    skipped: usize,
    /// The number of last rows that are read.
    rows: usize,
    /// Outputs of hidden layers as the layers above read them.
    read: Vec<Tensor<B, 3>>,
}

impl Wiring {
    /// Returns the number of inputs of the first layer, for images with this number of `pixels`.
    pub fn inputs(self, pixels: usize, classes: usize) -> usize {
        match self {
            Self::Labeled(Labeled { place: LabelPlace::Appended, .. }) => pixels + classes,
            Self::Labeled(Labeled { place: LabelPlace::FirstInputs, .. }) | Self::Chain => pixels,
        }
    }

    /// Returns the number of units that the output layer reads.
    pub fn read_units(self, hidden: &[usize]) -> usize {
        hidden[self.first_read(hidden.len())..].iter().sum()
    }

    /// Returns the index of the first hidden layer that the output layer reads.
    pub fn first_read(self, hidden: usize) -> usize {
        match self {
            Self::Chain => hidden - 1,
            Self::Labeled(_) => 1.min(hidden - 1),
        }
    }

    pub fn prediction(self) -> Prediction {
        match self {
            Self::Chain => Prediction::Classifier,
            Self::Labeled(Labeled { prediction, .. }) => prediction,
        }
    }

    /// Returns what the first layer reads of `input`, `[batch, pixels]` of each trial. `label` gives labels for each set of the
    /// input, `[sets or 1, rows or 1, classes]`, where the network reads them. With more rows than examples, the examples are repeated.
    pub fn labeled<B: Kernels>(self, input: &Input<B>, label: impl FnOnce() -> Tensor<B, 3>) -> Input<B> {
        let Self::Labeled(Labeled { place, .. }) = self else { return input.clone() };
        let (pixels, label) = (&input.values, &label());
        let ([_, _, all], [_, _, classes]) = (pixels.dims(), label.dims());
        let values = match place {
            LabelPlace::FirstInputs => B::join_columns(&[(label, 0..classes), (pixels, classes..all)]),
            LabelPlace::Appended => B::join_columns(&[(pixels, 0..all), (label, 0..classes)]),
        };
        Input { values: B::divide_by_root_mean_square(values), sets: input.sets.clone() }
    }

    /// Returns what the layer above reads of a layer's output, both `[trials, batch, units]`.
    pub fn passed_on<B: Kernels>(self, output: Tensor<B, 3>) -> Tensor<B, 3> {
        match self {
            Self::Chain => output,
            Self::Labeled(_) => B::divide_by_root_mean_square(output),
        }
    }

    /// Returns the empty input of the output layer of a network with this number of hidden layers. The output layer reads
    /// the last `rows` of a batch.
    pub fn readout<B: Backend>(self, hidden: usize, rows: usize) -> Readout<B> {
        Readout { skipped: self.first_read(hidden), rows, read: Vec::new() }
    }
}

impl<B: Kernels> Readout<B> {
    /// Adds the output of the next hidden layer as the layer above reads it, `[trials, batch, units]`.
    pub fn add(&mut self, output: &Tensor<B, 3>) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        let [_, batch, _] = output.dims();
        self.read.push(B::rows(output, batch - self.rows..batch));
    }

    /// Returns the bytes of each trial that are kept in addition to the outputs of layers.
    pub fn bytes(&self) -> u64 {
        if self.read.len() > 1 { self.read.iter().map(crate::bytes_per_trial).sum() } else { 0 }
    }

    /// Returns the input of the output layer, `[rows, units]` of each trial.
    pub fn input(mut self) -> Input<B> {
        let only = if self.read.len() == 1 { self.read.pop() } else { None };
        let parts = self.read.iter().map(|part| (part, 0..part.dims()[2]));
        only.unwrap_or_else(|| B::join_columns(&parts.collect::<Vec<_>>())).into()
    }
}
