//! `why`: for each trial that would run, the fields in which it differs from the nearest finished trial.

use std::process::ExitCode;

use results::{reason, trial::PlannedTrial};
use runner::{Context, plan::StagePlan};
use spec::Dataset;

use super::plan::{dataset_of, in_words};
use crate::{WhyArguments, asked::Asked, terminal::say};

/// The number of trials of a stage that are compared with every finished one; more take long and rarely show another reason.
const COMPARED: usize = 200;

pub fn why(arguments: &WhyArguments) -> anyhow::Result<ExitCode> {
    let about = &arguments.asked;
    let asked = Asked::open(about)?;
    let (context, pipeline) = (asked.context(), &asked.pipeline);
    for stage in runner::plan::plan(&context, pipeline)? {
        if let StagePlan::Train { name, trials, waiting: None, .. } = stage {
            let missing = trials.iter().filter(|planned| planned.artifact.is_none());
            let missing: Vec<&PlannedTrial> =
                missing.filter(|planned| planned.trial.to_string().contains(&arguments.trial)).collect();
            say(&format!("{name}: {} of {} trials would run", missing.len(), trials.len()));
            explain(&context, dataset_of(pipeline, &name), &missing, about.verbose)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a paragraph for each reason, with its trials.
fn explain(
    context: &Context<'_>,
    dataset: &Dataset,
    missing: &[&PlannedTrial],
    all: bool,
) -> anyhow::Result<()> {
    let mut reasons: Vec<(String, Vec<&PlannedTrial>)> = Vec::new();
    for planned in missing.iter().take(if all { usize::MAX } else { COMPARED }) {
        let reason = reason(context, dataset, planned)?;
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, trials)) => trials.push(planned),
            None => reasons.push((reason, vec![planned])),
        }
    }
    for (reason, trials) in &reasons {
        say(&format!("  {reason}"));
        for seeds in trials.chunk_by(|one, other| one.trial.configuration == other.trial.configuration) {
            let numbers: Vec<String> = seeds.iter().map(|planned| planned.trial.seed.to_string()).collect();
            let word = if numbers.len() == 1 { "seed" } else { "seeds" };
            say(&format!("    {} {word} {}", seeds[0].trial.configuration, numbers.join(", ")));
        }
    }
    let compared: usize = reasons.iter().map(|(_, trials)| trials.len()).sum();
    if compared < missing.len() {
        say(&format!("  and {} more that were not compared (-v compares all)", missing.len() - compared));
    }
    Ok(())
}

fn reason(context: &Context<'_>, dataset: &Dataset, planned: &PlannedTrial) -> anyhow::Result<String> {
    if let Some(damage) = &planned.damage {
        return Ok(damage.clone());
    }
    Ok(match reason::nearest(&context.store, planned, dataset)? {
        Some((_, differences)) => in_words(&differences),
        None => "no trial is finished yet".to_owned(),
    })
}
