//! `bench`: how fast it is here, and against what.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use bench::{Absent, Effort, Measured, Part, Peers, Report, Setting};
use clap::ValueEnum;
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
    let parts = parts(arguments)?;
    let gpu = arguments.device.gpu()?;
    let setting = Setting {
        device: arguments.device,
        populations: arguments.populations.clone(),
        vectors: if parts.contains(&Part::Golden) { vectors(arguments)? } else { PathBuf::new() },
    };
    let mut peers = invite(arguments, threads)?;
    let Measured { groups, claims } =
        bench::measure(&parts, &setting, &effort, &mut peers, &|title| tell(&format!("measuring: {title}")))?;
    let gpu = gpu.map_or(String::new(), |(name, _)| format!("{name}; "));
    let report = Report {
        date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M").to_string(),
        build: crate::BUILD.to_owned(),
        machine: format!("{gpu}{model}, {threads} of {cores} cores"),
        claims,
        groups,
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
            Self::Populations => Part::Populations,
            Self::Golden => Part::Golden,
        }
    }
}

/// What was asked for, or what is measured of the device by default.
fn parts(arguments: &BenchArguments) -> anyhow::Result<Vec<Part>> {
    let device = arguments.device;
    for asked in &arguments.parts {
        if !asked.part().is_of(device) {
            let name = |part: &BenchPart| part.to_possible_value().map(|value| value.get_name().to_owned());
            let there: Vec<String> = BenchPart::value_variants()
                .iter()
                .filter(|part| part.part().is_of(device))
                .filter_map(name)
                .collect();
            bail!(
                "`{}` is measured on the CPU only; on {device}: {}",
                name(asked).unwrap_or_default(),
                there.join(", ")
            );
        }
    }
    Ok(match arguments.parts.is_empty() {
        true => Part::of(device).to_vec(),
        false => arguments.parts.iter().map(BenchPart::part).collect(),
    })
}

/// The folder that holds `file`: the one that `option` named, `place` in the current directory, or `place` in the checkout that this
/// was built from.
fn folder(asked: Option<&Path>, option: &str, place: &str, file: &str) -> anyhow::Result<PathBuf> {
    let looked: Vec<PathBuf> = match asked {
        Some(asked) => vec![asked.to_owned()],
        None => vec![place.into(), Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(place)],
    };
    if let Some(found) = looked.iter().find(|folder| folder.join(file).is_file()) {
        return Ok(found.clone());
    }
    let looked: Vec<String> = looked.iter().map(|folder| folder.join(file).display().to_string()).collect();
    bail!("no {}: name the folder by `{option} DIR`", looked.join(", and no "))
}

fn vectors(arguments: &BenchArguments) -> anyhow::Result<PathBuf> {
    folder(arguments.vectors.as_deref(), "--vectors", "tests/vectors", "index.json")
}

fn invite(arguments: &BenchArguments, threads: usize) -> anyhow::Result<Peers> {
    let Some(python) = &arguments.peers else { return Ok(Peers::default()) };
    let scripts = folder(arguments.scripts.as_deref(), "--scripts", "bench/peers", "protocol.py")?;
    let (peers, absent) = Peers::start(python, &scripts, threads, arguments.device)?;
    for Absent { script, reason } in &absent {
        tell(&format!("warning: {script} is left out: {reason}"));
    }
    if absent.iter().any(|absent| absent.reason.starts_with("ModuleNotFoundError")) {
        let requirements = scripts.join("requirements.txt");
        tell(&format!("hint: {} -m pip install -r {}", python.display(), requirements.display()));
    }
    match peers.names().as_slice() {
        [] => tell("peers: none of them can take part, ours is measured alone"),
        names => tell(&format!("peers: {}", names.join(", "))),
    }
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
