//! What a layer sees. Trials that see the same examples share them.

use std::sync::Arc;

use burn::tensor::{Int, Tensor, backend::Backend};

/// The input of a layer, for every trial.
#[derive(Clone, Debug)]
pub struct Input<B: Backend> {
    /// `[sets, batch, values]`; without [`sets`](Self::sets) a set for each trial, or one for all.
    pub values: Tensor<B, 3>,
    /// Which set each trial sees.
    pub sets: Option<Arc<Sets<B>>>,
}

/// The set that each trial sees of those that a population shares.
#[derive(Clone, Debug)]
pub struct Sets<B: Backend> {
    of_trials: Vec<u32>,
    on_device: Tensor<B, 1, Int>,
}

impl<B: Backend> Sets<B> {
    /// `of_trials[trial]` is the trial's set.
    #[must_use]
    pub fn new(of_trials: Vec<u32>, device: &B::Device) -> Self {
        let indices: Vec<i32> =
            of_trials.iter().map(|&set| i32::try_from(set).expect("fewer than 2^31 sets")).collect();
        Self { on_device: Tensor::from_data(indices.as_slice(), device), of_trials }
    }

    /// The set of each trial.
    #[must_use]
    pub fn of_trials(&self) -> &[u32] {
        &self.of_trials
    }

    /// The set of each trial, `[trials]`.
    #[must_use]
    pub fn on_device(&self) -> &Tensor<B, 1, Int> {
        &self.on_device
    }
}

impl<B: Backend> Input<B> {
    /// Shared by trials as `sets` says; `values` is `[sets, batch, values]`.
    #[must_use]
    pub fn shared(values: Tensor<B, 3>, sets: Arc<Sets<B>>) -> Self {
        Self { values, sets: Some(sets) }
    }

    /// `[trials or 1, batch, values]`: copies what several trials share.
    #[must_use]
    pub fn per_trial(&self) -> Tensor<B, 3> {
        match &self.sets {
            Some(sets) => self.values.clone().select(0, sets.on_device.clone()),
            None => self.values.clone(),
        }
    }

    /// Examples of a batch.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.values.dims()[1]
    }
}

/// A set for each trial, or one for all: `[trials or 1, batch, values]`.
impl<B: Backend> From<Tensor<B, 3>> for Input<B> {
    fn from(values: Tensor<B, 3>) -> Self {
        Self { values, sets: None }
    }
}
