//! Forward-Forward: every layer tells examples with their own label in the input from examples with a wrong one, by the sum of its squared
//! activities (Hinton 2022, arXiv:2212.13345), as in the reference implementation (loeweX/Forward-Forward).
//!
//! A batch has three parts: positive examples with their own label, negative ones with another class, and neutral ones with the label
//! 1 / classes everywhere. A hidden layer reads the values below, divided by their root mean square. Its goodness is g = *h* . *h* - units,
//! its loss the mean cross-entropy of sigmoid(g) over positive and negative examples. Peer normalization adds `peer_normalization` times the
//! variance of the units' running means over positive examples, of which a step counts a tenth. The output layer is a classifier on all hidden
//! layers but the first, or on a single one, for neutral examples; it starts at zero, and learns at `classifier_rate` times the rate. The rows of all parts
//! pass a layer before it learns.
//!
//! As in the reference implementation, the signal passes a ReLU whole, also where its output is 0, which only peer normalization notices. Other
//! activations have their own slope. The reference implementation decays biases, too, and names an epoch one lower in its schedule.
//! Masks of dropout differ between the parts. Golden vectors: `cls_ff_*`.

use burn::tensor::{Int, Tensor, TensorData, activation::sigmoid};
use kernels::{Input, Kernels};
use model::Network;
use settings::Negatives;

use crate::Batch;

/// The share of a unit's running mean that a step keeps.
const KEPT: f64 = 0.9;

/// The rule, with the settings that all of its trials share.
#[derive(Clone, Copy, Debug)]
pub struct ForwardForward {
    pub negatives: Negatives,
    /// The factor on the loss of peer normalization; without it, there are no running means.
    pub peer_normalization: f64,
}

/// The values that a hidden layer is taught by.
pub struct Contrast<B: Kernels> {
    /// d(loss) / d(activation) of positive and negative examples, `[trials, 2 batch, units]`.
    pub signal: Tensor<B, 3>,
    /// The goodness g of positive and negative examples, `[trials, 2 batch, 1]`.
    pub goodness: Tensor<B, 3>,
    /// The running mean of each unit after the step, `[trials, 1, units]`.
    pub running_mean: Option<Tensor<B, 3>>,
}

impl ForwardForward {
    /// Computes a layer's signal from its output for a `batch` of each part, `[trials, 3 batch, units]`, and its running means.
    pub fn teach<B: Kernels>(
        &self,
        activation: &Tensor<B, 3>,
        batch: usize,
        running_mean: Option<&Tensor<B, 3>>,
    ) -> Contrast<B> {
        let [_, _, units] = activation.dims();
        let both = B::rows(activation, 0..2 * batch);
        let goodness = B::square_sums(&both).sub_scalar(units as f64);
        let error = sigmoid(goodness.clone()) - is_positive(batch, &activation.device());
        let mut signal = B::scale_rows(both, &error.div_scalar(batch as f64));
        let running_mean = running_mean.map(|mean| {
            let sum = B::bias_gradient(&B::rows(activation, 0..batch));
            mean.clone().mul_scalar(KEPT) + sum.mul_scalar((1.0 - KEPT) / batch as f64)
        });
        if let Some(mean) = &running_mean {
            let factor = self.peer_normalization * 2.0 / units as f64 * (1.0 - KEPT) / batch as f64;
            let added = (mean.clone() - mean.clone().mean_dim(2)).mul_scalar(factor);
            signal = B::add_to_first_rows(signal, &added, batch);
        }
        Contrast { signal, goodness, running_mean }
    }

    /// Returns the rows of the three parts of `batch`, with a label of another class for each example of each set, `[sets, batch, classes]`.
    pub fn rows<B: Kernels>(
        &self,
        network: &Network<B>,
        batch: &Batch<B>,
        negative: &Tensor<B, 3>,
    ) -> Batch<B> {
        let input = &batch.input;
        let [sets, examples, classes] = negative.dims();
        let (input, own) = if sets > input.values.dims()[0] {
            // A set for each trial, where only the labels differ.
            let values = input.per_trial();
            (Input::from(values.clone().repeat_dim(0, sets / values.dims()[0])), batch.target.clone())
        } else {
            (input.clone(), own_labels(batch))
        };
        let own = own.clone().repeat_dim(0, sets / own.dims()[0]);
        let neutral = Tensor::full([sets, examples, classes], 1.0 / classes as f64, &own.device());
        let labels = Tensor::cat(vec![own, negative.clone(), neutral], 1);
        Batch { input: network.wiring.labeled(&input, || labels), target: batch.target.clone() }
    }
}

/// Returns the labels of each set of the input, `[sets or 1, batch, classes]`.
pub fn own_labels<B: Kernels>(batch: &Batch<B>) -> Tensor<B, 3> {
    let Some(sets) = &batch.input.sets else { return batch.target.clone() };
    let [count, ..] = batch.input.values.dims();
    let first = |set: usize| sets.of_trials().iter().position(|&of| of as usize == set).unwrap_or(0) as i32;
    let first: Vec<i32> = (0..count).map(first).collect();
    batch.target.clone().select(0, Tensor::from_data(first.as_slice(), &batch.target.device()))
}

/// Returns labels of other classes: that of an example of a set is `shifts[set][example]` classes after its own in `labels`,
/// `[sets or 1, batch, classes]`.
pub fn shifted<B: Kernels>(labels: Tensor<B, 3>, shifts: &[Vec<u32>]) -> Tensor<B, 3> {
    let [own_sets, batch, classes] = labels.dims();
    let sets = shifts.len();
    let labels = if own_sets < sets { labels.repeat_dim(0, sets) } else { labels };
    let sources = shifts.iter().flatten().flat_map(|&shift| {
        (0..classes).map(move |class| ((class + classes - shift as usize) % classes) as i32)
    });
    let sources = TensorData::new(sources.collect(), [sets, batch, classes]);
    let device = labels.device();
    labels.gather(2, Tensor::<B, 3, Int>::from_data(sources, &device))
}

/// Returns the label of the other class that each trial's classifier finds most likely, `[trials, batch, classes]`.
pub fn hardest<B: Kernels>(network: &Network<B>, batch: &Batch<B>) -> Tensor<B, 3> {
    let logits = network.classify(&batch.input, |_| ());
    let [_, _, classes] = logits.dims();
    let others = logits - batch.target.clone().mul_scalar(f64::from(f32::MAX));
    let classes = Tensor::<B, 1, Int>::arange(0..classes as i64, &others.device()).unsqueeze::<3>();
    others.argmax(2).equal(classes).float()
}

/// Returns 1 for the positive and 0 for the negative examples of a batch, `[1, 2 batch, 1]`.
pub fn is_positive<B: Kernels>(batch: usize, device: &B::Device) -> Tensor<B, 3> {
    Tensor::cat(vec![Tensor::ones([1, batch, 1], device), Tensor::zeros([1, batch, 1], device)], 1)
}

impl<B: Kernels> Contrast<B> {
    /// Returns the mean cross-entropy over positive and negative examples, `[trials]`.
    pub fn loss(&self) -> Tensor<B, 1> {
        let [_, rows, _] = self.goodness.dims();
        let (goodness, is_positive) = (&self.goodness, is_positive(rows / 2, &self.goodness.device()));
        let softplus = goodness.clone().abs().neg().exp().log1p() + goodness.clone().clamp_min(0.0);
        (softplus - goodness.clone() * is_positive).mean_dim(1).squeeze_dims(&[1, 2])
    }

    /// Returns the variance of the units' running means, `[trials]`; absent without peer normalization.
    pub fn peer_loss(&self) -> Option<Tensor<B, 1>> {
        let mean = self.running_mean.as_ref()?;
        let deviation = mean.clone() - mean.clone().mean_dim(2);
        Some((deviation.clone() * deviation).mean_dim(2).squeeze_dims(&[1, 2]))
    }

    /// Returns the percentage of examples on the right side of the threshold, `[trials]`.
    pub fn accuracy(&self) -> Tensor<B, 1> {
        let [_, rows, _] = self.goodness.dims();
        let said = self.goodness.clone().greater_elem(0.0).float();
        let wrong = (said - is_positive(rows / 2, &self.goodness.device())).abs();
        wrong.mean_dim(1).mul_scalar(-100.0).add_scalar(100.0).squeeze_dims(&[1, 2])
    }
}
