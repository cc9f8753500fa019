//! The command line: flags and one match. It prints and exits; nothing else does.

mod asked;
mod commands;
mod limits;
mod terminal;
mod warnings;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use data::Source;
use settings::Device;
use spec::Override;

/// Version, commit and dependencies of this program.
const BUILD: &str = env!("BPFREE_BUILD");

/// Trains networks without backpropagation: one RON file in, a finished comparison out.
#[derive(Parser)]
#[command(name = "cargo xtask", version, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a commented pipeline file for a dataset, to begin with.
    Init(InitArguments),
    /// Do what a pipeline file asks for and is not done yet, and print its tables.
    Run(RunArguments),
    /// Show what of a pipeline is done, what would run, and why.
    Plan(PlanArguments),
    /// Show what differs between what would run and the nearest that is finished.
    Why(WhyArguments),
    /// Make the tables and reports of a pipeline from the trials that are finished.
    Report(ReportArguments),
    /// Write trained networks for other programs: weights, feedback, and a `model.json` that says the layers.
    Export(ExportArguments),
    /// Show who works on a pipeline's trials, also while a run is going on elsewhere.
    Status(PipelineArguments),
    /// What the store of results holds, whether it is whole, and what of it nobody needs.
    Artifacts(ArtifactsArguments),
    /// List the datasets and which of their files are present, or fetch one.
    #[command(args_conflicts_with_subcommands = true)]
    Data {
        #[command(subcommand)]
        command: Option<DataCommand>,
        #[command(flatten)]
        places: Places,
    },
    /// Measure how fast training is on this machine, next to PyTorch and JAX if asked: builds and runs the program `bench`.
    #[command(disable_help_flag = true)]
    Bench {
        /// Arguments of `bench`; `--help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Show what this machine has for training, and the way out where something is missing.
    ///
    /// Exits with 1 where results cannot be written, or where the device that `--device` names cannot be used: that is BROKEN. What is
    /// only missing (`no`) is needed for nothing but what stands beside it.
    Doctor(DoctorArguments),
    /// Start TensorBoard on a pipeline's trials, also while they train.
    Tensorboard(TensorboardArguments),
    /// Print every field and value that a pipeline file may have: the text of `pipelines/schema.md`.
    Schema,
}

#[derive(Args)]
struct InitArguments {
    /// The dataset, for example `cifar-10`; `cargo xtask data` lists them.
    #[arg(value_name = "DATASET", value_parser = commands::data::source_named)]
    source: Source,
    /// Your own images, from the data directory on: the folder of an image-folder, the file of an npz, or the files of
    /// images and of labels of an idx (give it twice).
    #[arg(long, value_name = "PATH")]
    path: Vec<PathBuf>,
    /// The file to write, which also names the pipeline [default: `pipelines/my-DATASET.ron`].
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Folder of the image files, in their official layout.
    #[arg(long, env = "BPFREE_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
}

#[derive(Args)]
struct ArtifactsArguments {
    #[command(subcommand)]
    command: ArtifactsCommand,
    #[command(flatten)]
    places: Places,
}

#[derive(Subcommand)]
enum ArtifactsCommand {
    /// List every artifact.
    Ls,
    /// Print what an artifact is made from and holds.
    Show {
        /// The beginning of its key.
        key: String,
    },
    /// Sum up sizes by kind.
    Du,
    /// Read every byte again and report all damage.
    Verify {
        /// Move damaged artifacts aside, so that the next run makes them anew.
        #[arg(long)]
        repair: bool,
    },
    /// Show what no pipeline file reaches.
    Gc {
        /// Folder of the pipeline files.
        #[arg(long, default_value = "pipelines", value_name = "DIR")]
        pipelines: PathBuf,
        /// Also keep what the run tree of this name shows; may be given more than once.
        #[arg(long, value_name = "NAME")]
        keep: Vec<String>,
        /// Remove it.
        #[arg(long)]
        delete: bool,
    },
}

#[derive(Args)]
struct TensorboardArguments {
    /// The pipeline file.
    file: PathBuf,
    #[command(flatten)]
    places: Places,
    /// A Python virtual environment that has TensorBoard [default: the active one, `.venv`, or python3's own].
    #[arg(long, value_name = "DIR")]
    venv: Option<PathBuf>,
    /// Where it listens [default: 6006, or the next port that is free].
    #[arg(long, value_name = "N")]
    port: Option<u16>,
}

#[derive(Subcommand)]
enum DataCommand {
    /// Download what a dataset lacks, check it, and unpack it into the data directory.
    Fetch(FetchArguments),
    /// Show what is in a dataset, per class and split, its checksums and copies, and write a PNG of examples.
    Info(InfoArguments),
}

#[derive(Args)]
struct InfoArguments {
    /// The dataset, for example `cifar-10`; `cargo xtask data` lists them.
    #[arg(value_name = "NAME", value_parser = commands::data::source_named)]
    source: Source,
    /// Your own images, from the data directory on: the folder of an image-folder, the file of an npz, or the files of
    /// images and of labels of an idx (give it twice).
    #[arg(long, value_name = "PATH")]
    path: Vec<PathBuf>,
    /// Pixels along each side, for an image-folder or caltech-256.
    #[arg(long, value_name = "N")]
    size: Option<u32>,
    /// Folder of the PNG file.
    #[arg(long, default_value = "artifacts/data", value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    places: Places,
}

#[derive(Args)]
struct FetchArguments {
    /// The dataset, for example `cifar-10`; `cargo xtask data` lists them.
    name: String,
    /// Folder of the image files, in their official layout.
    #[arg(long, env = "BPFREE_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    network: NetworkArguments,
}

/// Where missing official files come from.
#[derive(Args)]
struct NetworkArguments {
    /// Serves every file instead of the official addresses: `http://`, `https://` or `file://` and a folder.
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// Use no network: say which files to put where.
    #[arg(long, conflicts_with = "mirror")]
    offline: bool,
}

/// Where things lie.
#[derive(Args)]
struct Places {
    /// Folder of the image files, in their official layout.
    #[arg(long, global = true, env = "BPFREE_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// Folder of the results.
    #[arg(long, global = true, env = "BPFREE_ARTIFACTS", default_value = "artifacts", value_name = "DIR")]
    artifacts: PathBuf,
}

/// A pipeline file, and which of its results count.
#[derive(Args)]
struct PipelineArguments {
    /// The pipeline file.
    file: PathBuf,
    #[command(flatten)]
    places: Places,
    /// Give a field another value: `epochs=5` in every stage that has it, `search.epochs=5` in one. May be given more than once; the
    /// value is part of results' names.
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<Override>,
    /// Where trials train: cpu or cuda.
    #[arg(long, default_value_t = Device::Cpu)]
    device: Device,
    /// Use only results of this very build; by default the build is no part of a result's name.
    #[arg(long)]
    same_build: bool,
    /// Say more: every trial, every epoch.
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Args)]
struct RunArguments {
    #[command(flatten)]
    asked: PipelineArguments,
    #[command(flatten)]
    network: NetworkArguments,
    /// Threads on the CPU: a trial each, and those left without one help with the last ones [default: one per core].
    #[arg(long, short, value_parser = clap::value_parser!(u16).range(1..), value_name = "N")]
    jobs: Option<u16>,
    /// Most trials trained as one tensor program [default: 1 on the CPU, as many as its memory holds on a GPU]. Changes no result.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..), value_name = "N")]
    population: Option<u16>,
    /// Memory of the device that trials may take together, for example 8GB [default: most of what is free when they begin].
    #[arg(long, value_parser = commands::run::bytes, value_name = "SIZE")]
    memory: Option<u64>,
    /// Begin no trial after the first one that failed [default: go on with the others].
    #[arg(long)]
    fail_fast: bool,
}

#[derive(Args)]
struct PlanArguments {
    #[command(flatten)]
    asked: PipelineArguments,
    /// Take a few steps and say how long the rest would take here.
    #[arg(long)]
    time: bool,
}

#[derive(Args)]
struct ReportArguments {
    #[command(flatten)]
    asked: PipelineArguments,
    /// Open each report in a browser.
    #[arg(long)]
    open: bool,
}

#[derive(Args)]
struct ExportArguments {
    #[command(flatten)]
    asked: PipelineArguments,
    /// Only the winners of a Summarize stage [default: every finished trial].
    #[arg(long)]
    best: bool,
    /// The Summarize stage whose trials are meant [default with --best: the last].
    #[arg(long, value_name = "STAGE")]
    summary: Option<String>,
    /// One winner for each combination of values on these axes, separated by commas [default: as the stage says].
    #[arg(long, requires = "best", value_delimiter = ',', value_name = "AXIS", value_parser = commands::export::axis_names())]
    per: Vec<String>,
    /// Only this seed; may be given more than once.
    #[arg(long, value_name = "N")]
    seed: Vec<u64>,
    /// The folder to write; nothing in it is overwritten.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

#[derive(Args)]
struct WhyArguments {
    #[command(flatten)]
    asked: PipelineArguments,
    /// Only trials that have this text in their name, for example `dfa` or `seed 3`.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    trial: String,
}

#[derive(Args)]
struct DoctorArguments {
    #[command(flatten)]
    places: Places,
    /// Where trials are to train: cpu or cuda.
    #[arg(long, default_value_t = Device::Cpu)]
    device: Device,
}

fn main() -> ExitCode {
    let done = match CommandLine::parse().command {
        Command::Init(arguments) => commands::init::init(&arguments),
        Command::Run(arguments) => commands::run::run(&arguments),
        Command::Plan(arguments) => commands::plan::plan(&arguments),
        Command::Report(arguments) => commands::report::report(&arguments),
        Command::Export(arguments) => commands::export::export(&arguments),
        Command::Why(arguments) => commands::why::why(&arguments),
        Command::Status(arguments) => commands::status::status(&arguments),
        Command::Artifacts(arguments) => commands::artifacts::artifacts(&arguments),
        Command::Data { command: None, places } => commands::data::list(&places),
        Command::Data { command: Some(DataCommand::Fetch(arguments)), .. } => {
            commands::data::fetch(&arguments)
        }
        Command::Data { command: Some(DataCommand::Info(arguments)), .. } => {
            commands::data_info::info(&arguments)
        }
        Command::Bench { arguments } => commands::bench::bench(&arguments),
        Command::Doctor(arguments) => commands::doctor::doctor(&arguments),
        Command::Tensorboard(arguments) => commands::tensorboard::start(&arguments),
        Command::Schema => commands::schema::schema(),
    };
    done.unwrap_or_else(|error| terminal::refuse(&error))
}
