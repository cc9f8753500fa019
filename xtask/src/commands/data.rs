//! `data`: lists the datasets and their files; `data fetch` downloads missing files.

use std::{path::Path, process::ExitCode};

use data::{DataWarning, Source};
use fetch::Fetched;
use spec::{did_you_mean, template::slug};

use super::download;
use crate::{
    FetchArguments, SourceArguments,
    program::program,
    terminal::{refuse_arguments, say},
};

pub fn list(data_dir: &Path) -> anyhow::Result<ExitCode> {
    for source in data::sources().into_iter().filter(|source| !source.is_own()) {
        let presence = source.presence(data_dir);
        let state = match (presence.files.is_empty(), presence.complete) {
            (true, _) => "built in",
            (false, true) => "present",
            (false, false) => "missing",
        };
        let warnings = match state {
            "present" => source.warnings_of_files(data_dir)?,
            _ => Vec::new(),
        };
        let state = match warnings.first() {
            None => state,
            Some(DataWarning::Partial { .. }) => "PARTIAL",
            Some(_) => "OTHER",
        };
        say(&format!("{state:<9} {}", source.describe()));
        for warning in &warnings {
            say(&format!("          {warning}"));
        }
        for (path, _) in presence.files.iter().filter(|(_, is_there)| !is_there) {
            say(&format!("          no {}", path.display()));
        }
    }
    for source in data::sources().into_iter().filter(Source::is_own) {
        say(&format!("{:<9} {}", "your own", source.describe()));
    }
    say(&format!("\ndata directory: {} (`--data DIR` or BPFREE_DATA)", data_dir.display()));
    say(&format!("`{0} run` downloads missing files, and so does `{0} data fetch DATASET`", program()));
    Ok(ExitCode::SUCCESS)
}

pub fn fetch(arguments: &FetchArguments) -> anyhow::Result<ExitCode> {
    let FetchArguments { source, network, images } = arguments;
    let what = match download::fetch(source, &images.data, network)? {
        Fetched::WasThere => "was there already",
        Fetched::Downloaded => "downloaded, checked and unpacked",
    };
    say(&format!("{}: {what}, in {}", source.name(), images.data.display()));
    Ok(ExitCode::SUCCESS)
}

impl SourceArguments {
    /// Returns the dataset with the given paths, which must fit it.
    pub fn source(&self) -> Source {
        let Self { source, path } = self;
        source.clone().with_paths(path).unwrap_or_else(|| {
            let name = source.name();
            let error = match (source.is_own(), path.len()) {
                (false, _) => format!("{name} has a fixed place in the data directory and takes no `--path`"),
                (true, 0) => format!("{name} needs the path of your images"),
                (true, count) => format!("{name} does not take {count} paths"),
            };
            let hint = match source {
                Source::ImageFolder(_) => {
                    "`--path FOLDER`, relative to the data directory, with a folder for each class"
                }
                Source::Idx(_) => "`--path IMAGES --path LABELS`, two files, relative to the data directory",
                Source::Npz(_) => "`--path FILE`, relative to the data directory",
                _ => "leave `--path` out; `--data DIR` names the data directory",
            };
            refuse_arguments(&error, hint)
        })
    }
}

/// Returns the dataset of this name, in any spelling with capitals, hyphens and underscores; or else similar names.
pub fn source_named(name: &str) -> Result<Source, String> {
    let names: Vec<String> = data::sources().iter().map(slug).collect();
    let found = data::sources().into_iter().find(|source| plain(source.name()) == plain(name));
    found.ok_or_else(|| did_you_mean(name, &names))
}

fn plain(name: &str) -> String {
    name.to_lowercase().replace(['-', '_', ' '], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_is_found_in_any_spelling() {
        for name in ["cifar-10", "CIFAR10", "cifar_10"] {
            assert_eq!(source_named(name).expect("it is known"), Source::Cifar10);
        }
        let error = source_named("cifar").expect_err("there are two of them");
        assert!(error.contains("known: glyphs, mnist, fashion-mnist, cifar-10, cifar-100"), "{error}");
    }
}
