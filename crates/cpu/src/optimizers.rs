//! Optimizers: the last step of an update, on a vector of values.

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

/// The numbers of a trial's step.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    /// The learning rate, with its bias correction.
    pub rate: f32,
    /// The L2 coefficient, whose term is part of the gradient.
    pub decay: f32,
    /// The factor on values before the step: 1 without decoupled decay.
    pub kept: f32,
}

impl Numbers {
    /// Adds the L2 term to a gradient.
    #[inline(always)]
    unsafe fn decayed<V: Vector>(self, gradient: V, value: V) -> V {
        // SAFETY: the caller guarantees the instruction set.
        unsafe { gradient.add(value.mul(V::splat(self.decay))) }
    }

    /// Returns the value after a step in the direction of `difference`.
    #[inline(always)]
    unsafe fn moved<V: Vector>(self, value: V, difference: V) -> V {
        // SAFETY: the caller guarantees the instruction set.
        unsafe { difference.mul_add(V::splat(-self.rate), value.mul(V::splat(self.kept))) }
    }
}

/// Returns `kept old + (1 - kept) new`.
#[inline(always)]
unsafe fn average<V: Vector>(old: V, new: V, kept: f64) -> V {
    // SAFETY: the caller guarantees the instruction set.
    unsafe { old.mul_add(V::splat(kept as f32), new.mul(V::splat((1.0 - kept) as f32))) }
}

/// Adam with epsilon outside the bias correction.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    pub numbers: Numbers,
    /// The share of the gradient's average that a step keeps, and that of the squared gradient's.
    pub betas: [f64; 2],
    pub epsilon: f64,
}

impl Optimizer<2> for Adam {
    #[inline(always)]
    unsafe fn first_half<V: Vector>(self, gradient: V, value: V, [first, second]: [V; 2]) -> ([V; 2], V) {
        // SAFETY: the caller guarantees the instruction set.
        unsafe {
            let gradient = self.numbers.decayed(gradient, value);
            let first = average(first, gradient, self.betas[0]);
            let second = average(second, gradient.mul(gradient), self.betas[1]);
            ([first, second], second.sqrt())
        }
    }

    #[inline(always)]
    unsafe fn second_half<V: Vector>(self, value: V, [first, _]: [V; 2], root: V) -> V {
        // SAFETY: the caller guarantees the instruction set.
        unsafe { self.numbers.moved(value, first.div(root.add(V::splat(self.epsilon as f32)))) }
    }
}

/// RMSprop, not centered and without momentum.
#[derive(Clone, Copy, Debug)]
pub struct RmsProp {
    pub numbers: Numbers,
    /// The share of the squared gradient's average that a step keeps.
    pub smoothing: f64,
    pub epsilon: f64,
}

impl Optimizer<1> for RmsProp {
    #[inline(always)]
    unsafe fn first_half<V: Vector>(self, gradient: V, value: V, [square]: [V; 1]) -> ([V; 1], V) {
        // SAFETY: the caller guarantees the instruction set.
        unsafe {
            let gradient = self.numbers.decayed(gradient, value);
            let square = average(square, gradient.mul(gradient), self.smoothing);
            ([square], gradient.div(square.sqrt().add(V::splat(self.epsilon as f32))))
        }
    }

    #[inline(always)]
    unsafe fn second_half<V: Vector>(self, value: V, _: [V; 1], difference: V) -> V {
        // SAFETY: the caller guarantees the instruction set.
        unsafe { self.numbers.moved(value, difference) }
    }
}

/// Gradient descent without momentum.
#[derive(Clone, Copy, Debug)]
pub struct Descent {
    pub numbers: Numbers,
}

impl Optimizer<0> for Descent {
    #[inline(always)]
    unsafe fn first_half<V: Vector>(self, gradient: V, value: V, _: [V; 0]) -> ([V; 0], V) {
        // SAFETY: the caller guarantees the instruction set.
        unsafe { ([], self.numbers.decayed(gradient, value)) }
    }

    #[inline(always)]
    unsafe fn second_half<V: Vector>(self, value: V, _: [V; 0], gradient: V) -> V {
        // SAFETY: the caller guarantees the instruction set.
        unsafe { self.numbers.moved(value, gradient) }
    }
}

/// Gradient descent with momentum.
#[derive(Clone, Copy, Debug)]
pub struct Momentum {
    pub numbers: Numbers,
    /// The share of the velocity that a step keeps.
    pub momentum: f64,
    pub nesterov: bool,
}

impl Optimizer<1> for Momentum {
    #[inline(always)]
    unsafe fn first_half<V: Vector>(self, gradient: V, value: V, [velocity]: [V; 1]) -> ([V; 1], V) {
        // SAFETY: the caller guarantees the instruction set.
        unsafe {
            let gradient = self.numbers.decayed(gradient, value);
            let momentum = V::splat(self.momentum as f32);
            let velocity = velocity.mul_add(momentum, gradient);
            ([velocity], if self.nesterov { velocity.mul_add(momentum, gradient) } else { velocity })
        }
    }

    #[inline(always)]
    unsafe fn second_half<V: Vector>(self, value: V, _: [V; 1], difference: V) -> V {
        // SAFETY: the caller guarantees the instruction set.
        unsafe { self.numbers.moved(value, difference) }
    }
}
