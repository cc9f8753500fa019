//! Who was best? Over all seeds of a configuration, never over the best of them.

use settings::{Axis, Configuration};

/// The values of a configuration, one for each seed that was asked for; absent where a seed gave none.
pub type Values = Vec<Option<f64>>;

/// The mean over all seeds; none unless every seed gave a number: a mean over survivors is no rival.
#[must_use]
pub fn complete_mean(values: &[Option<f64>]) -> Option<f64> {
    let values: Option<Vec<f64>> = values.iter().copied().collect();
    let values =
        values.filter(|values| !values.is_empty() && values.iter().all(|value| value.is_finite()))?;
    Some(values.iter().sum::<f64>() / values.len() as f64)
}

/// Positions of configurations by their values: the complete ones first, those of smallest mean before the others, and
/// the earlier of equals before the later; then the incomplete ones, by the mean of what they have.
#[must_use]
pub fn order(values: &[Values]) -> Vec<usize> {
    let of_survivors = |values: &Values| {
        let present: Vec<f64> = values.iter().copied().flatten().filter(|value| value.is_finite()).collect();
        if present.is_empty() { f64::INFINITY } else { present.iter().sum::<f64>() / present.len() as f64 }
    };
    let mut positions: Vec<usize> = (0..values.len()).collect();
    positions.sort_by(|&left, &right| {
        let key = |position: usize| {
            let mean = complete_mean(&values[position]);
            (mean.is_none(), mean.unwrap_or_else(|| of_survivors(&values[position])))
        };
        let ((is_left_incomplete, left), (is_right_incomplete, right)) = (key(left), key(right));
        is_left_incomplete.cmp(&is_right_incomplete).then(left.total_cmp(&right))
    });
    positions
}

/// What the configuration at each position is the best of: of those with its values on the axes `per`, in words; none for the
/// others. `order` is that of [`order`].
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

/// The group of `configuration`, by its values on the axes `per`: `dfa`, `dfa, batch_norm true`, `without feedback` where none
/// of them applies, or `all` where there are none.
#[must_use]
pub fn group(configuration: &Configuration, per: &[Axis]) -> String {
    let words = per.iter().map(|axis| axis.words(configuration));
    let words: Vec<String> = words.filter(|words| !words.is_empty()).collect();
    let names = || per.iter().map(|axis| axis.name()).collect::<Vec<_>>().join(", ");
    match (per.is_empty(), words.is_empty()) {
        (true, _) => "all".to_owned(),
        (false, true) => format!("without {}", names()),
        (false, false) => words.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use settings::Algorithm;

    use super::*;

    fn configuration(algorithm: Algorithm, learning_rate: f64, batch_norm: bool) -> Configuration {
        Configuration { batch_norm, ..Configuration::new(algorithm, &[8], learning_rate) }
    }

    #[test]
    fn a_mean_over_survivors_ranks_behind_all_complete_ones() {
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
        // The rates that suit the rules differ: dfa wants the first, drtp the second.
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
        assert_eq!(best, [Some("dfa, batch_norm true".to_owned()), None], "who is incomplete wins nothing");
    }
}
