//! Adam, in place.

use burn::tensor::Tensor;
use burn_flex::{Flex, FlexTensor};
use pulp::Arch;

use super::{contiguous, product::Shared, tensor};
use crate::{
    AdamStep, Moments, Parameter,
    optimizer::{BETA_1, BETA_2, EPSILON},
};

/// What the optimizer needs for a trial.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    rate: f32,
    decay: f32,
}

impl Settings {
    /// Of every trial.
    pub(super) fn of(step: &AdamStep<Flex>) -> Vec<Self> {
        let values = |tensor: &Tensor<Flex, 3>| contiguous(tensor.clone()).storage::<f32>().to_vec();
        let rates = values(&step.rate);
        let decays = step.weight_decay.as_ref().map_or_else(|| vec![0.0; rates.len()], values);
        rates.into_iter().zip(decays).map(|(rate, decay)| Self { rate, decay }).collect()
    }

    pub(super) fn without_decay(self) -> Self {
        Self { decay: 0.0, ..self }
    }
}

/// A parameter's buffers, owned alone and contiguous.
pub(super) struct State {
    value: FlexTensor,
    first: FlexTensor,
    second: FlexTensor,
}

/// The buffers of a [`State`], of which several threads update parts that do not overlap.
#[derive(Clone, Copy)]
pub(super) struct SharedState {
    value: Shared,
    first: Shared,
    second: Shared,
}

impl State {
    pub(super) fn take(parameter: Parameter<Flex>) -> Self {
        let Parameter { value, moments } = parameter;
        Self {
            value: contiguous(value),
            first: contiguous(moments.first),
            second: contiguous(moments.second),
        }
    }

    pub(super) fn give(self) -> Parameter<Flex> {
        let moments = Moments { first: tensor(self.first), second: tensor(self.second) };
        Parameter { value: tensor(self.value), moments }
    }

    pub(super) fn shared(&mut self) -> SharedState {
        SharedState {
            value: Shared::new(self.value.storage_mut::<f32>()),
            first: Shared::new(self.first.storage_mut::<f32>()),
            second: Shared::new(self.second.storage_mut::<f32>()),
        }
    }
}

impl SharedState {
    /// Adam on the values from `start` on, against `gradient`.
    ///
    /// # Safety
    /// As for [`Shared::part`], with the part of `gradient`'s length at `start`.
    pub(super) unsafe fn update(self, start: usize, gradient: &[f32], settings: Settings) {
        let length = gradient.len();
        // SAFETY: the caller vouches for the part in each buffer.
        let (value, first, second) = unsafe {
            (self.value.part(start, length), self.first.part(start, length), self.second.part(start, length))
        };
        Arch::new().dispatch(|| adam(value, first, second, gradient, settings));
    }
}

/// The same operations in the same order as [`crate::Adam::update`], so that both give the same bits.
#[inline(always)]
fn adam(value: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32], settings: Settings) {
    const KEPT_1: f32 = BETA_1 as f32;
    const KEPT_2: f32 = BETA_2 as f32;
    const NEW_1: f32 = (1.0 - BETA_1) as f32;
    const NEW_2: f32 = (1.0 - BETA_2) as f32;
    let Settings { rate, decay } = settings;
    for (((value, first), second), gradient) in value.iter_mut().zip(first).zip(second).zip(gradient) {
        let gradient = *gradient + *value * decay;
        *first = *first * KEPT_1 + gradient * NEW_1;
        *second = *second * KEPT_2 + gradient * gradient * NEW_2;
        *value -= *first / (second.sqrt() + EPSILON as f32) * rate;
    }
}
