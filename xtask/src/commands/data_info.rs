//! `data info`: what is in a dataset, how much of it there is, and what it looks like.

use std::{fs, path::Path, process::ExitCode};

use anyhow::Context;
use data::{
    ContactSheet, Dataset, DatasetSettings, DecodingProgress, Duplicates, ImageShape, Loading, Source,
};
use fetch::Authenticity;
use indicatif::ProgressBar;
use spec::template::slug;

use crate::{
    InfoArguments,
    terminal::{say, tell},
};

/// Images of each class on the contact sheet.
const SHOWN: usize = 8;
/// So many damaged pictures are named.
const NAMED: usize = 20;

/// Of a wrong command line, as clap has it.
const WRONG: u8 = 2;

pub fn info(arguments: &InfoArguments) -> anyhow::Result<ExitCode> {
    let source = match wanted(arguments) {
        Ok(source) => source,
        Err((error, hint)) => {
            tell(&format!("error: {error}"));
            tell(&format!("hint: {hint}"));
            return Ok(ExitCode::from(WRONG));
        }
    };
    let data_dir = &arguments.places.data;
    if !source.is_own() && !source.presence(data_dir).complete {
        tell(&format!("note: `cargo xtask data fetch {}` downloads what is missing", slug(&source)));
    }
    let dataset = load(&source, arguments)?;
    describe(&source, &dataset);
    say(&format!("fingerprint  {}", source.fingerprint(data_dir)?));
    list_files(&source, data_dir)?;
    say(&format!("\n{}", table(&dataset)));
    keep_sheet(&source, &dataset, &arguments.to)
}

/// The source that is asked for; or what is wrong, and the way out.
fn wanted(arguments: &InfoArguments) -> Result<Source, (String, String)> {
    let InfoArguments { source, path, size, .. } = arguments;
    let Some(source) = source.clone().with_paths(path) else {
        return Err((
            super::init::wrong_paths(source, path.len()),
            super::init::right_paths(source).to_owned(),
        ));
    };
    let Some(size) = *size else { return Ok(source) };
    let name = source.name();
    source
        .with_side(size)
        .ok_or_else(|| (format!("the images of {name} have their size"), "leave `--size` out".to_owned()))
}

/// As a pipeline without a holdout has it. Damaged pictures are left out, to be told of.
fn load(source: &Source, arguments: &InfoArguments) -> Result<Dataset, data::Error> {
    let bar = ProgressBar::new(0).with_message("decoding");
    let progress = |DecodingProgress { done, total }| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let decoded = arguments.places.artifacts.join("decoded");
    let loading = Loading { progress: &progress, ..Loading::from(&arguments.places.data) };
    let loading = loading.keeping_decoded_in(&decoded);
    let load = |source: Source| Dataset::load_with(&DatasetSettings::of(source), &loading);
    let dataset = match load(source.clone()) {
        Err(data::Error::DamagedPicture { .. }) => load(source.clone().skipping_damaged()),
        dataset => dataset,
    };
    bar.finish_and_clear();
    dataset
}

fn describe(source: &Source, dataset: &Dataset) {
    let ImageShape { channels, height, width } = dataset.shape();
    say(&source.describe());
    say(&format!(
        "images       {}, each {channels}x{height}x{width} (channels, height, width)",
        dataset.counts().images
    ));
    if let Some(official) = source.official() {
        let found = dataset.counts();
        say(&match dataset.partial_of() {
            None => "complete     as many images and classes as its authors publish".to_owned(),
            Some(_) => format!(
                "PARTIAL      {} of {} images, {} of {} classes",
                found.images, official.images, found.classes, official.classes
            ),
        });
    }
    let origin = match dataset.test_is_drawn() {
        true => "a fifth of each class, drawn by split seed 0",
        false => "the official one",
    };
    say(&format!(
        "split        {} for training, {} for testing: {origin}",
        dataset.train().len(),
        dataset.validation().len()
    ));
    say(&format!("copies       {}", copies(dataset.duplicates())));
    let skipped = dataset.skipped();
    if !skipped.is_empty() {
        say(&format!(
            "DAMAGED      {}, left out here; a pipeline refuses damaged pictures without `skip_damaged: true`",
            skipped.len()
        ));
        for picture in skipped.iter().take(NAMED) {
            say(&format!("             {}: {}", picture.name, picture.reason));
        }
        if skipped.len() > NAMED {
            say(&format!("             and {} more", skipped.len() - NAMED));
        }
    }
}

/// Without a holdout, what a dataset validates on is its test part.
fn copies(duplicates: Duplicates) -> String {
    let Duplicates { in_train, in_validation, validation_in_train, .. } = duplicates;
    let counts = [
        (in_train, "training images repeat an earlier one"),
        (in_validation, "test images repeat an earlier one"),
        (validation_in_train, "test images are also training images"),
    ];
    let texts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if texts.is_empty() { "no image is there twice, pixel by pixel".to_owned() } else { texts.join(", ") }
}

fn list_files(source: &Source, data_dir: &Path) -> anyhow::Result<()> {
    let presence = source.presence(data_dir);
    let folder = match &presence.folder {
        None => "nowhere: drawn by this program".to_owned(),
        Some(folder) => folder.display().to_string(),
    };
    say(&format!("where        {folder}"));
    for file in fetch::checksums(source, data_dir)? {
        let authenticity = match file.authenticity {
            Authenticity::Official => "  official",
            Authenticity::Other => "  NOT THE OFFICIAL FILE",
            Authenticity::Unknown => "",
        };
        let name = file.path.file_name().unwrap_or_default().to_string_lossy();
        say(&format!("             sha256 {}  {name}, {} bytes{authenticity}", file.sha256, file.bytes));
    }
    Ok(())
}

/// A row per class, numbered as on the contact sheet.
fn table(dataset: &Dataset) -> String {
    let classes = dataset.classes();
    let [train, test] = [dataset.train(), dataset.validation()].map(|view| view.count_by_class(classes));
    let width = dataset.class_names().iter().map(|name| name.chars().count()).max().unwrap_or(0).max(5);
    let row = |number: &str, name: &str, train: usize, test: usize| {
        format!("{number:>5}  {name:<width$}  {train:>6}  {test:>6}\n")
    };
    let mut text = format!("class  {:<width$}   train    test\n", "name");
    for (class, name) in dataset.class_names().iter().enumerate() {
        text += &row(&class.to_string(), name, train[class], test[class]);
    }
    text + row("", "all", train.iter().sum(), test.iter().sum()).trim_end()
}

fn keep_sheet(source: &Source, dataset: &Dataset, folder: &Path) -> anyhow::Result<ExitCode> {
    let sheet = ContactSheet::of(dataset, SHOWN);
    let path = folder.join(format!("{}.png", slug(source)));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, sheet.to_png()));
    written.with_context(|| format!("cannot write {}", path.display()))?;
    let shown = match sheet.classes() < dataset.classes() {
        true => format!("the first {} classes", sheet.classes()),
        false => "every class".to_owned(),
    };
    say(&format!(
        "\ncontact sheet: {} (up to {SHOWN} training images of {shown}, a row each, by the numbers above)",
        path.display()
    ));
    Ok(ExitCode::SUCCESS)
}
