//! The input of a layer. Trials that see the same examples share one copy.

use std::{ops::Range, sync::Arc};

use burn::tensor::{Int, Tensor, backend::Backend};

#[derive(Clone, Debug)]
pub struct Input<B: Backend> {
    /// The examples, `[sets, batch, values]`. Without [`sets`](Self::sets) there is a set for each trial, or one for all.
    pub values: Tensor<B, 3>,
    pub sets: Option<Arc<Sets<B>>>,
}

/// The index of the set that each trial of a population sees.
#[derive(Clone, Debug)]
pub struct Sets<B: Backend> {
    of_trials: Vec<u32>,
    on_device: Tensor<B, 1, Int>,
}

impl<B: Backend> Sets<B> {
    /// Creates the sets; `of_trials[trial]` is the trial's set.
    pub fn new(of_trials: Vec<u32>, device: &B::Device) -> Self {
        let indices: Vec<i32> =
            of_trials.iter().map(|&set| i32::try_from(set).expect("fewer than 2^31 sets")).collect();
        Self { on_device: Tensor::from_data(indices.as_slice(), device), of_trials }
    }

    pub fn of_trials(&self) -> &[u32] {
        &self.of_trials
    }

    /// Returns the set of each trial, `[trials]`.
    pub fn on_device(&self) -> &Tensor<B, 1, Int> {
        &self.on_device
    }

    fn part(&self, trials: &Range<usize>) -> Self {
        Self {
            of_trials: self.of_trials[trials.clone()].to_vec(),
            on_device: self.on_device.clone().slice([trials.clone()]),
        }
    }
}

/// Returns the values of some `trials` of a `[trials or 1, rows, columns]` tensor.
pub fn part<B: Backend>(values: &Tensor<B, 3>, trials: &Range<usize>) -> Tensor<B, 3> {
    let [count, rows, columns] = values.dims();
    if count == 1 {
        return values.clone();
    }
    values.clone().slice([trials.clone(), 0..rows, 0..columns])
}

impl<B: Backend> Input<B> {
    /// Creates an input that trials share as `sets` says; `values` is `[sets, batch, values]`.
    pub fn shared(values: Tensor<B, 3>, sets: Arc<Sets<B>>) -> Self {
        Self { values, sets: Some(sets) }
    }

    /// Returns `[trials or 1, batch, values]`, with a copy of a shared set for each of its trials.
    pub fn per_trial(&self) -> Tensor<B, 3> {
        match &self.sets {
            Some(sets) => self.values.clone().select(0, sets.on_device.clone()),
            None => self.values.clone(),
        }
    }

    pub fn part(&self, trials: &Range<usize>) -> Self {
        match &self.sets {
            Some(sets) => Self::shared(self.values.clone(), Arc::new(sets.part(trials))),
            None => part(&self.values, trials).into(),
        }
    }

    /// Joins the inputs of groups of trials, each with its number of trials: a copy of the values for each trial.
    pub fn of_all<'a>(groups: impl Iterator<Item = (&'a Self, usize)>) -> Self {
        let of_groups = groups.map(|(input, trials)| {
            let values = input.per_trial();
            if values.dims()[0] < trials { values.repeat_dim(0, trials) } else { values }
        });
        Tensor::cat(of_groups.collect(), 0).into()
    }

    pub fn batch(&self) -> usize {
        self.values.dims()[1]
    }
}

/// Creates an input from `[trials or 1, batch, values]`: a set for each trial, or one for all.
impl<B: Backend> From<Tensor<B, 3>> for Input<B> {
    fn from(values: Tensor<B, 3>) -> Self {
        Self { values, sets: None }
    }
}
