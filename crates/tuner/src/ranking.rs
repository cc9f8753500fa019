//! The ranking of configurations by their mean over all seeds, never by the best seed.

use std::collections::HashMap;

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

/// Ranks configurations by their values, and finds the best `count` of each combination of values on the axes `per`: all complete ones if
/// there are fewer.
pub fn rank(configurations: &[&Configuration], values: &[Values], per: &[Axis], count: u32) -> Ranking {
    let means: Vec<Option<f64>> = values.iter().map(|values| complete_mean(values)).collect();
    let key =
        |index: usize| (means[index].is_none(), means[index].unwrap_or_else(|| partial_mean(&values[index])));
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&left, &right| {
        let ((is_left_incomplete, left), (is_right_incomplete, right)) = (key(left), key(right));
        is_left_incomplete.cmp(&is_right_incomplete).then(left.total_cmp(&right))
    });
    let mut best_of: Vec<Option<String>> = vec![None; configurations.len()];
    let mut found: HashMap<String, u32> = HashMap::new();
    for &index in order.iter().filter(|&&index| means[index].is_some()) {
        let group = group(configurations[index], per);
        let found = found.entry(group.clone()).or_default();
        if *found < count {
            *found += 1;
            best_of[index] = Some(group);
        }
    }
    Ranking { order, means, best_of }
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
        assert_eq!(rank(&[&configuration; 5], &values, &[], 1).order, [3, 0, 4, 1, 2]);
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
        let best = rank(&configurations, &values, &[Axis::Algorithm], 1).best_of;
        assert_eq!(best, [Some("dfa".to_owned()), None, None, Some("drtp".to_owned())]);
        let best = rank(&configurations, &values, &[], 1).best_of;
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
        assert_eq!(chosen(1), [3, 4]);
        assert_eq!(chosen(3), [1, 2, 3, 4], "drtp has one complete configuration");
        assert_eq!(chosen(9), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn groups_of_several_axes_are_named_by_all_of_them() {
        let configurations =
            [configuration(Algorithm::Dfa, 1e-3, true), configuration(Algorithm::Dfa, 1e-3, false)];
        let configurations: Vec<&Configuration> = configurations.iter().collect();
        let values = vec![vec![Some(1.0)], vec![None]];
        let best = rank(&configurations, &values, &[Axis::Algorithm, Axis::BatchNorm], 1).best_of;
        assert_eq!(
            best,
            [Some("dfa, batch_norm true".to_owned()), None],
            "an incomplete configuration is never the best"
        );
    }
}
