//! `data`: the list of sources and what is present, and how missing files get there.

use std::process::ExitCode;

use anyhow::bail;
use data::Source;
use fetch::{Fetched, Fetching, Network, Progress};
use indicatif::{ProgressBar, ProgressStyle};
use pipeline::{file::did_you_mean, template::slug};

use crate::{
    FetchArguments, Places,
    terminal::{say, tell},
};

pub fn list(places: &Places) -> anyhow::Result<ExitCode> {
    for source in data::sources().into_iter().filter(|source| !source.is_own()) {
        let presence = source.presence(&places.data);
        let state = match (presence.files.is_empty(), presence.complete) {
            (true, _) => "built in",
            (false, true) => "present",
            (false, false) => "missing",
        };
        say(&format!("{state:<9} {}", source.describe()));
        for (path, _) in presence.files.iter().filter(|(_, is_there)| !is_there) {
            say(&format!("          no {}", path.display()));
        }
    }
    for source in data::sources().into_iter().filter(Source::is_own) {
        say(&format!("{:<9} {}", "your own", source.describe()));
    }
    say(&format!("\ndata directory: {} (--data DIR or BPFREE_DATA)", places.data.display()));
    say("`cargo xtask data fetch NAME` downloads what is missing");
    Ok(ExitCode::SUCCESS)
}

pub fn fetch(arguments: &FetchArguments) -> anyhow::Result<ExitCode> {
    let official = data::sources().into_iter().filter(|source| !source.is_own()).collect();
    let source = match among(official, &arguments.name) {
        Ok(source) => source,
        Err(hint) => bail!("unknown dataset `{}`: {hint}", arguments.name),
    };
    let bar = ProgressBar::new(0);
    bar.set_style(
        ProgressStyle::with_template("{msg} {bar:24} {bytes} of {total_bytes}, {eta}")
            .expect("the template is right"),
    );
    let progress = |progress: Progress<'_>| show(&bar, progress);
    let network = match &arguments.mirror {
        Some(url) => Network::Mirror(url),
        None if arguments.offline => Network::Offline,
        None => Network::Official,
    };
    let fetched =
        fetch::fetch(&source, &Fetching { data_dir: &arguments.data, network, progress: &progress });
    bar.finish_and_clear();
    match fetched {
        Ok(fetched) => {
            let what = match fetched {
                Fetched::WasThere => "was there already",
                Fetched::Downloaded => "downloaded, checked and unpacked",
            };
            say(&format!("{}: {what}, in {}", source.name(), arguments.data.display()));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            tell(&format!("error: {error}"));
            tell(&format!("hint: {}", error.hint()));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The source that people call so, whatever they think of capitals, hyphens and underscores; or what they may call it.
pub fn source_named(name: &str) -> Result<Source, String> {
    among(data::sources(), name)
}

fn among(known: Vec<Source>, name: &str) -> Result<Source, String> {
    let plain = |name: &str| name.to_lowercase().replace(['-', '_', ' '], "");
    let names: Vec<String> = known.iter().map(slug).collect();
    let found = known.into_iter().find(|source| plain(source.name()) == plain(name));
    found.ok_or_else(|| did_you_mean(name, &names))
}

fn show(bar: &ProgressBar, progress: Progress<'_>) {
    let (what, done, total) = match progress {
        Progress::Waiting => ("another process fetches the same".to_owned(), 0, 0),
        Progress::Downloading { archive, done, total } => (format!("{archive}: downloading"), done, total),
        Progress::Checking { archive } => (format!("{archive}: checking"), 0, 0),
        Progress::Unpacking { archive, done, total } => (format!("{archive}: unpacking"), done, total),
    };
    bar.set_message(what);
    bar.set_length(total);
    bar.set_position(done);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_is_found_by_what_people_call_it() {
        for name in ["cifar-10", "CIFAR10", "cifar_10"] {
            assert_eq!(source_named(name).expect("it is known"), Source::Cifar10);
        }
        let error = source_named("cifar").expect_err("it is ambiguous at best");
        assert!(error.contains("known: glyphs, mnist, fashion-mnist, cifar-10, cifar-100"), "{error}");
    }
}
