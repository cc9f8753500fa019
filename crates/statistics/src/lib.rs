//! What do a few paired numbers say? Pure functions over values of seeds; no trial, no file.
//!
//! The numbers agree with SciPy's (`ttest_rel`, `wilcoxon`), which the tests hold against stored cases. What differs is said where it
//! does: see [`compare`].

mod compare;
mod describe;
mod holm;
mod student;
mod wilcoxon;

pub use compare::compare;
pub use describe::describe;
pub use holm::holm;

/// A confidence interval, or any other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// Values of one quantity over the seeds of a configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Description {
    /// How many values.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation (n - 1); absent for a single value.
    pub deviation: Option<f64>,
    /// The 95 % confidence interval of the mean, by Student's t; absent for a single value.
    pub interval: Option<Interval>,
    /// Their median.
    pub median: f64,
}

/// One configuration against another, seed by seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Seeds that both have a value for.
    pub pairs: usize,
    /// The mean difference: this one less the other.
    pub difference: f64,
    /// The 95 % confidence interval of the mean difference, by Student's t; absent for a single pair, and where all differences are
    /// equal.
    pub interval: Option<Interval>,
    /// Cohen's d for paired samples: the mean difference over the standard deviation of the differences; absent for a
    /// single pair, and where all differences are equal.
    pub effect_size: Option<f64>,
    /// Two-sided p of the paired t test; absent where there is no effect size.
    pub t_test: Option<f64>,
    /// Two-sided p of Wilcoxon's signed-rank test, exact up to fifty differences that are not zero; absent below six of them,
    /// where it cannot fall below 5 %.
    pub wilcoxon: Option<f64>,
}
