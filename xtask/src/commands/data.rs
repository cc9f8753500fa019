//! `data`: the list of sources and what is present, and how missing files get there.

use std::process::ExitCode;

use anyhow::bail;
use data::Source;
use fetch::Fetched;
use spec::{did_you_mean, template::slug};

use super::download;
use crate::{FetchArguments, Places, terminal::say};

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
    say("`cargo xtask run` downloads what is missing, and so does `cargo xtask data fetch NAME`");
    Ok(ExitCode::SUCCESS)
}

pub fn fetch(arguments: &FetchArguments) -> anyhow::Result<ExitCode> {
    let official = data::sources().into_iter().filter(|source| !source.is_own()).collect();
    let source = match among(official, &arguments.name) {
        Ok(source) => source,
        Err(hint) => bail!("unknown dataset `{}`: {hint}", arguments.name),
    };
    let what = match download::fetch(&source, &arguments.data, &arguments.network)? {
        Fetched::WasThere => "was there already",
        Fetched::Downloaded => "downloaded, checked and unpacked",
    };
    say(&format!("{}: {what}, in {}", source.name(), arguments.data.display()));
    Ok(ExitCode::SUCCESS)
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
