//! The command line: its arguments, and one match. Only this crate prints, and only it decides the exit code.

mod asked;
mod commands;
mod limits;
mod namesake;
mod program;
mod signals;
mod terminal;
mod warnings;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use data::Source;
use settings::Device;
use spec::Override;

/// The version, the commit and the dependencies of this program.
const BUILD: &str = env!("BPFREE_BUILD");

/// Train neural networks without backpropagation and compare learning rules
#[derive(Parser)]
#[command(name = "bpfree", version, arg_required_else_help = true)]
#[command(after_help = "Example: cargo xtask run pipelines/quickstart.ron")]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a commented pipeline file for a dataset
    #[command(after_help = "Example: cargo xtask init fashion-mnist --to my.ron")]
    Init(InitArguments),
    /// Train what a pipeline file asks for and is not done yet, and print its tables
    #[command(after_help = RUN_HELP)]
    Run(Box<RunArguments>),
    /// Write a commented cluster file, for `run --cluster`
    #[command(after_help = "Example: cargo xtask init-cluster --to cluster.ron")]
    InitCluster(InitClusterArguments),
    /// Show which results exist, what would run, and why
    #[command(after_help = "Example: cargo xtask plan pipelines/quickstart.ron --time\n\n\
                            Exit codes: 0 planned; 1 your own images are missing; 2 wrong file or arguments")]
    Plan(PlanArguments),
    /// Show, for each trial that would run, which settings differ from the nearest finished trial
    #[command(
        after_help = "Example: cargo xtask why pipelines/quickstart.ron --set epochs=5 --trial 'seed 0'"
    )]
    Why(WhyArguments),
    /// Write the tables and reports from the trials finished so far
    #[command(after_help = "Example: cargo xtask report pipelines/quickstart.ron --open")]
    Report(ReportArguments),
    /// Export trained networks: weights, feedback matrices and a `model.json` that describes the layers
    #[command(after_help = "Example: cargo xtask export pipelines/quickstart.ron --best --to networks\n\n\
                            Exit codes: 0 exported; 1 no finished trial matches; 2 wrong file or arguments")]
    Export(ExportArguments),
    /// Write a pipeline file with its finished results into an archive, for another machine
    #[command(after_help = "Example: cargo xtask pack pipelines/quickstart.ron --to quickstart.tar")]
    Pack(PackArguments),
    /// Add the results of an archive to those of this machine; nothing is replaced
    #[command(after_help = "Example: cargo xtask unpack quickstart.tar")]
    Unpack(UnpackArguments),
    /// Show which process trains which trial, what is saved and what failed
    #[command(after_help = "Example: cargo xtask status pipelines/quickstart.ron -v")]
    Status(PipelineArguments),
    /// End the jobs of a pipeline on a cluster; finished trials and checkpoints are kept
    #[command(after_help = "Example: cargo xtask cancel pipelines/quickstart.ron")]
    Cancel(PipelineArguments),
    /// Inspect, verify and clean the store of results
    #[command(after_help = "Example: cargo xtask artifacts verify")]
    Artifacts(ArtifactsArguments),
    /// List datasets and show which files are present
    #[command(args_conflicts_with_subcommands = true)]
    #[command(after_help = "Example: cargo xtask data --data /big/data")]
    Data {
        #[command(subcommand)]
        command: Option<DataCommand>,
        #[command(flatten)]
        folder: DataFolder,
    },
    /// Measure training speed, on request next to PyTorch and JAX, and write a report
    #[command(disable_help_flag = true)]
    Bench {
        /// Arguments of the program `bench`; `--help` lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Show what this machine has for training, and how to fix what is missing
    ///
    /// Exits with 1 if results cannot be written or the device given by `--device` cannot be used (marked BROKEN). `no` marks
    /// optional features.
    #[command(after_help = "Example: cargo xtask doctor --device cuda")]
    Doctor(DoctorArguments),
    /// Start TensorBoard on a pipeline's trials, also while they train
    #[command(after_help = "Example: cargo xtask tensorboard pipelines/quickstart.ron --port 6007")]
    Tensorboard(TensorboardArguments),
    /// Print the reference of all pipeline fields (`pipelines/schema.md`)
    #[command(after_help = "Example: cargo xtask schema | less")]
    Schema,
}

const RUN_HELP: &str = "\
Example: cargo xtask run pipelines/quickstart.ron --set epochs=5 -v
         cargo xtask run pipelines/quickstart.ron --cluster cluster.ron

Exit codes:
  0    everything is done
  1    a trial failed or diverged unexpectedly, or the run was not possible
  2    wrong pipeline file or arguments
  3    everything is done, but a published value was missed
  130  interrupted by Ctrl-C; the same command continues";

/// The folder of the images.
#[derive(Args)]
#[command(next_help_heading = "Folders")]
struct DataFolder {
    /// Folder of the image files
    #[arg(long, env = "BPFREE_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
}

/// The folder of the results.
#[derive(Args)]
#[command(next_help_heading = "Folders")]
struct ArtifactsFolder {
    /// Folder of the results
    #[arg(long, global = true, env = "BPFREE_ARTIFACTS", default_value = "artifacts", value_name = "DIR")]
    artifacts: PathBuf,
}

/// The folders of images and results.
#[derive(Args)]
struct Places {
    #[command(flatten)]
    images: DataFolder,
    #[command(flatten)]
    results: ArtifactsFolder,
}

/// A dataset by its name, or a user's own images.
#[derive(Args)]
struct SourceArguments {
    /// The dataset, for example `cifar-10`; the command `data` lists all
    #[arg(value_name = "DATASET", value_parser = commands::data::source_named)]
    source: Source,
    /// Your own images, relative to the data directory: a folder (image-folder), a file (npz), or two files, images and
    /// labels (idx; give it twice)
    #[arg(long, value_name = "PATH")]
    path: Vec<PathBuf>,
}

#[derive(Args)]
struct InitArguments {
    #[command(flatten)]
    wanted: SourceArguments,
    /// The file to write, which also names the pipeline [default: `pipelines/my-DATASET.ron`]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    #[command(flatten)]
    images: DataFolder,
}

#[derive(Args)]
struct InitClusterArguments {
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "cluster.ron")]
    to: PathBuf,
}

#[derive(Args)]
struct ArtifactsArguments {
    #[command(subcommand)]
    command: ArtifactsCommand,
    #[command(flatten)]
    results: ArtifactsFolder,
}

#[derive(Subcommand)]
enum ArtifactsCommand {
    /// List every result, with its kind, key, size and age
    #[command(after_help = "Example: cargo xtask artifacts ls")]
    Ls,
    /// Print the settings, the origin and the files of a result
    #[command(after_help = "Example: cargo xtask artifacts show 3f2a")]
    Show {
        /// The first characters of the result's key
        key: String,
    },
    /// Sum up the sizes of results by kind
    #[command(after_help = "Example: cargo xtask artifacts du")]
    Du,
    /// Read every byte of every result and report damage
    #[command(after_help = "Example: cargo xtask artifacts verify --repair\n\n\
                            Exit codes: 0 nothing is damaged, or it was moved away; 1 results are damaged")]
    Verify {
        /// Move damaged results away, so that the next run computes them again
        #[arg(long)]
        repair: bool,
    },
    /// List chosen trials of a pipeline file, to remove their results
    #[command(
        after_help = "Example: cargo xtask artifacts rm pipelines/quickstart.ron --trial dfa --seed 3 --delete\n\n\
                            Exit codes: 0 listed or deleted; 1 no trial matches, or one is in use; 2 wrong file or arguments"
    )]
    Rm(RemoveArguments),
    /// List results that no pipeline file uses, with the reason
    #[command(after_help = "Example: cargo xtask artifacts gc --keep quickstart --delete")]
    Gc {
        /// Folder of the pipeline files
        #[arg(long, default_value = "pipelines", value_name = "DIR")]
        pipelines: PathBuf,
        /// Keep the results shown under `runs/NAME`; may be repeated
        #[arg(long, value_name = "NAME")]
        keep: Vec<String>,
        /// Delete the listed results
        #[arg(long)]
        delete: bool,
        #[command(flatten)]
        images: DataFolder,
    },
}

#[derive(Args)]
struct PackArguments {
    /// The archive to write, a tar file; an existing file is never overwritten
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    asked: PipelineArguments,
}

#[derive(Args)]
struct UnpackArguments {
    /// The archive that `pack` wrote
    archive: PathBuf,
    /// Folder for the pipeline file
    #[arg(long, default_value = ".", value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    results: ArtifactsFolder,
}

#[derive(Args)]
struct RemoveArguments {
    /// Only trials whose name contains this text, for example `dfa` or `lr0.01`
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    trial: String,
    /// Only this seed; may be repeated
    #[arg(long, value_name = "N")]
    seed: Vec<u64>,
    /// Delete the listed results, checkpoints and failures
    #[arg(long)]
    delete: bool,
    #[command(flatten)]
    asked: PipelineArguments,
}

#[derive(Args)]
struct TensorboardArguments {
    /// The pipeline file, in any folder
    file: PathBuf,
    /// Show the run with these values, as given to `run`. May be repeated
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<Override>,
    /// Python virtual environment with TensorBoard [default: the active one, `.venv`, or python3's own packages]
    #[arg(long, value_name = "DIR")]
    venv: Option<PathBuf>,
    /// Port [default: 6006, or the next free one]
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    #[command(flatten)]
    results: ArtifactsFolder,
}

#[derive(Subcommand)]
enum DataCommand {
    /// Download the missing files of a dataset, check and unpack them
    #[command(after_help = "Example: cargo xtask data fetch cifar-10 --data /big/data")]
    Fetch(FetchArguments),
    /// Show image counts per class and split, checksums and duplicates; write a PNG of examples
    #[command(after_help = "Example: cargo xtask data info image-folder --path pictures --size 64")]
    Info(InfoArguments),
}

#[derive(Args)]
struct FetchArguments {
    /// The dataset, for example `cifar-10`; the command `data` lists all
    #[arg(value_name = "DATASET", value_parser = commands::data::source_named)]
    source: Source,
    #[command(flatten)]
    network: NetworkArguments,
    #[command(flatten)]
    images: DataFolder,
}

#[derive(Args)]
struct InfoArguments {
    #[command(flatten)]
    wanted: SourceArguments,
    /// Pixels along each side, for an image-folder or caltech-256
    #[arg(long, value_name = "N")]
    size: Option<u32>,
    /// Folder for the PNG file
    #[arg(long, default_value = "artifacts/data", value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    places: Places,
}

/// The origin of missing official files.
#[derive(Args)]
struct NetworkArguments {
    /// Download from this URL or folder instead of the official addresses (`http://`, `https://`, `file://`)
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// Use no network; list the files to put into the data directory
    #[arg(long, conflicts_with = "mirror")]
    offline: bool,
}

/// A pipeline file, and the results that count for it.
#[derive(Args)]
#[command(next_help_heading = "Options of every command that reads a pipeline file")]
struct PipelineArguments {
    /// The pipeline file, in any folder
    #[arg(help_heading = "Arguments")]
    file: PathBuf,
    /// Override a field or an axis, written in the file or at its default: `epochs=5` in every stage that knows it,
    /// `images.fraction=0.1` in one stage. May be repeated. The results are shown in a run directory of their own
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<Override>,
    /// Device to train on: cpu or cuda
    #[arg(long, default_value_t = Device::Cpu)]
    device: Device,
    /// Ignore results of other builds
    #[arg(long)]
    same_build: bool,
    /// Print every trial and every epoch
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    places: Places,
}

#[derive(Args)]
struct RunArguments {
    /// CPU threads [default: one per core]
    #[arg(long, short, value_parser = clap::value_parser!(u16).range(1..), value_name = "N")]
    jobs: Option<u16>,
    /// Largest number of trials trained as one tensor program [default: 1 on the CPU, as many as fit on a GPU]. Does not change
    /// results
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..), value_name = "N")]
    population: Option<u16>,
    /// Memory limit for all trials together and for decoding pictures, for example 8GB [default: most of the free memory]
    #[arg(long, value_parser = commands::run::bytes, value_name = "SIZE")]
    memory: Option<u64>,
    /// Start no trial after the first failure
    #[arg(long)]
    fail_fast: bool,
    /// Train on a Slurm cluster: submit workers as this file says, wait for them, and end with the report
    #[arg(long, value_name = "FILE", conflicts_with_all = ["jobs", "memory"])]
    cluster: Option<PathBuf>,
    /// Return when the workers are submitted; a last job writes the report
    #[arg(long, requires = "cluster", conflicts_with = "worker")]
    detach: bool,
    /// Train what no other process trains, then exit: no waiting, no tables. For schedulers that start the same command N times
    #[arg(long, conflicts_with = "cluster")]
    worker: bool,
    /// The study for which this job was submitted
    #[arg(long, hide = true, env = "BPFREE_STUDY", hide_env = true)]
    study: Option<String>,
    /// The seconds between SIGUSR1 and the time limit of this job
    #[arg(long, hide = true, default_value_t = 0)]
    warning_seconds: u64,
    #[command(flatten)]
    network: NetworkArguments,
    #[command(flatten)]
    asked: PipelineArguments,
}

#[derive(Args)]
struct PlanArguments {
    /// Train a few steps, and estimate the time of the rest on this machine
    #[arg(long)]
    time: bool,
    #[command(flatten)]
    asked: PipelineArguments,
}

#[derive(Args)]
struct ReportArguments {
    /// Open each report in a browser
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    asked: PipelineArguments,
}

#[derive(Args)]
struct ExportArguments {
    /// Export only the winners of a Summarize stage [default: every finished trial]
    #[arg(long)]
    best: bool,
    /// Export the trials of this Summarize stage [default with --best: the last]
    #[arg(long, value_name = "STAGE")]
    summary: Option<String>,
    /// One winner per combination of these axes, comma-separated; `all` for one winner [default: as the stage says]
    #[arg(long, requires = "best", value_delimiter = ',', value_name = "AXIS", value_parser = commands::export::axis_name)]
    per: Vec<String>,
    /// Export only this seed; may be repeated
    #[arg(long, value_name = "N")]
    seed: Vec<u64>,
    /// Output folder; existing files are never overwritten
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    asked: PipelineArguments,
}

#[derive(Args)]
struct WhyArguments {
    /// Only trials whose name contains this text, for example `dfa` or `seed 3`
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    trial: String,
    #[command(flatten)]
    asked: PipelineArguments,
}

#[derive(Args)]
struct DoctorArguments {
    /// Device to train on: cpu or cuda
    #[arg(long, default_value_t = Device::Cpu)]
    device: Device,
    #[command(flatten)]
    places: Places,
}

fn main() -> ExitCode {
    let matches = program::name_in_help(CommandLine::command()).get_matches();
    let command_line = CommandLine::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    commands::run::keep_expected_panics_quiet();
    let done = match command_line.command {
        Command::Init(arguments) => commands::init::init(&arguments),
        Command::InitCluster(arguments) => commands::init::init_cluster(&arguments),
        Command::Run(arguments) if arguments.worker => commands::worker::work(&arguments),
        Command::Run(arguments) if arguments.cluster.is_some() => commands::cluster::run(*arguments),
        Command::Run(arguments) => commands::run::run(&arguments),
        Command::Plan(arguments) => commands::plan::plan(&arguments),
        Command::Report(arguments) => commands::report::report(&arguments),
        Command::Export(arguments) => commands::export::export(&arguments),
        Command::Why(arguments) => commands::why::why(&arguments),
        Command::Pack(arguments) => commands::pack::pack(&arguments),
        Command::Unpack(arguments) => commands::pack::unpack(&arguments),
        Command::Status(arguments) => commands::status::status(&arguments),
        Command::Cancel(arguments) => commands::cancel::cancel(&arguments),
        Command::Artifacts(arguments) => commands::artifacts::artifacts(&arguments),
        Command::Data { command: None, folder } => commands::data::list(&folder.data),
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
