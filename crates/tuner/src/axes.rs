//! The axes of a grid and the configurations they span.

use algorithms::Algorithm;
use model::{Activation, Initialization};
use training::FirstWeights;

use crate::Configuration;

/// The values along each axis of a grid; none is empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Axes {
    /// Learning rules.
    pub algorithm: Vec<Algorithm>,
    /// Units of each hidden layer.
    pub hidden: Vec<Vec<u32>>,
    /// Activations of the hidden layers.
    pub activation: Vec<Activation>,
    /// With and without batch norm.
    pub batch_norm: Vec<bool>,
    /// With and without biases.
    pub bias: Vec<bool>,
    /// How forward weights start.
    pub weights: Vec<FirstWeights>,
    /// How feedback matrices are drawn; dropped for rules without feedback.
    pub feedback: Vec<Initialization>,
    /// Adam's learning rates.
    pub learning_rate: Vec<f64>,
    /// Shares of hidden units dropped in training.
    pub dropout: Vec<f64>,
    /// L2 coefficients.
    pub weight_decay: Vec<f64>,
}

/// Every value of `axis` in every configuration so far.
fn cross<T: Clone>(
    points: Vec<Configuration>,
    axis: &[T],
    set: impl Fn(&mut Configuration, T),
) -> Vec<Configuration> {
    let mut crossed = Vec::with_capacity(points.len() * axis.len());
    for point in points {
        for value in axis {
            let mut point = point.clone();
            set(&mut point, value.clone());
            crossed.push(point);
        }
    }
    crossed
}

impl Axes {
    /// How many points the grid has at most.
    #[must_use]
    pub fn size(&self) -> usize {
        [
            self.algorithm.len(),
            self.hidden.len(),
            self.activation.len(),
            self.batch_norm.len(),
            self.bias.len(),
            self.weights.len(),
            self.feedback.len(),
            self.learning_rate.len(),
            self.dropout.len(),
            self.weight_decay.len(),
        ]
        .into_iter()
        .fold(1, usize::saturating_mul)
    }

    /// Every point of the grid once: an axis that does not apply to a rule is dropped, so that no two configurations
    /// are the same work.
    #[must_use]
    pub fn configurations(&self) -> Vec<Configuration> {
        let mut points = Vec::new();
        for &algorithm in &self.algorithm {
            points.push(Configuration {
                algorithm,
                hidden: Vec::new(),
                activation: Activation::Tanh,
                batch_norm: false,
                bias: true,
                weights: FirstWeights::Orthogonal,
                feedback: None,
                learning_rate: 0.0,
                dropout: 0.0,
                weight_decay: 0.0,
            });
        }
        points = cross(points, &self.hidden, |point, value| point.hidden = value);
        points = cross(points, &self.activation, |point, value| point.activation = value);
        points = cross(points, &self.batch_norm, |point, value| point.batch_norm = value);
        points = cross(points, &self.bias, |point, value| point.bias = value);
        points = cross(points, &self.weights, |point, value| point.weights = value);
        points = cross(points, &self.feedback, |point, value| {
            point.feedback = point.algorithm.uses_feedback().then_some(value);
        });
        points = cross(points, &self.learning_rate, |point, value| point.learning_rate = value);
        points = cross(points, &self.dropout, |point, value| point.dropout = value);
        points = cross(points, &self.weight_decay, |point, value| point.weight_decay = value);
        without_repeats(points)
    }
}

fn without_repeats(points: Vec<Configuration>) -> Vec<Configuration> {
    // The description names every field that differs, so equal text is equal work.
    let mut seen = std::collections::HashSet::new();
    points.into_iter().filter(|point| seen.insert(point.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::subsequence};

    fn axes() -> Axes {
        Axes {
            algorithm: Algorithm::ALL.into(),
            hidden: vec![vec![8], vec![8, 4]],
            activation: vec![Activation::Tanh],
            batch_norm: vec![false],
            bias: vec![true],
            weights: vec![FirstWeights::Orthogonal],
            feedback: vec![Initialization::Orthogonal, Initialization::LecunNormal],
            learning_rate: vec![1e-3, 1e-2],
            dropout: vec![0.0],
            weight_decay: vec![0.0],
        }
    }

    #[test]
    fn backprop_has_no_feedback_axis() {
        // Four rules with two feedbacks, backprop with none: (4 x 2 + 1) x 2 networks x 2 rates.
        assert_eq!(axes().configurations().len(), 36);
    }

    proptest! {
        #[test]
        fn every_point_is_there_once(
            algorithm in subsequence(Algorithm::ALL.to_vec(), 1..=5),
            batch_norm in subsequence(vec![false, true], 1..=2),
            learning_rate in subsequence(vec![1e-4, 1e-3, 1e-2, 1e-1, 1e-3], 1..=5),
            dropout in subsequence(vec![0.0, 0.1, 0.25], 1..=3),
        ) {
            let axes = Axes { algorithm, batch_norm, learning_rate, dropout, ..axes() };
            let configurations = axes.configurations();
            for (index, one) in configurations.iter().enumerate() {
                for other in &configurations[index + 1..] {
                    prop_assert_ne!(one, other);
                    prop_assert_ne!(one.slug(), other.slug());
                }
            }
            let mut rates = axes.learning_rate.clone();
            rates.dedup_by(|left, right| left == right);
            rates.sort_by(f64::total_cmp);
            rates.dedup();
            let rules: usize =
                axes.algorithm.iter().map(|rule| if rule.uses_feedback() { 2 } else { 1 }).sum();
            prop_assert_eq!(
                configurations.len(),
                rules * 2 * axes.batch_norm.len() * rates.len() * axes.dropout.len()
            );
        }
    }
}
