//! Losses and error rates over an epoch or an evaluation.

use burn::tensor::Tensor;
use kernels::Kernels;
use settings::{Metric, Split};

/// The losses and mistakes of many batches, which stay on the device until they are read in one transfer.
pub(crate) struct Tally<B: Kernels> {
    /// The mean loss over each batch, `[trials]`.
    losses: Vec<Tensor<B, 1>>,
    /// The number of mistakes in each batch, `[trials]`; absent in reconstruction.
    mistakes: Vec<Option<Tensor<B, 1>>>,
    sizes: Vec<usize>,
}

impl<B: Kernels> Tally<B> {
    pub(crate) fn new() -> Self {
        Self { losses: Vec::new(), mistakes: Vec::new(), sizes: Vec::new() }
    }

    pub(crate) fn add(&mut self, loss: Tensor<B, 1>, mistakes: Option<Tensor<B, 1>>, examples: usize) {
        self.losses.push(loss);
        self.mistakes.push(mistakes);
        self.sizes.push(examples);
    }

    /// Returns the metrics of each trial over all batches.
    pub(crate) fn read(self, split: Split) -> Vec<Vec<(Metric, f64)>> {
        let examples: usize = self.sizes.iter().sum();
        let trials = self.losses[0].dims()[0];
        let losses = host_rows(self.losses, trials);
        let mistakes: Option<Vec<_>> = self.mistakes.into_iter().collect();
        let mistakes = mistakes.map(|mistakes| host_rows(mistakes, trials));
        (0..trials)
            .map(|trial| {
                let batches = losses.iter().zip(&self.sizes);
                let loss: f64 = batches.map(|(row, size)| f64::from(row[trial]) * *size as f64).sum();
                let mut values = vec![(Metric::Loss(split), loss / examples as f64)];
                if let Some(mistakes) = &mistakes {
                    let wrong: f64 = mistakes.iter().map(|row| f64::from(row[trial])).sum();
                    values.push((Metric::ErrorRate(split), 100.0 * wrong / examples as f64));
                }
                values
            })
            .collect()
    }
}

/// Reads many `[trials]` tensors in one transfer; returns a row of `trials` values for each.
pub(crate) fn host_rows<B: Kernels>(values: Vec<Tensor<B, 1>>, trials: usize) -> Vec<Vec<f32>> {
    let data = Tensor::cat(values, 0).into_data().convert::<f32>();
    let flat = data.into_vec::<f32>().expect("the data was converted to f32");
    flat.chunks(trials).map(<[f32]>::to_vec).collect()
}
