//! The download of missing official files, with a progress bar; `run` and `data fetch` use it.

use std::path::Path;

use data::Source;
use fetch::{Error, Fetched, Fetching, Network, Progress};
use indicatif::{DecimalBytes, ProgressBar, ProgressStyle};
use spec::{Pipeline, Stage};

use crate::{
    NetworkArguments,
    terminal::{refuse, tell},
};

/// Downloads the missing files of `source`, with a progress bar.
pub fn fetch(source: &Source, data_dir: &Path, network: &NetworkArguments) -> Result<Fetched, Error> {
    let bar = ProgressBar::new(0);
    bar.set_style(
        ProgressStyle::with_template("{msg} {bar:24} {bytes} of {total_bytes}, {eta}")
            .expect("the template is written in this line"),
    );
    let network = network.network();
    let fetching = Fetching { data_dir, network, progress: &|progress: Progress<'_>| show(&bar, progress) };
    let fetched = fetch::fetch(source, &fetching);
    bar.finish_and_clear();
    fetched
}

/// Downloads the missing official files of `pipeline`. Missing images of a user are reported later, when they are read.
pub fn fetch_missing(pipeline: &Pipeline, data_dir: &Path, network: &NetworkArguments) -> anyhow::Result<()> {
    let mut refused = Vec::new();
    for source in sources(pipeline) {
        let Some((wanted, folder)) = fetch::missing(source, data_dir) else { continue };
        if !network.offline {
            let bytes = wanted.iter().map(|wanted| wanted.bytes).sum();
            tell(&format!(
                "{} is not in {}: downloading {} (Ctrl-C stops, a later start resumes; `--offline` uses no network)",
                source.name(),
                folder.display(),
                DecimalBytes(bytes),
            ));
        }
        match fetch(source, data_dir, network) {
            Ok(_) => (),
            // Without a network, the missing files of all datasets are listed together.
            Err(error @ Error::Offline { .. }) => refused.push(error),
            Err(error) => return Err(error.into()),
        }
    }
    let Some(last) = refused.pop() else { return Ok(()) };
    for error in refused {
        refuse(&error.into());
    }
    Err(last.into())
}

/// Returns the sources of the datasets of `pipeline`, each once.
pub fn sources(pipeline: &Pipeline) -> Vec<&Source> {
    let mut sources = Vec::new();
    for stage in &pipeline.stages {
        if let Stage::Dataset(dataset) = stage
            && !sources.contains(&&dataset.settings.source)
        {
            sources.push(&dataset.settings.source);
        }
    }
    sources
}

impl NetworkArguments {
    fn network(&self) -> Network<'_> {
        match &self.mirror {
            Some(url) => Network::Mirror(url),
            None if self.offline => Network::Offline,
            None => Network::Official,
        }
    }
}

fn show(bar: &ProgressBar, progress: Progress<'_>) {
    let (what, done, total) = match progress {
        Progress::Waiting => ("another process downloads the same files".to_owned(), 0, 0),
        Progress::Downloading { archive, done, total } => (format!("{archive}: downloading"), done, total),
        Progress::Stalled { archive, address, next } => {
            let next = match next {
                Some(next) => format!("tries {next}"),
                None => "stops; a later start resumes".to_owned(),
            };
            bar.suspend(|| {
                tell(&format!(
                    "{archive}: {address} has sent nothing for 5 s; waits for a minute in all, then {next}"
                ));
            });
            return;
        }
        Progress::Checking { archive } => (format!("{archive}: checking"), 0, 0),
        Progress::Unpacking { archive } => (format!("{archive}: unpacking"), 0, 0),
    };
    bar.set_message(what);
    bar.set_length(total);
    bar.set_position(done);
}
