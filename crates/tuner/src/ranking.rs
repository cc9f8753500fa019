//! The ranking of configurations by their mean over all seeds, never by the best seed.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    num::NonZeroU32,
};

use settings::{Axis, Configuration};

/// The values of a configuration, one for each requested seed; absent where a seed has no value.
pub type Values = Vec<Option<f64>>;

/// Returns the mean over all seeds; none unless every seed has a finite value, because a mean over the other seeds would not
/// be comparable.
pub fn complete_mean(values: &[Option<f64>]) -> Option<f64> {
    let values: Option<Vec<f64>> = values.iter().copied().collect();
    let values =
        values.filter(|values| !values.is_empty() && values.iter().all(|value| value.is_finite()))?;
    Some(values.iter().sum::<f64>() / values.len() as f64)
}

/// Returns the mean over the seeds with a finite value; infinity if there are none.
fn partial_mean(values: &[Option<f64>]) -> f64 {
    let present: Vec<f64> = values.iter().copied().flatten().filter(|value| value.is_finite()).collect();
    if present.is_empty() { f64::INFINITY } else { present.iter().sum::<f64>() / present.len() as f64 }
}

/// Configurations by rank. A configuration is identified by its index.
pub struct Ranking {
    /// The configurations from best to worst: the complete ones by their mean, smallest first, then the incomplete ones by the
    /// mean of the values that they have. Equal ones keep their order.
    pub order: Vec<usize>,
    /// The mean of each configuration, if all its seeds have a value.
    pub means: Vec<Option<f64>>,
    /// The [`group`] of each configuration that is among the best of its group.
    pub best_of: Vec<Option<String>>,
}

/// The number of configurations of a group that are among its best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Best {
    /// This number, or all complete ones if there are fewer.
    Count(NonZeroU32),
    /// One of this number of configurations, complete or not, rounded down but at least one.
    OneOf(NonZeroU32),
}

impl Best {
    pub const ONE: Self = Self::Count(NonZeroU32::MIN);

    /// Returns the largest number of configurations that are the best of a group of `size`.
    pub fn of(self, size: usize) -> usize {
        match self {
            Self::Count(count) => size.min(count.get() as usize),
            Self::OneOf(eta) => (size / eta.get() as usize).max(1).min(size),
        }
    }
}

/// Writes `the best`, `the best 3` or `the best third`.
impl fmt::Display for Best {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(NonZeroU32::MIN) => f.write_str("the best"),
            Self::Count(count) => write!(f, "the best {count}"),
            Self::OneOf(eta) => match eta.get() {
                2 => f.write_str("the best half"),
                3 => f.write_str("the best third"),
                4 => f.write_str("the best quarter"),
                eta => write!(f, "the best 1/{eta}"),
            },
        }
    }
}

/// Ranks configurations by their values, and finds the `best` of each combination of values on the axes `per`.
pub fn rank(configurations: &[&Configuration], values: &[Values], per: &[Axis], best: Best) -> Ranking {
    let means: Vec<Option<f64>> = values.iter().map(|values| complete_mean(values)).collect();
    let key =
        |index: usize| (means[index].is_none(), means[index].unwrap_or_else(|| partial_mean(&values[index])));
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&left, &right| {
        let ((is_left_incomplete, left), (is_right_incomplete, right)) = (key(left), key(right));
        is_left_incomplete.cmp(&is_right_incomplete).then(left.total_cmp(&right))
    });
    let mut best_of: Vec<Option<String>> = vec![None; configurations.len()];
    let mut left = HashMap::new();
    for (group, size) in group_sizes(configurations.iter().copied(), per) {
        left.insert(group, best.of(size));
    }
    for &index in order.iter().filter(|&&index| means[index].is_some()) {
        let group = group(configurations[index], per);
        if let Some(left) = left.get_mut(&group).filter(|left| **left > 0) {
            *left -= 1;
            best_of[index] = Some(group);
        }
    }
    Ranking { order, means, best_of }
}

/// Returns the number of configurations of each group.
pub fn group_sizes<'a>(
    configurations: impl Iterator<Item = &'a Configuration>,
    per: &[Axis],
) -> BTreeMap<String, usize> {
    let mut sizes = BTreeMap::new();
    for configuration in configurations {
        *sizes.entry(group(configuration, per)).or_default() += 1;
    }
    sizes
}

/// Returns the group of `configuration`, by its values on the axes `per`: `dfa`, `dfa, batch_norm true`, `without feedback`
/// where none of the axes applies, or `all` without axes.
pub fn group(configuration: &Configuration, per: &[Axis]) -> String {
    if per.is_empty() {
        return "all".to_owned();
    }
    let words = per.iter().map(|axis| axis.words(configuration));
    let words: Vec<String> = words.filter(|words| !words.is_empty()).collect();
    if words.is_empty() {
        let names: Vec<&str> = per.iter().map(|axis| axis.name()).collect();
        return format!("without {}", names.join(", "));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use settings::Algorithm;

    use super::*;

    fn configuration(algorithm: Algorithm, learning_rate: f64, batch_norm: bool) -> Configuration {
        Configuration { batch_norm, ..Configuration::new(algorithm, &[8], learning_rate) }
    }

    #[test]
    fn incomplete_configurations_rank_behind_all_complete_ones() {
        let values = vec![
            vec![Some(3.0), Some(5.0)],
            vec![Some(1.0), None],
            vec![None, None],
            vec![Some(2.0), Some(2.0)],
            vec![Some(0.1), Some(f64::NAN)],
        ];
        let configuration = configuration(Algorithm::Dfa, 1e-3, false);
        assert_eq!(rank(&[&configuration; 5], &values, &[], Best::ONE).order, [3, 0, 4, 1, 2]);
        assert_eq!(complete_mean(&values[0]), Some(4.0));
        assert_eq!((complete_mean(&values[1]), complete_mean(&[])), (None, None));
    }

    #[test]
    fn each_group_has_one_winner_and_never_the_column_wise_minimum() {
        // The best rate of dfa is the first, that of drtp the second.
        let configurations = [
            configuration(Algorithm::Dfa, 1e-4, false),
            configuration(Algorithm::Dfa, 1e-3, false),
            configuration(Algorithm::Drtp, 1e-4, false),
            configuration(Algorithm::Drtp, 1e-3, false),
        ];
        let configurations: Vec<&Configuration> = configurations.iter().collect();
        let values = [8.33, 15.89, 51.14, 34.04].map(|value| vec![Some(value)]).to_vec();
        let best = rank(&configurations, &values, &[Axis::Algorithm], Best::ONE).best_of;
        assert_eq!(best, [Some("dfa".to_owned()), None, None, Some("drtp".to_owned())]);
        let best = rank(&configurations, &values, &[], Best::ONE).best_of;
        assert_eq!(best, [Some("all".to_owned()), None, None, None]);
    }

    #[test]
    fn the_best_of_a_group_are_its_first_complete_ones() {
        let rates = [1e-4, 1e-3, 1e-2, 1e-1];
        let mut configurations: Vec<Configuration> =
            rates.iter().map(|rate| configuration(Algorithm::Dfa, *rate, false)).collect();
        configurations.push(configuration(Algorithm::Drtp, 1e-4, false));
        configurations.push(configuration(Algorithm::Drtp, 1e-3, false));
        let configurations: Vec<&Configuration> = configurations.iter().collect();
        let values =
            [Some(4.0), Some(2.0), Some(3.0), Some(1.0), Some(5.0), None].map(|value| vec![value]).to_vec();
        let chosen = |count| -> Vec<usize> {
            let best_of = rank(&configurations, &values, &[Axis::Algorithm], count).best_of;
            (0..best_of.len()).filter(|&index| best_of[index].is_some()).collect()
        };
        let number = |number| NonZeroU32::new(number).expect("not 0");
        assert_eq!(chosen(Best::ONE), [3, 4]);
        assert_eq!(chosen(Best::Count(number(3))), [1, 2, 3, 4], "drtp has one complete configuration");
        assert_eq!(chosen(Best::Count(number(9))), [0, 1, 2, 3, 4]);
        assert_eq!(chosen(Best::OneOf(number(2))), [1, 3, 4], "half of four, and of two");
        assert_eq!(chosen(Best::OneOf(number(3))), [3, 4], "a third, rounded down");
        assert_eq!(chosen(Best::OneOf(number(9))), [3, 4], "at least one");
    }

    #[test]
    fn groups_of_several_axes_are_named_by_all_of_them() {
        let configurations =
            [configuration(Algorithm::Dfa, 1e-3, true), configuration(Algorithm::Dfa, 1e-3, false)];
        let configurations: Vec<&Configuration> = configurations.iter().collect();
        let values = vec![vec![Some(1.0)], vec![None]];
        let best = rank(&configurations, &values, &[Axis::Algorithm, Axis::BatchNorm], Best::ONE).best_of;
        assert_eq!(
            best,
            [Some("dfa, batch_norm true".to_owned()), None],
            "an incomplete configuration is never the best"
        );
    }
}
