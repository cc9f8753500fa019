//! `data info`: counts, checksums, duplicates and examples of a dataset.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::ExitCode,
};

use anyhow::Context;
use data::{
    ContactSheet, Dataset, DatasetSettings, DecodingProgress, Duplicates, Examination, ImageShape, Loading,
    Source,
};
use fetch::Authenticity;
use indicatif::ProgressBar;
use spec::template::slug;

use crate::{
    InfoArguments,
    program::program,
    terminal::{refuse_arguments, say, tell},
};

/// The number of images of each class on the contact sheet.
const SHOWN: usize = 8;
/// The number of damaged pictures that are listed.
const NAMED: usize = 20;

pub fn info(arguments: &InfoArguments) -> anyhow::Result<ExitCode> {
    let source = wanted(arguments);
    let data_dir = &arguments.places.images.data;
    if !source.is_own() && !source.presence(data_dir).complete {
        tell(&format!("note: `{} data fetch {}` downloads missing files", program(), slug(&source)));
    }
    let dataset = load(&source, arguments)?;
    describe(&source, &dataset);
    say(&format!("fingerprint  {}", source.fingerprint(data_dir)?));
    list_files(&source, data_dir)?;
    say(&format!("\n{}", table(&dataset)));
    keep_sheet(&source, &dataset, &arguments.to)
}

fn wanted(arguments: &InfoArguments) -> Source {
    let source = arguments.wanted.source();
    let Some(size) = arguments.size else { return source };
    let name = source.name();
    source.with_side(size).unwrap_or_else(|| {
        refuse_arguments(&format!("the images of {name} have a fixed size"), "leave `--size` out")
    })
}

/// Loads the dataset as a pipeline without a holdout does, but without damaged pictures.
fn load(source: &Source, arguments: &InfoArguments) -> Result<Dataset, data::Error> {
    let bar = ProgressBar::new(0).with_message("decoding");
    let decoded = arguments.places.results.artifacts.join("decoded");
    let progress = |DecodingProgress { done, total }| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let data_dir = &arguments.places.images.data;
    let loading = Loading { decoded_dir: Some(&decoded), progress: &progress, ..Loading::from(data_dir) };
    let settings = DatasetSettings::of(source.clone());
    let dataset = match Dataset::load_with(&settings, &loading) {
        Err(data::Error::DamagedPicture { .. }) => {
            Dataset::load_with(&DatasetSettings::of(source.clone().skipping_damaged()), &loading)
        }
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
    if source.official().is_some() && dataset.partial_of().is_none() {
        say("complete     all images and classes that its authors publish");
    }
    for (title, split) in ["training", "validation", "test"].iter().zip(&dataset.account().splits) {
        say(&format!("{title:<11}  {split}"));
    }
    let Examination { duplicates, warnings } = dataset.examine();
    say(&format!("copies       {}", copies(duplicates)));
    for warning in &warnings {
        say(&format!("warning      {warning}"));
    }
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

/// Describes the duplicates. Without a holdout, the validation part of a dataset is its test part.
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
    if texts.is_empty() { "none, all images differ".to_owned() } else { texts.join(", ") }
}

fn list_files(source: &Source, data_dir: &Path) -> anyhow::Result<()> {
    let presence = source.presence(data_dir);
    let folder = match &presence.folder {
        None => "no files: this program draws the images".to_owned(),
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

/// Returns a table with a row per class, numbered as on the contact sheet.
fn table(dataset: &Dataset) -> String {
    let classes = dataset.classes();
    let [train, test] = [dataset.train(), dataset.validation()].map(|view| view.count_by_class(classes));
    let width = dataset.class_names().iter().map(|name| name.chars().count()).max().unwrap_or(0).max(5);
    let mut text = format!("class  {:<width$}   train    test\n", "name");
    for (class, name) in dataset.class_names().iter().enumerate() {
        text += &format!("{class:>5}  {name:<width$}  {:>6}  {:>6}\n", train[class], test[class]);
    }
    let [train, test]: [usize; 2] = [train, test].map(|counts| counts.iter().sum());
    text + &format!("{:>5}  {:<width$}  {train:>6}  {test:>6}", "", "all")
}

fn keep_sheet(source: &Source, dataset: &Dataset, folder: &Path) -> anyhow::Result<ExitCode> {
    let sheet = ContactSheet::of(dataset, SHOWN);
    let path = folder.join(format!("{}.png", slug(source)));
    let options = File::options().write(true).create(true).truncate(true).clone();
    let written = fs::create_dir_all(folder)
        .and_then(|()| machine::plain::open(&options, &path))
        .and_then(|mut file| file.write_all(&sheet.to_png()));
    written.with_context(|| format!("cannot write {}", path.display()))?;
    let shown = match sheet.classes() < dataset.classes() {
        true => format!("the first {} classes", sheet.classes()),
        false => "every class".to_owned(),
    };
    say(&format!(
        "\ncontact sheet: {} (up to {SHOWN} training images of {shown}, in rows with the numbers above)",
        path.display()
    ));
    Ok(ExitCode::SUCCESS)
}
