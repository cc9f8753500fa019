//! The difference of two values, with its rounding error.

/// A difference with a bound of its rounding error.
#[derive(Clone, Copy)]
pub(crate) struct Difference {
    pub(crate) value: f64,
    rounding: f64,
}

impl Difference {
    pub(crate) fn of(this: f64, other: f64) -> Self {
        // Each value was rounded about twice before: an error rate is 100 k / n.
        let rounding = 2.0 * f64::EPSILON * this.abs().max(other.abs());
        Self { value: this - other, rounding }
    }

    pub(crate) fn is_zero(self) -> bool {
        self.value.abs() <= self.rounding
    }

    pub(crate) fn is_equal_to(self, other: Self) -> bool {
        (self.value - other.value).abs() <= self.rounding + other.rounding
    }

    pub(crate) fn magnitude(self) -> Self {
        Self { value: self.value.abs(), ..self }
    }
}
