//! The ranking of configurations by their mean over all seeds, never by the best seed.

use settings::{Axis, Configuration};

/// The values of a configuration, one for each requested seed; absent where a seed has no value.
pub type Values = Vec<Option<f64>>;

/// Returns the mean over all seeds; none unless every seed has a finite value, because a mean over the other seeds would not
/// be comparable.
#[must_use]
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

/// Returns the positions of configurations from best to worst: the complete ones by their mean, smallest first, then the
/// incomplete ones by the mean of the values that they have. Equal ones keep their order.
#[must_use]
pub fn order(values: &[Values]) -> Vec<usize> {
    let keys: Vec<(bool, f64)> = values
        .iter()
        .map(|values| {
            let mean = complete_mean(values);
            (mean.is_none(), mean.unwrap_or_else(|| partial_mean(values)))
        })
        .collect();
    let mut positions: Vec<usize> = (0..values.len()).collect();
    positions.sort_by(|&left, &right| {
        let ((is_left_incomplete, left), (is_right_incomplete, right)) = (keys[left], keys[right]);
        is_left_incomplete.cmp(&is_right_incomplete).then(left.total_cmp(&right))
    });
    positions
}

/// Returns, for each configuration that is the best of its [`group`], the name of the group; none for the other
/// configurations. `order` is the result of [`order`].
#[must_use]
pub fn best_of(
    configurations: &[&Configuration],
    values: &[Values],
    order: &[usize],
    per: &[Axis],
) -> Vec<Option<String>> {
    let mut best: Vec<Option<String>> = vec![None; configurations.len()];
    let mut seen: Vec<String> = Vec::new();
    for &position in order.iter().filter(|&&position| complete_mean(&values[position]).is_some()) {
        let group = group(configurations[position], per);
        if !seen.contains(&group) {
            best[position] = Some(group.clone());
            seen.push(group);
        }
    }
    best
}

/// Returns the group of `configuration`, by its values on the axes `per`: `dfa`, `dfa, batch_norm true`, `without feedback`
/// where none of the axes applies, or `all` without axes.
#[must_use]
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
        assert_eq!(order(&values), [3, 0, 4, 1, 2]);
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
        let order = order(&values);
        let best = best_of(&configurations, &values, &order, &[Axis::Algorithm]);
        assert_eq!(best, [Some("dfa".to_owned()), None, None, Some("drtp".to_owned())]);
        let best = best_of(&configurations, &values, &order, &[]);
        assert_eq!(best, [Some("all".to_owned()), None, None, None]);
    }

    #[test]
    fn groups_of_several_axes_are_named_by_all_of_them() {
        let configurations =
            [configuration(Algorithm::Dfa, 1e-3, true), configuration(Algorithm::Dfa, 1e-3, false)];
        let configurations: Vec<&Configuration> = configurations.iter().collect();
        let values = vec![vec![Some(1.0)], vec![None]];
        let best = best_of(&configurations, &values, &order(&values), &[Axis::Algorithm, Axis::BatchNorm]);
        assert_eq!(
            best,
            [Some("dfa, batch_norm true".to_owned()), None],
            "an incomplete configuration is never the best"
        );
    }
}
