//! `init`: writes a commented pipeline file for a dataset.

use std::{
    fs,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::anyhow;
use data::Source;
use spec::{
    Pipeline, Stage,
    template::{Draft, slug},
};

use crate::{
    DataFolder, InitArguments, InitClusterArguments,
    program::{program, with_program},
    terminal::{counted, say},
};

pub fn init(arguments: &InitArguments) -> anyhow::Result<ExitCode> {
    let InitArguments { wanted, to, images: DataFolder { data } } = arguments;
    let source = wanted.source();
    let path = to.clone().unwrap_or_else(|| usual_file(&source));
    // `Pipeline::parse` refuses a name that no folder can have.
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let text = with_program(&Draft { source: &source, name: &name, file: &path }.text());
    let pipeline = Pipeline::parse(&path.display().to_string(), &text).map_err(spec::Error::from)?;
    write_new(&path, &text)?;

    say(&format!("{}: {} on {}", path.display(), counted(trials(&pipeline), "trial"), source.name()));
    let flag = if data == Path::new("data") { String::new() } else { format!(" --data {}", data.display()) };
    let presence = source.presence(data);
    if let Some((missing, _)) = presence.files.iter().find(|(_, is_there)| !is_there) {
        say(&match source.is_own() {
            true => {
                format!("there is no {} yet: the path is relative to the data directory", missing.display())
            }
            false => format!("first: {} data fetch {}{flag}", program(), slug(&source)),
        });
    }
    say(&format!("next: {} plan {}{flag}", program(), path.display()));
    Ok(ExitCode::SUCCESS)
}

pub fn init_cluster(InitClusterArguments { to }: &InitClusterArguments) -> anyhow::Result<ExitCode> {
    write_new(to, &with_program(cluster::EXAMPLE))?;
    say(&format!("{}: edit `partition`, `workers` and what a worker asks for", to.display()));
    say(&format!("next: {} run FILE --cluster {}", program(), to.display()));
    Ok(ExitCode::SUCCESS)
}

/// Writes a new file, and the folders above it.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    let written =
        folder.and_then(|()| fs::File::create_new(path)).and_then(|mut file| file.write_all(text.as_bytes()));
    let shown = path.display();
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow!(
            "{shown} is there already, and is never overwritten\nhint: name another file by `--to FILE`, or move this one away"
        ),
        _ => anyhow!(
            "cannot write {shown}: {error}\nhint: check that the folder can be written and that the disk is not full"
        ),
    })
}

/// Returns the default file, which no shipped pipeline has.
fn usual_file(source: &Source) -> PathBuf {
    Path::new("pipelines").join(format!("my-{}.ron", slug(source)))
}

fn trials(pipeline: &Pipeline) -> usize {
    pipeline
        .stages
        .iter()
        .map(|stage| if let Stage::Train(train) = stage { train.most_trials() } else { 0 })
        .sum()
}
