//! Dropout (Srivastava et al. 2014): in training a unit's output is 0 with the trial's rate, else scaled up.

use burn::tensor::{Tensor, backend::Backend};

use kernels::{Kernels, LayerDropout};

/// The factors on the input and on the outputs of hidden layers in one step.
pub trait Masks<B: Backend> {
    /// Returns the factors 0 or 1 / (1 - rate) of the hidden layer with this index from 0, `[trials, batch, units]`; `None`
    /// where no trial drops units. Every call returns the same factors.
    fn mask(&self, layer: usize, batch: usize, units: usize, device: &B::Device) -> Option<Tensor<B, 3>>;

    /// Returns the factors of the network's input, `[trials, batch, inputs]`; `None` where no trial drops pixels. Every call
    /// returns the same factors.
    fn input_mask(&self, batch: usize, inputs: usize, device: &B::Device) -> Option<Tensor<B, 3>>;
}

/// Masks that are drawn when a layer needs them, so that none is kept in memory earlier.
///
/// A mask is a function of (seed, layer, epoch, step) and the rate, and two rates of one seed share the uniform draws: the
/// units that a lower rate drops are among the units that a higher rate drops.
#[derive(Clone, Debug)]
pub struct DrawnMasks {
    pub trials: Vec<DropoutRates>,
    /// The epoch, counted from 1.
    pub epoch: u64,
    /// The step within the epoch, counted from 0.
    pub step: u64,
}

#[derive(Clone, Copy, Debug)]
pub struct DropoutRates {
    pub input: f64,
    pub hidden: f64,
    pub seed: u64,
}

impl<B: Kernels> Masks<B> for DrawnMasks {
    fn mask(&self, layer: usize, batch: usize, units: usize, device: &B::Device) -> Option<Tensor<B, 3>> {
        // The input is layer 0 of the random streams.
        self.drawn::<B>(|trial| trial.hidden, layer as u64 + 1, [batch, units], device)
    }

    fn input_mask(&self, batch: usize, inputs: usize, device: &B::Device) -> Option<Tensor<B, 3>> {
        self.drawn::<B>(|trial| trial.input, 0, [batch, inputs], device)
    }
}

impl DrawnMasks {
    fn drawn<B: Kernels>(
        &self,
        rate: fn(&DropoutRates) -> f64,
        layer: u64,
        [batch, units]: [usize; 2],
        device: &B::Device,
    ) -> Option<Tensor<B, 3>> {
        self.trials.iter().any(|trial| rate(trial) > 0.0).then(|| {
            let dropouts: Vec<_> =
                self.trials.iter().map(|trial| self.of_trial(rate(trial), trial.seed, layer)).collect();
            B::dropout_factors(&dropouts, batch, units, device)
        })
    }

    fn of_trial(&self, rate: f64, seed: u64, layer: u64) -> LayerDropout {
        LayerDropout {
            rate: rate as f32,
            kept: (1.0 / (1.0 - rate)) as f32,
            key: random::key(seed, "dropout", &[layer, self.epoch, self.step]),
        }
    }
}

/// Masks that were computed elsewhere.
#[derive(Clone, Debug)]
pub struct GivenMasks<B: Backend> {
    pub input: Option<Tensor<B, 3>>,
    /// The masks of the hidden layers, first to last.
    pub hidden: Vec<Option<Tensor<B, 3>>>,
}

impl<B: Backend> Masks<B> for GivenMasks<B> {
    fn mask(&self, layer: usize, _: usize, _: usize, _: &B::Device) -> Option<Tensor<B, 3>> {
        self.hidden[layer].clone()
    }

    fn input_mask(&self, _: usize, _: usize, _: &B::Device) -> Option<Tensor<B, 3>> {
        self.input.clone()
    }
}

/// Multiplies `values` by `mask`, if there is one; both are `[trials, batch, units]`.
pub fn drop_out<B: Kernels>(values: Tensor<B, 3>, mask: Option<&Tensor<B, 3>>) -> Tensor<B, 3> {
    match mask {
        Some(mask) => B::scale(values, mask),
        None => values,
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;
    use kernels::ElementwiseKernels;

    fn factors(rate: f64, step: u64) -> Vec<f32> {
        let dropout = DrawnMasks { trials: Vec::new(), epoch: 1, step }.of_trial(rate, 3, 1);
        let factors = Flex::dropout_factors(&[dropout], 100, 100, &Default::default());
        factors.into_data().into_vec().expect("f32")
    }

    #[test]
    fn masks_keep_the_mean_and_drop_at_the_rate() {
        let mask = factors(0.4, 0);
        let dropped = mask.iter().filter(|&&factor| factor == 0.0).count() as f64 / mask.len() as f64;
        let mean = mask.iter().sum::<f32>() / mask.len() as f32;
        assert!((dropped - 0.4).abs() < 0.02 && (mean - 1.0).abs() < 0.03, "{dropped} {mean}");
        assert_ne!(mask, factors(0.4, 1));
    }

    #[test]
    fn a_lower_rate_drops_a_subset() {
        let (low, high) = (factors(0.1, 0), factors(0.5, 0));
        assert!(low.iter().zip(&high).all(|(low, high)| *low != 0.0 || *high == 0.0));
    }
}
