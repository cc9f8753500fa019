//! `init`: writes a commented pipeline file for a dataset.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use data::Source;
use spec::{
    Pipeline, Stage,
    template::{Draft, slug},
    write_new,
};

use crate::{
    InitArguments,
    terminal::{say, tell},
};

/// Of a wrong command line, as clap has it.
const WRONG: u8 = 2;

pub fn init(arguments: &InitArguments) -> anyhow::Result<ExitCode> {
    let InitArguments { source, path, to, data } = arguments;
    let Some(source) = source.clone().with_paths(path) else {
        tell(&format!("error: {}", wrong_paths(source, path.len())));
        tell(&format!("hint: {}", right_paths(source)));
        return Ok(ExitCode::from(WRONG));
    };
    let path = to.clone().unwrap_or_else(|| usual_file(&source));
    // A name that no folder can have is refused by the check below, with what is allowed.
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let text = Draft { source: &source, name: &name, file: &path }.text();
    let pipeline = Pipeline::parse(&path.display().to_string(), &text)?;
    write_new(&path, &text)?;

    say(&format!("{}: {} trials on {}", path.display(), trials(&pipeline), source.name()));
    let flag = if data == Path::new("data") { String::new() } else { format!(" --data {}", data.display()) };
    let presence = source.presence(data);
    if let Some((missing, _)) = presence.files.iter().find(|(_, is_there)| !is_there) {
        say(&match source.is_own() {
            true => format!("there is no {} yet: the path begins at the data directory", missing.display()),
            false => format!("first: cargo xtask data fetch {}{flag}", slug(&source)),
        });
    }
    say(&format!("next: cargo xtask plan {}{flag}", path.display()));
    Ok(ExitCode::SUCCESS)
}

/// None of the shipped ones has such a name.
fn usual_file(source: &Source) -> PathBuf {
    Path::new("pipelines").join(format!("my-{}.ron", slug(source)))
}

fn trials(pipeline: &Pipeline) -> usize {
    let of = |stage: &Stage| if let Stage::Train(train) = stage { train.most_trials() } else { 0 };
    pipeline.stages.iter().map(of).sum()
}

pub fn wrong_paths(source: &Source, count: usize) -> String {
    match (source.is_own(), count) {
        (false, _) => format!("{} has its place in the data directory, and takes no `--path`", source.name()),
        (true, 0) => format!("where are your own images? {} needs a `--path`", source.name()),
        (true, count) => format!("{} does not take {count} paths", source.name()),
    }
}

pub fn right_paths(source: &Source) -> &'static str {
    match source {
        Source::ImageFolder(_) => {
            "`--path FOLDER`, in which each class has a folder; it begins at the data directory"
        }
        Source::Idx(_) => "`--path IMAGES --path LABELS`, two files; they begin at the data directory",
        Source::Npz(_) => "`--path FILE`; it begins at the data directory",
        _ => "leave `--path` out; `--data DIR` says where the data directory is",
    }
}
