//! `plan`: shows what is done, what would run, and why.

use std::{path::Path, process::ExitCode, time::Duration};

use data::{DataWarning, Source};
use indicatif::{DecimalBytes, HumanDuration};
use results::{NUMERICS_REVISION, description, reason, trial::PlannedTrial};
use runner::{Context, Estimate, TimedStep, plan::StagePlan};
use settings::Device;
use spec::{Dataset, Pipeline, Stage, Train, template::slug};
use store::FieldDifference;

use super::{
    download::sources,
    status::{Unfinished, unfinished},
};
use crate::{
    BUILD, PlanArguments,
    asked::{self, Asked},
    program::program,
    terminal::{account, counted, say},
    warnings,
};

/// The number of trials that are explained without `-v`.
const EXPLAINED: usize = 3;

/// A finished trial that differs in more fields explains nothing.
const NEAR: usize = 3;

pub fn plan(arguments: &PlanArguments) -> anyhow::Result<ExitCode> {
    let about = &arguments.asked;
    let pipeline = asked::read(about)?;
    warnings::tell_all(&pipeline, about.device);
    let asked = Asked::of(pipeline, about)?;
    if let Some(exit_code) = outline_without_images(&asked, &about.places.images.data) {
        return Ok(exit_code);
    }
    let (context, pipeline) = (asked.context(), &asked.pipeline);
    let mut total = Duration::ZERO;
    for stage in runner::plan::plan(&context, pipeline)? {
        match stage {
            StagePlan::Dataset { name, stated } => {
                let is_remembered = pipeline.stages.iter().any(|stage| match stage {
                    Stage::Dataset(dataset) => {
                        dataset.name == name && asked.has_remembered(&dataset.settings.source)
                    }
                    _ => false,
                });
                let mut text = match stated {
                    Some(stated) => account(&stated),
                    None => not_prepared(pipeline, &name, &about.places.images.data)?,
                };
                if is_remembered {
                    text += "\n  its images are missing, an earlier run saw their content";
                }
                line("Dataset", &name, &text);
            }
            StagePlan::Grid { name, configurations, chosen_by: None, origin } => {
                let origin = origin.map_or(String::new(), |origin| format!(": {origin}"));
                line("Grid", &name, &(counted(configurations, "configuration") + &origin));
            }
            StagePlan::Grid { name, configurations, chosen_by: Some(_), origin: Some(origin) } => {
                line(
                    "Grid",
                    &name,
                    &format!("{origin}, out of {}", counted(configurations, "configuration")),
                );
            }
            StagePlan::Grid { name, configurations, chosen_by: Some(summary), origin: None } => {
                line(
                    "Grid",
                    &name,
                    &format!(
                        "the winners of `{summary}`, out of {}",
                        counted(configurations, "configuration")
                    ),
                );
            }
            StagePlan::Train { name, at_most, waiting: Some(waiting), .. } => {
                let after = match waiting.trials {
                    Some(count) => format!(", after {}", counted(count, "trial")),
                    None => String::new(),
                };
                let trials = counted(at_most, "trial");
                line("Train", &name, &format!("at most {trials}: the best of `{}`{after}", waiting.summary));
                if arguments.time {
                    let train = train_of(pipeline, &name);
                    let estimate = runner::estimate_most(&context, train, super::run::cores())?;
                    total += estimate.at_most;
                    tell_estimate("at most", estimate, context.device);
                }
            }
            StagePlan::Train { name, trials, waiting: None, .. } => {
                let missing: Vec<&PlannedTrial> =
                    trials.iter().filter(|trial| trial.artifact.is_none()).collect();
                let done = trials.len() - missing.len();
                let [mut running, mut failed, mut saved, mut known] = [0; 4];
                let damaged = missing.iter().filter(|planned| planned.damage.is_some()).count();
                for planned in &missing {
                    match unfinished(&context.store, planned) {
                        Unfinished::Running(..) => running += 1,
                        Unfinished::Failed(_) => failed += 1,
                        Unfinished::Saved(_) => saved += 1,
                        Unfinished::Known => known += 1,
                        Unfinished::ToDo => {}
                    }
                }
                let states: String = [
                    (running, "running now"),
                    (failed, "failed before"),
                    (saved, "go on after some epochs"),
                    (known, "with the results of finished trials"),
                    (damaged, "damaged"),
                ]
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!(", {count} {what}"))
                .collect();
                line(
                    "Train",
                    &name,
                    &format!(
                        "{}: {done} done, {} to run{states}",
                        counted(trials.len(), "trial"),
                        missing.len()
                    ),
                );
                if let Some(note) = note_on_builds(&trials) {
                    say(&format!("           {note}"));
                }
                if arguments.time && !missing.is_empty() {
                    let train = train_of(pipeline, &name);
                    let estimate = runner::estimate(&context, train, &missing, super::run::cores())?;
                    total += estimate.at_most;
                    tell_estimate("about", estimate, context.device);
                }
                explain(&context, dataset_of(pipeline, &name), &missing, about.verbose)?;
            }
            StagePlan::Summarize { name, done, waiting_for } => {
                let state = match (done, waiting_for) {
                    (true, _) => "done".into(),
                    (false, Some(0)) => "to do".into(),
                    (false, Some(count)) => format!("to do, after {}", counted(count, "trial")),
                    (false, None) => "to do, after its configurations are chosen".into(),
                };
                line("Summarize", &name, &state);
            }
        }
    }
    let trains = pipeline.stages.iter().filter(|stage| matches!(stage, Stage::Train(_))).count();
    if arguments.time && trains > 1 {
        say(&format!("in all at most {}", HumanDuration(total)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Describes the images of the stage `name` as far as the settings and the files tell without decoding.
fn not_prepared(pipeline: &Pipeline, name: &str, data_dir: &Path) -> anyhow::Result<String> {
    let settings = pipeline.stages.iter().find_map(|stage| match stage {
        Stage::Dataset(dataset) if dataset.name == name => Some(&dataset.settings),
        _ => None,
    });
    let Some(settings) = settings else { return Ok("not prepared yet".to_owned()) };
    let mut text = format!("{}, not read yet\n  {}", settings.name(), settings.splits_in_words());
    let warnings = match settings.official {
        true => settings.source.warnings_of_files(data_dir)?,
        false => vec![DataWarning::NotOfficial { source: settings.source.name() }],
    };
    for warning in warnings {
        text += &format!("\n  warning: {warning}");
    }
    Ok(text)
}

/// Says how many results another build made, and why they count.
fn note_on_builds(trials: &[PlannedTrial]) -> Option<String> {
    let builds = trials.iter().filter_map(|trial| Some(&trial.artifact.as_ref()?.manifest().made.build));
    let others = builds.filter(|build| !has_same_code(build, BUILD)).count();
    (others > 0).then(|| {
        format!(
            "{} by another build: numerics revision {NUMERICS_REVISION} and the rules' revisions are the same, so results count \
             (`--same-build` ignores them)",
            counted(others, "result"),
        )
    })
}

/// Whether two builds have the same sources; builds that do not tell are compared by their names.
fn has_same_code(one: &str, other: &str) -> bool {
    let sources = |build: &str| build.split_once(", sources ").map(|(_, sources)| sources.to_owned());
    match (sources(one), sources(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// Prints what the file alone says, if images are missing that no earlier run saw: results are named by the content of the images,
/// so that finished ones cannot be found.
fn outline_without_images(asked: &Asked<'_>, data_dir: &Path) -> Option<ExitCode> {
    let pipeline = &asked.pipeline;
    let is_unknown = |source: &&Source| !source.presence(data_dir).complete && !asked.has_remembered(source);
    let missing: Vec<&Source> = sources(pipeline).into_iter().filter(is_unknown).collect();
    let is_own = missing.iter().any(|source| source.is_own());
    if missing.is_empty() {
        return None;
    }
    for stage in &pipeline.stages {
        let state = match stage {
            Stage::Dataset(dataset) => match missing.contains(&&dataset.settings.source) {
                true => images_not_there(&dataset.settings.source, data_dir),
                false => "images are present".into(),
            },
            Stage::Grid(grid) => counted(grid.points.candidates().len(), "configuration"),
            Stage::Train(train) => counted(train.most_trials(), "trial"),
            _ => "after the trials".into(),
        };
        line(stage.kind(), stage.name(), &state);
    }
    say("\nwithout the images, finished results cannot be found: their names depend on the images");
    Some(if is_own { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn images_not_there(source: &Source, data_dir: &Path) -> String {
    if source.is_own() {
        let files = source.presence(data_dir).files.into_iter();
        let missing: Vec<String> =
            files.filter(|(_, is_there)| !is_there).map(|(path, _)| path.display().to_string()).collect();
        return format!("images are missing: {}", missing.join(", "));
    }
    let bytes =
        fetch::missing(source, data_dir).map_or(0, |(wanted, _)| wanted.iter().map(|it| it.bytes).sum());
    format!(
        "images are missing: `run` downloads {}, or `{} data fetch {}`",
        DecimalBytes(bytes),
        program(),
        slug(source)
    )
}

fn line(kind: &str, name: &str, state: &str) {
    say(&format!("{kind:<9}  {name:<16}  {state}"));
}

/// Prints how long trials would take on this machine, `about` or `at most`.
fn tell_estimate(how: &str, Estimate { at_most, timed }: Estimate, device: Device) {
    let on = match device {
        Device::Cpu => format!("{how} {} on {} cores", HumanDuration(at_most), super::run::cores()),
        // Shapes with few trials leave the GPU partly idle.
        Device::Cuda => format!("{how} {} on this GPU", HumanDuration(at_most)),
    };
    say(&format!("           {on}, from steps timed just now:"));
    for TimedStep { network, trials, each, .. } in timed {
        let each = 1e3 * each.as_secs_f64();
        say(&match device {
            Device::Cpu => format!("             {network}: {each:.2} ms on one core"),
            Device::Cuda => format!("             {network}: {each:.3} ms a trial, {trials} together"),
        });
    }
}

/// Returns the dataset of the train stage `name`.
pub fn dataset_of<'a>(pipeline: &'a Pipeline, name: &str) -> &'a Dataset {
    &train_of(pipeline, name).dataset
}

fn train_of<'a>(pipeline: &'a Pipeline, name: &str) -> &'a Train {
    let mut trains = pipeline.stages.iter().filter_map(|stage| match stage {
        Stage::Train(train) => Some(train.as_ref()),
        _ => None,
    });
    trains.find(|train| train.name == name).expect("a plan has the stages of its pipeline")
}

fn explain(
    context: &Context<'_>,
    dataset: &Dataset,
    missing: &[&PlannedTrial],
    all: bool,
) -> anyhow::Result<()> {
    let shown = if all { missing.len() } else { missing.len().min(EXPLAINED) };
    for planned in &missing[..shown] {
        let why = match (&planned.damage, unfinished(&context.store, planned)) {
            (Some(damage), _) => damage.clone(),
            (None, Unfinished::Running(pid, host, _)) => format!("running: process {pid} on {host}"),
            (None, Unfinished::Failed(reason)) => {
                format!("failed before: {}", reason.lines().next().unwrap_or_default())
            }
            (None, Unfinished::Saved(epochs)) => format!("goes on after epoch {epochs}"),
            (None, Unfinished::Known) => "takes the result of a finished trial".into(),
            (None, Unfinished::ToDo) => match reason::nearest(&context.store, planned, dataset)? {
                Some((key, differences)) if differences.len() <= NEAR => {
                    format!("{} (against {})", in_words(&differences), key.short())
                }
                _ => "nothing near it was trained yet".into(),
            },
        };
        say(&format!("           {}: {why}", planned.trial));
    }
    if shown < missing.len() {
        say(&format!("           and {} more (-v shows all)", missing.len() - shown));
    }
    Ok(())
}

/// Lists the differences: `seed 0 -> 1, ...`.
pub fn in_words(differences: &[FieldDifference]) -> String {
    let words = differences.iter().map(|difference| {
        let name = difference
            .path
            .trim_start_matches("settings.")
            .trim_start_matches("configuration.")
            .trim_start_matches("inputs.");
        format!("{name} {} -> {}", short(difference.old.as_deref()), short(difference.new.as_deref()))
    });
    words.collect::<Vec<_>>().join(", ")
}

fn short(value: Option<&str>) -> String {
    match value {
        None => "default".to_owned(),
        // A key, in quotes.
        Some(text) if text.len() == 66 => text[1..13].to_owned(),
        Some(text) => description::in_file_spelling(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_are_compared_by_their_sources() {
        let build =
            |commit: &str, sources: &str| format!("0.1.0 {commit} (burn 0.21.0, all 1a, sources {sources})");
        assert!(has_same_code(&build("a", "1"), &build("b", "1")), "a commit may change documents only");
        assert!(!has_same_code(&build("a", "1"), &build("a", "2")), "a change need not be committed");
        assert!(!has_same_code("0.1.0 a (burn 0.21.0, all 1a)", &build("a", "1")));
        assert!(has_same_code("test", "test"));
    }
}
