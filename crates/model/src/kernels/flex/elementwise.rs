//! Operations on one value at a time, over slices; each is compiled for several vector widths.

use pulp::Arch;

use super::{
    exp::{exp, sigmoid},
    tanh::tanh,
};
use crate::activation::LEAK;
use settings::Activation;

/// The activation of every preactivation, in place.
pub(super) fn apply(activation: Activation, values: &mut [f32]) {
    let arch = Arch::new();
    match activation {
        Activation::Tanh => arch.dispatch(|| each(values, tanh)),
        Activation::Relu => arch.dispatch(|| each(values, |value| if value < 0.0 { 0.0 } else { value })),
        Activation::Swish => arch.dispatch(|| each(values, |value| value * sigmoid(value))),
        Activation::LeakyRelu => {
            arch.dispatch(|| each(values, |value| if value > 0.0 { value } else { value * LEAK as f32 }));
        }
    }
}

/// [`apply`], and the slope of each.
pub(super) fn activate(activation: Activation, values: &mut [f32], slopes: &mut [f32]) {
    let arch = Arch::new();
    match activation {
        Activation::Tanh => arch.dispatch(|| {
            each_with_slope(values, slopes, |value| {
                let output = tanh(value);
                (output, 1.0 - output * output)
            });
        }),
        Activation::Relu => arch.dispatch(|| {
            each_with_slope(values, slopes, |value| {
                (if value < 0.0 { 0.0 } else { value }, if value >= 0.0 { 1.0 } else { 0.0 })
            });
        }),
        Activation::Swish => arch.dispatch(|| {
            each_with_slope(values, slopes, |value| {
                let gate = sigmoid(value);
                let output = value * gate;
                (output, gate + output * (1.0 - gate))
            });
        }),
        Activation::LeakyRelu => arch.dispatch(|| {
            each_with_slope(values, slopes, |value| {
                if value > 0.0 { (value, 1.0) } else { (value * LEAK as f32, LEAK as f32) }
            });
        }),
    }
}

/// `values + addends`, in place.
pub(super) fn add(values: &mut [f32], addends: &[f32]) {
    Arch::new().dispatch(|| {
        for (value, addend) in values.iter_mut().zip(addends) {
            *value += addend;
        }
    });
}

/// `values * factors`, in place.
pub(super) fn scale(values: &mut [f32], factors: &[f32]) {
    Arch::new().dispatch(|| {
        for (value, factor) in values.iter_mut().zip(factors) {
            *value *= factor;
        }
    });
}

/// The sum of `left * right`, in double precision.
pub(super) fn inner_product(left: &[f32], right: &[f32]) -> f64 {
    /// Sums that run side by side, so that a vector's worth of values is added at a time.
    const LANES: usize = 16;
    Arch::new().dispatch(|| {
        let mut sums = [0.0_f64; LANES];
        let (left, left_rest) = left.as_chunks::<LANES>();
        let (right, right_rest) = right.as_chunks::<LANES>();
        for (left, right) in left.iter().zip(right) {
            for lane in 0..LANES {
                sums[lane] += f64::from(left[lane]) * f64::from(right[lane]);
            }
        }
        let rest = left_rest.iter().zip(right_rest).map(|(left, right)| f64::from(*left) * f64::from(*right));
        sums.iter().sum::<f64>() + rest.sum::<f64>()
    })
}

/// Makes logits the error of the softmax against a one-hot `target`, not divided by the batch; gives the
/// cross-entropy.
pub(super) fn cross_entropy(logits: &mut [f32], target: &[f32]) -> f32 {
    Arch::new().dispatch(|| {
        // `max` passes over NaN, which `exp` below brings back.
        let largest = logits.iter().fold(f32::NEG_INFINITY, |largest, logit| largest.max(*logit));
        let wanted: f32 = logits.iter().zip(target).map(|(logit, target)| target * (logit - largest)).sum();
        each(logits, |logit| exp(logit - largest));
        let sum: f32 = logits.iter().sum();
        for (value, target) in logits.iter_mut().zip(target) {
            *value = *value / sum - target;
        }
        sum.ln() - wanted
    })
}

#[inline(always)]
fn each(values: &mut [f32], function: impl Fn(f32) -> f32) {
    for value in values {
        *value = function(*value);
    }
}

#[inline(always)]
fn each_with_slope(values: &mut [f32], slopes: &mut [f32], function: impl Fn(f32) -> (f32, f32)) {
    for (value, slope) in values.iter_mut().zip(slopes) {
        (*value, *slope) = function(*value);
    }
}
