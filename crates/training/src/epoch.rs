//! What is measured over an epoch or an evaluation.

use burn::tensor::Tensor;
use model::Kernels;
use tracker::{Metric, Split};

use crate::StepOutcome;

/// Losses and mistakes of many batches, kept on the device until they are read once.
pub(crate) struct Tally<B: Kernels> {
    outcomes: Vec<StepOutcome<B>>,
    /// Examples of each batch.
    sizes: Vec<usize>,
}

impl<B: Kernels> Tally<B> {
    pub(crate) fn new() -> Self {
        Self { outcomes: Vec::new(), sizes: Vec::new() }
    }

    pub(crate) fn add(&mut self, outcome: StepOutcome<B>, examples: usize) {
        self.outcomes.push(outcome);
        self.sizes.push(examples);
    }

    /// The metrics of each trial over all that was added.
    pub(crate) fn read(self, split: Split) -> Vec<Vec<(Metric, f64)>> {
        let examples: usize = self.sizes.iter().sum();
        let trials = self.outcomes[0].loss.dims()[0];
        let mistakes =
            self.outcomes.iter().map(|outcome| outcome.mistakes.clone()).collect::<Option<Vec<_>>>();
        let losses = host_rows(self.outcomes.into_iter().map(|outcome| outcome.loss).collect(), trials);
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

/// Many `[trials]` tensors, read in one transfer: a row of `trials` values each.
fn host_rows<B: Kernels>(values: Vec<Tensor<B, 1>>, trials: usize) -> Vec<Vec<f32>> {
    let data = Tensor::cat(values, 0).into_data().convert::<f32>();
    let flat = data.into_vec::<f32>().expect("the data was converted to f32");
    flat.chunks(trials).map(<[f32]>::to_vec).collect()
}
