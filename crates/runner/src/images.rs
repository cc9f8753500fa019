//! Loads the images of a dataset stage.

use data::Loading;
use settings::{LabelPlace, Split, Task, Trial};
use spec::{Dataset, Pipeline, Stage, Train};

use crate::{context::Context, error::Error};

/// Loads the images of a dataset stage. Pictures that were decoded before are memory-mapped, and those that are decoded now are kept
/// in the store.
pub(crate) fn load_images(
    context: &Context<'_>,
    dataset: &Dataset,
    loading: Loading<'_>,
) -> Result<data::Dataset, results::Error> {
    let decoded = context.store.root().join("decoded");
    let loading = Loading { decoded_dir: Some(&decoded), ..loading };
    data::Dataset::load_with(&dataset.settings, &loading)
        .map_err(|source| results::Error::Data { stage: dataset.name.clone(), source: Box::new(source) })
}

/// Checks that `dataset` has a test split if a summary of `train` shows a test metric. Only the files of some sources decide
/// that.
pub(crate) fn check_metrics(
    pipeline: &Pipeline,
    train: &Train,
    dataset: &data::Dataset,
) -> Result<(), results::Error> {
    let summaries = pipeline.stages.iter().filter_map(|stage| match stage {
        Stage::Summarize(summarize) if summarize.trains().any(|one| one.name == train.name) => {
            Some(summarize)
        }
        _ => None,
    });
    let mut metrics = summaries.flat_map(|summarize| [&summarize.metric, summarize.ranking_metric()]);
    let of_test = metrics.find(|metric| metric.split() == Some(Split::Test));
    match of_test.filter(|_| dataset.test().is_none()) {
        None => Ok(()),
        Some(metric) => {
            let source = Box::new(data::Error::NoTestSplit { metric: metric.to_string() });
            Err(results::Error::Data { stage: train.dataset.name.clone(), source })
        }
    }
}

/// Checks that `dataset` has classes to tell apart, if the task of `train` is to classify.
pub(crate) fn check_classes(train: &Train, dataset: &data::Dataset) -> Result<(), results::Error> {
    if train.training.task != Task::Classification {
        return Ok(());
    }
    let stage = train.dataset.name.clone();
    dataset.require_classes().map_err(|source| results::Error::Data { stage, source: Box::new(source) })
}

/// Checks that `dataset` has enough training examples for a batch of each of `trials`, which are of the stage `train`, and enough pixels for
/// the labels that some rules write into them.
pub(crate) fn check_trials<'a>(
    train: &Train,
    mut trials: impl Iterator<Item = &'a Trial> + Clone,
    dataset: &data::Dataset,
) -> Result<(), Error> {
    let (examples, stage) = (dataset.train().len(), || train.name.clone());
    let largest = trials.clone().map(|trial| train.training.batch_size_of(&trial.configuration)).max();
    if let Some(batch_size) = largest.filter(|batch_size| examples < *batch_size as usize) {
        return Err(Error::BatchTooLarge { stage: stage(), batch_size, examples });
    }
    let (classes, pixels) = (dataset.classes(), dataset.shape().pixels());
    let replaces_pixels = |trial: &Trial| {
        let settings = trial.configuration.forward_forward.as_ref();
        settings.is_some_and(|settings| settings.label == LabelPlace::FirstInputs)
    };
    if classes >= pixels && trials.any(replaces_pixels) {
        return Err(Error::LabelTooLong { stage: stage(), classes, pixels });
    }
    Ok(())
}
