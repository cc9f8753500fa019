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

/// A moving average of gradients or of squared gradients.
#[derive(Clone, Copy, Debug)]
pub struct Average {
    /// The share of the old average that a step keeps.
    pub kept: f32,
    /// The share of the new number.
    pub new: f32,
}

impl Average {
    /// Returns the average after a step.
    #[inline(always)]
    unsafe fn after<V: Vector>(self, old: V, new: V) -> V {
        // SAFETY: the caller guarantees the instruction set.
        unsafe { old.mul_add(V::splat(self.kept), new.mul(V::splat(self.new))) }
    }
}

/// Adam with epsilon outside the bias correction.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    pub numbers: Numbers,
    /// The average of the gradient.
    pub first: Average,
    /// The average of the squared gradient.
    pub square: Average,
    pub epsilon: f32,
}

impl Optimizer<2> for Adam {
    #[inline(always)]
    unsafe fn first_half<V: Vector>(self, gradient: V, value: V, [first, second]: [V; 2]) -> ([V; 2], V) {
        // SAFETY: the caller guarantees the instruction set.
        unsafe {
            let gradient = self.numbers.decayed(gradient, value);
            let first = self.first.after(first, gradient);
            let second = self.square.after(second, gradient.mul(gradient));
            ([first, second], second.sqrt())
        }
    }

    #[inline(always)]
    unsafe fn second_half<V: Vector>(self, value: V, [first, _]: [V; 2], root: V) -> V {
        // SAFETY: the caller guarantees the instruction set.
        unsafe { self.numbers.moved(value, first.div(root.add(V::splat(self.epsilon)))) }
    }
}

/// RMSprop, not centered and without momentum.
#[derive(Clone, Copy, Debug)]
pub struct RmsProp {
    pub numbers: Numbers,
    /// The average of the squared gradient.
    pub square: Average,
    pub epsilon: f32,
}

impl Optimizer<1> for RmsProp {
    #[inline(always)]
    unsafe fn first_half<V: Vector>(self, gradient: V, value: V, [square]: [V; 1]) -> ([V; 1], V) {
        // SAFETY: the caller guarantees the instruction set.
        unsafe {
            let gradient = self.numbers.decayed(gradient, value);
            let square = self.square.after(square, gradient.mul(gradient));
            ([square], gradient.div(square.sqrt().add(V::splat(self.epsilon))))
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
    pub momentum: f32,
    pub nesterov: bool,
}

impl Optimizer<1> for Momentum {
    #[inline(always)]
    unsafe fn first_half<V: Vector>(self, gradient: V, value: V, [velocity]: [V; 1]) -> ([V; 1], V) {
        // SAFETY: the caller guarantees the instruction set.
        unsafe {
            let gradient = self.numbers.decayed(gradient, value);
            let momentum = V::splat(self.momentum);
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
