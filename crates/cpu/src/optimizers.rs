//! The last step of an update: what an optimizer does with a vector of values.

use crate::vector::Vector;

/// An optimizer's settings for one trial, with as many numbers of state for each value as `STATES` says.
///
/// A step has two halves, between which other vectors are worked on: the result of a slow operation, like a root, is not needed
/// at once. Every operation is on one value at a time.
pub trait Optimizer<const STATES: usize>: Copy + Send + Sync {
    /// Returns the new states, and a vector that the second half needs, too.
    ///
    /// # Safety
    /// The processor has the instruction set of `V`.
    unsafe fn first_half<V: Vector>(self, gradient: V, value: V, states: [V; STATES]) -> ([V; STATES], V);

    /// Returns the new value, from the new states and what the first half returned.
    ///
    /// # Safety
    /// The processor has the instruction set of `V`.
    unsafe fn second_half<V: Vector>(self, value: V, states: [V; STATES], kept: V) -> V;
}

/// Adam with epsilon outside the bias correction, and L2 decay as a part of the gradient.
#[derive(Clone, Copy)]
pub struct Adam {
    /// The fraction of the gradient's average that a step keeps, and that of the squared gradient's.
    pub betas: [f64; 2],
    pub epsilon: f64,
    /// The learning rate with its bias correction.
    pub rate: f32,
    pub decay: f32,
}

impl Optimizer<2> for Adam {
    #[inline(always)]
    unsafe fn first_half<V: Vector>(self, gradient: V, value: V, [first, second]: [V; 2]) -> ([V; 2], V) {
        // SAFETY: the caller guarantees the instruction set.
        unsafe {
            let gradient = gradient.add(value.mul(V::splat(self.decay)));
            let new_first = gradient.mul(V::splat((1.0 - self.betas[0]) as f32));
            let first = first.mul_add(V::splat(self.betas[0] as f32), new_first);
            let new_second = gradient.mul(gradient).mul(V::splat((1.0 - self.betas[1]) as f32));
            let second = second.mul_add(V::splat(self.betas[1] as f32), new_second);
            ([first, second], second.sqrt())
        }
    }

    #[inline(always)]
    unsafe fn second_half<V: Vector>(self, value: V, [first, _]: [V; 2], root: V) -> V {
        // SAFETY: the caller guarantees the instruction set.
        unsafe { first.div(root.add(V::splat(self.epsilon as f32))).mul_add(V::splat(-self.rate), value) }
    }
}
