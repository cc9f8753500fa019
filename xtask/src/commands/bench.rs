//! `bench`: how fast it is here, and against what.

use std::{fs, path::Path, process::ExitCode};

use anyhow::Context;
use bench::{Effort, Part, Peers, Report};
use machine::Processor;

use crate::{
    BenchArguments, BenchPart,
    terminal::{say, tell},
};

pub fn bench(arguments: &BenchArguments) -> anyhow::Result<ExitCode> {
    let old = arguments.compare.as_deref().map(read).transpose()?;
    let Processor { model, cores, .. } = Processor::of_this_machine();
    let threads = arguments.threads.map_or(cores, usize::from);
    let effort = Effort {
        rounds: usize::from(arguments.rounds),
        seconds: arguments.seconds,
        threads,
        only: arguments.only.clone(),
    };
    let mut peers = invite(arguments, threads)?;
    let parts: Vec<Part> = if arguments.parts.is_empty() {
        Part::ALL.to_vec()
    } else {
        arguments.parts.iter().map(BenchPart::part).collect()
    };
    let report = Report {
        date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M").to_string(),
        build: crate::BUILD.to_owned(),
        machine: format!("{model}, {threads} of {cores} cores"),
        groups: bench::measure(&parts, &effort, &mut peers, &|title| tell(&format!("measuring: {title}")))?,
    };
    say(&report.to_markdown());
    keep(&report, &arguments.to)?;
    if let Some(old) = old {
        say(&format!("Against {}, build {}:", old.date, old.build));
        for change in report.against(&old) {
            let [before, now] = change.medians;
            say(&format!("{:>6.2} times as much as then  {}", now / before, change.name));
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl BenchPart {
    fn part(&self) -> Part {
        match self {
            Self::Steps => Part::Steps,
            Self::Kernels => Part::Kernels,
            Self::Grid => Part::Grid,
            Self::Memory => Part::Memory,
            Self::Trackers => Part::Trackers,
            Self::Files => Part::Files,
        }
    }
}

fn invite(arguments: &BenchArguments, threads: usize) -> anyhow::Result<Peers> {
    let Some(python) = &arguments.peers else { return Ok(Peers::default()) };
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/peers");
    let (peers, absent) = Peers::start(python, &scripts, threads)?;
    for script in absent {
        tell(&format!("warning: {script} does not start, it is left out"));
        let requirements = scripts.join("requirements.txt");
        tell(&format!("hint: {} -m pip install -r {}", python.display(), requirements.display()));
    }
    tell(&format!("peers: {}", peers.names().join(", ")));
    Ok(peers)
}

/// Both files of a report, named for its time.
fn keep(report: &Report, folder: &Path) -> anyhow::Result<()> {
    let name = report.date.replace([' ', ':'], "-");
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    for (ending, text) in [
        ("md", report.to_markdown()),
        ("json", serde_json::to_string_pretty(report).context("a report is plain data")?),
    ] {
        let path = folder.join(format!("{name}.{ending}"));
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        say(&format!("written: {}", path.display()));
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Report> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no report of `bench`", path.display()))
}
