//! Statistics of a few values over seeds, of paired values of two configurations, and of the configurations of a search. Pure functions: no
//! trial, no file.
//!
//! Results agree with SciPy's (`ttest_rel`, `wilcoxon`), which tests check on stored cases; [`compare`] says where they differ.

mod compare;
mod describe;
mod difference;
mod draws;
mod effects;
mod holm;
mod student;
mod wilcoxon;

pub use compare::compare;
pub use describe::describe;
pub use draws::best_of_draws;
pub use effects::{is_complete_grid, levels_without_values, main_effects, share_between};
pub use holm::holm;

/// The smallest number of values by which others are judged. Of two, the interval reaches nine standard deviations to either side, and
/// the smallest differences look like large effects.
const SMALLEST_SAMPLE: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// The values of one quantity over the seeds of a configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Description {
    pub count: usize,
    pub mean: f64,
    /// The sample standard deviation (n - 1); absent for a single value.
    pub deviation: Option<f64>,
    /// The 95 % confidence interval of the mean, by Student's t; absent for fewer than three values.
    pub interval: Option<Interval>,
    pub median: f64,
}

/// The difference between two configurations, paired by seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The number of seeds for which both have a value.
    pub pairs: usize,
    /// The mean of this one minus the other.
    pub difference: f64,
    /// The 95 % confidence interval of the mean difference, by Student's t; absent for fewer than three pairs, and where all
    /// differences are equal.
    pub interval: Option<Interval>,
    /// Cohen's d for paired samples: the mean difference over the standard deviation of the differences; absent for
    /// fewer than three pairs, and where all differences are equal.
    pub effect_size: Option<f64>,
    /// The two-sided p value of the paired t test; absent where there is no effect size.
    pub t_test: Option<f64>,
    /// The two-sided p value of Wilcoxon's signed-rank test, exact up to fifty differences that are not zero; absent below six of them,
    /// because it could not fall below 5 %.
    pub wilcoxon: Option<f64>,
}

/// The best of some configurations, over all choices of as many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BestOfDraws {
    /// The share of the choices in which a configuration has a value. The other fields are over these.
    pub share: f64,
    pub mean: f64,
    /// The 10 % and 90 % quantiles.
    pub interval: Interval,
}

/// The shares of a variance on a complete grid. They sum up to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct MainEffects {
    /// The share that each axis explains alone.
    pub shares: Vec<f64>,
    /// The share that is left for interactions of axes.
    pub interactions: f64,
}
