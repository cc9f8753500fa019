//! What the predecessor's default grid would take, by the rule of `plan --time`: steps of each rule were timed, and other networks
//! take longer by their weights.

use algorithms::Algorithm;
use pipeline::{
    file::Pipeline,
    stages::{Stage, Train},
};

use crate::Shape;

/// Official counts of CIFAR-10, so that no images are needed.
const TRAINING_IMAGES: f64 = 50_000.0;
const TEST_IMAGES: usize = 10_000;

fn train() -> Train {
    let text = include_str!("../../../pipelines/default-grid.ron");
    let pipeline =
        Pipeline::parse("default-grid.ron", text).expect("a test reads every pipeline of the project");
    let train = pipeline.stages.into_iter().find_map(|stage| match stage {
        Stage::Train(train) => Some(train),
        _ => None,
    });
    train.expect("it trains a grid")
}

/// What is timed for it.
pub(crate) fn shape() -> Shape {
    Shape {
        name: "the default grid's batch",
        batch: train().schedule.batch_size as usize,
        ..Shape::cifar10()
    }
}

/// Seconds for all of its trials to their last epoch, where a step of one trial at `shape` takes `step` of its rule.
pub(crate) fn seconds(shape: &Shape, step: impl Fn(Algorithm) -> f64) -> f64 {
    let train = train();
    let examples = (TRAINING_IMAGES * train.dataset.fraction) as usize;
    let steps = pipeline::steps_of_an_epoch(examples, TEST_IMAGES, train.schedule.batch_size);
    let steps = steps * f64::from(train.schedule.epochs) * train.seeds.len() as f64;
    let of_configuration = |configuration: &tuner::Configuration| {
        let hidden = configuration.hidden.iter().map(|units| *units as usize).collect();
        let network = Shape { hidden, ..shape.clone() };
        step(configuration.algorithm) * network.weight_count() as f64 / shape.weight_count() as f64
    };
    steps * train.points.candidates().into_iter().map(of_configuration).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trial_of_the_grid_counts_by_its_weights() {
        let shape = shape();
        let one = seconds(&shape, |_| 1e-6);
        assert!((seconds(&shape, |_| 2e-6) / one - 2.0).abs() < 1e-9);
        // 1,728 configurations, 3 seeds, 300 epochs of 390 steps and 10,000 / 64 forward passes, of networks of 0.6 to 1.4 times
        // the weights.
        let trial_steps = 1728.0 * 3.0 * 300.0 * (390.0 + 10_000.0 / 64.0 / 3.0);
        let of_equal_networks = trial_steps * 1e-6;
        assert!((0.6..1.6).contains(&(one / of_equal_networks)), "{}", one / of_equal_networks);
    }
}
