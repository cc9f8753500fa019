//! How fast is training on this machine?
//!
//! The contestants of a [`report::Group`] do the same work in turn within one run: on a machine that others use, too, only ratios
//! of times from the same run mean anything.

mod case;
mod files;
mod golden;
mod kernels;
mod memory;
mod nodes;
mod peers;
mod populations;
mod report;
mod rounds;
mod session;
mod steps;
mod trackers;

use std::{
    fs,
    io::{self, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Parser, ValueEnum};
use engine::DeviceError;
use machine::Processor;
use settings::Device;

use crate::{peers::Peers, report::Report, rounds::Effort, session::Session};

/// Measures how fast training is on this machine, and writes a report.
///
/// `cargo xtask bench` builds and runs this program. A machine without cargo runs a copy of it: build it with
/// `cargo build --release --package bench` (with `--features cuda` for an NVIDIA GPU), and copy `target/release/bench` to
/// `bench/bench`, next to the folders `bench/peers` and `tests/vectors`.
#[derive(Parser)]
#[command(name = "bench")]
struct Arguments {
    /// The parts to measure [default: every part up to `files` on the CPU, `golden` and `populations` on a GPU].
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Device of the parts `populations` and `golden`: `cpu` or `cuda`.
    #[arg(long, default_value_t = Device::Cpu, value_name = "DEVICE")]
    device: Device,
    /// A Python with the packages of `bench/peers/requirements.txt`: PyTorch and JAX then do the same work in turn.
    #[arg(long, value_name = "PYTHON")]
    peers: Option<PathBuf>,
    /// Folder of the peers' scripts.
    #[arg(long, default_value = "bench/peers", value_name = "DIR")]
    scripts: PathBuf,
    /// Folder of golden vectors; may be given several times.
    #[arg(long, default_values = ["tests/vectors", "tests/vectors2"], value_name = "DIR")]
    vectors: Vec<PathBuf>,
    /// Trials per population, separated by commas; sizes that exceed the free memory are left out.
    #[arg(
        long,
        value_delimiter = ',',
        default_values = ["1", "3", "12", "48", "96", "192", "384", "768", "1536"],
        value_name = "N"
    )]
    populations: Vec<NonZeroUsize>,
    /// Measure only groups with this text in their title.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    only: String,
    /// Seconds of one timing.
    #[arg(long, default_value_t = 0.3, value_name = "S")]
    seconds: f64,
    /// Timings of every contestant.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..), value_name = "N")]
    rounds: u16,
    /// Threads that each contestant may use [default: one per core].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..), value_name = "N")]
    threads: Option<u16>,
    /// Folder of the report.
    #[arg(long, default_value = "artifacts/bench", value_name = "DIR")]
    to: PathBuf,
}

/// A part of the benchmark.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Part {
    /// A training step of each rule, next to its matrix products alone and to the peers.
    Steps,
    /// The operations of a step.
    Kernels,
    /// The memory that a step of each rule needs beyond weights and optimizer state.
    Memory,
    /// The cost of each tracker.
    Trackers,
    /// Batches of a dataset, and the store of results.
    Files,
    /// Populations of many sizes, next to the peers and to the memory bound of the device.
    Populations,
    /// The golden vectors, replayed on the device.
    Golden,
    /// A study on 1, 2 and 3 nodes of the Slurm cluster of this machine.
    Nodes,
}

impl Part {
    /// The parts that are measured by default, in the order of the report.
    fn defaults(device: Device) -> Vec<Self> {
        match device {
            Device::Cpu => vec![Self::Steps, Self::Kernels, Self::Memory, Self::Trackers, Self::Files],
            Device::Cuda => vec![Self::Golden, Self::Populations],
        }
    }

    fn runs_on(self, device: Device) -> bool {
        device == Device::Cpu || matches!(self, Self::Populations | Self::Golden)
    }
}

fn main() -> ExitCode {
    match bench(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {error:#}"));
            if let Some(error) = error.downcast_ref::<DeviceError>() {
                tell(&format!("hint: {}", error.hint()));
            }
            ExitCode::FAILURE
        }
    }
}

fn bench(arguments: &Arguments) -> anyhow::Result<()> {
    let date = report::date()?;
    let device = arguments.device;
    let parts = if arguments.parts.is_empty() { Part::defaults(device) } else { arguments.parts.clone() };
    if !parts.iter().all(|part| part.runs_on(device)) {
        bail!("only `populations` and `golden` can be measured on {device}");
    }
    let Arguments { scripts, vectors, .. } = arguments;
    let absent = vectors.iter().find(|folder| !folder.join("index.json").is_file());
    if let (true, Some(folder)) = (parts.contains(&Part::Golden), absent) {
        bail!("there are no golden vectors in {}: name their folder with `--vectors DIR`", folder.display());
    }
    if arguments.peers.is_some() && !scripts.join("protocol.py").is_file() {
        bail!("there are no scripts in {}: name their folder with `--scripts DIR`", scripts.display());
    }
    let gpu = engine::gpu(device)?.map_or(String::new(), |(name, _)| format!("{name}; "));
    let Processor { model: processor, cores, .. } = Processor::of_this_machine();
    let threads = arguments.threads.map_or(cores, usize::from);
    let peers = match &arguments.peers {
        Some(python) => Peers::start(python, scripts, threads, device)?,
        None => Peers::default(),
    };
    let mut session = Session {
        device,
        effort: Effort { rounds: arguments.rounds.into(), seconds: arguments.seconds, threads },
        only: arguments.only.clone(),
        peers,
        groups: Vec::new(),
    };
    for part in parts {
        match part {
            Part::Steps => steps::measure(&mut session)?,
            Part::Kernels => kernels::measure(&mut session)?,
            Part::Memory => memory::measure(&mut session)?,
            Part::Trackers => trackers::measure(&mut session)?,
            Part::Files => files::measure(&mut session)?,
            Part::Populations => {
                let sizes = arguments.populations.iter().map(|size| size.get()).collect();
                populations::measure(&mut session, sizes)?;
            }
            Part::Golden => golden::measure(&mut session, vectors)?,
            Part::Nodes => nodes::measure(&mut session)?,
        }
    }
    let report = Report {
        date,
        build: env!("BPFREE_BUILD").to_owned(),
        machine: format!("{gpu}{processor} ({}), {threads} of {cores} cores", cpu::instruction_set()),
        groups: session.groups,
    };
    say(&report.to_markdown());
    write(&report, &arguments.to)
}

/// Writes the file of a report, named for its date.
fn write(report: &Report, folder: &Path) -> anyhow::Result<()> {
    let name = report.date.replace([' ', ':'], "-");
    fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    let path = folder.join(format!("{name}.md"));
    fs::write(&path, report.to_markdown()).with_context(|| format!("cannot write {}", path.display()))?;
    say(&format!("written: {}", path.display()));
    Ok(())
}

/// Prints a line to standard output; a closed pipe (`| head`) does not stop the measurement.
fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Prints a line to standard error.
fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
