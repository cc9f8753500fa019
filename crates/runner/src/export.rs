//! Exports the trained networks of a pipeline.

use std::path::Path;

use data::Loading;
use results::{
    export::{Exported, StageTrials, Wanted},
    known_images::ImageFacts,
};
use spec::{Pipeline, Stage};

use crate::{
    context::Context,
    error::Error,
    images::load_images,
    plan::{StagePlan, plan},
    progress::{Progress, Reporter},
};

/// Writes the `wanted` networks of `pipeline` into the folder `to`; see [`results::export::export`].
pub fn export(
    context: &Context<'_>,
    pipeline: &Pipeline,
    wanted: &Wanted,
    to: &Path,
    reporter: &dyn Reporter,
) -> Result<Exported, Error> {
    let _in_use = context.store.use_it()?;
    let plans = plan(context, pipeline)?;
    let trials: Vec<StageTrials<'_>> = pipeline.stages.iter().zip(&plans).filter_map(trials_of).collect();
    let exported = results::export::export(pipeline, &trials, wanted, to, &|dataset, key| {
        if let Some(facts) = ImageFacts::remembered(&context.store, key) {
            return Ok(facts);
        }
        reporter.report(&Progress::LoadingDataset { name: &dataset.name });
        let facts = ImageFacts::of(&load_images(context, dataset, Loading::from(context.data))?);
        facts.remember(&context.store, key);
        Ok(facts)
    });
    Ok(exported?)
}

fn trials_of<'a>((stage, plan): (&'a Stage, &'a StagePlan)) -> Option<StageTrials<'a>> {
    match (stage, plan) {
        (Stage::Train(train), StagePlan::Train { trials, waiting, .. }) => {
            Some((train, waiting.is_none().then_some(trials.as_slice())))
        }
        _ => None,
    }
}
