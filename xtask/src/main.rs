//! The command line: flags and one match. It prints and exits; nothing else does.

mod commands;
mod terminal;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use engine::Device;

/// Trains networks without backpropagation: one RON file in, a finished comparison out.
#[derive(Parser)]
#[command(name = "cargo xtask", version, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Do what a pipeline file asks for and is not done yet, and print its tables.
    Run(RunArguments),
    /// Show what of a pipeline is done, what would run, and why.
    Plan(PlanArguments),
    /// List the datasets and which of their files are present.
    Data {
        #[command(flatten)]
        places: Places,
    },
    /// Print the TensorBoard command for a pipeline's trials, and start it if it is installed.
    Tensorboard {
        /// The pipeline file.
        file: PathBuf,
        #[command(flatten)]
        places: Places,
    },
}

/// Where things lie.
#[derive(Args)]
struct Places {
    /// Folder of the image files, in their official layout.
    #[arg(long, env = "BPFREE_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// Folder of the results.
    #[arg(long, env = "BPFREE_ARTIFACTS", default_value = "artifacts", value_name = "DIR")]
    artifacts: PathBuf,
}

#[derive(Args)]
struct RunArguments {
    /// The pipeline file.
    file: PathBuf,
    #[command(flatten)]
    places: Places,
    /// Where to train: cpu or cuda.
    #[arg(long, default_value_t = Device::Cpu)]
    device: Device,
    /// Trials trained at a time on the CPU [default: one per core].
    #[arg(long, short, value_parser = clap::value_parser!(u16).range(1..), value_name = "N")]
    jobs: Option<u16>,
    /// Most trials trained as one tensor program [default: 1 on the CPU, 64 on a GPU]. Changes no result.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..), value_name = "N")]
    population: Option<u16>,
    /// Print every epoch.
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Args)]
struct PlanArguments {
    /// The pipeline file.
    file: PathBuf,
    #[command(flatten)]
    places: Places,
    /// Where the trials would train: cpu or cuda.
    #[arg(long, default_value_t = Device::Cpu)]
    device: Device,
    /// Print every trial that would run.
    #[arg(long, short)]
    verbose: bool,
}

fn main() -> ExitCode {
    let done = match CommandLine::parse().command {
        Command::Run(arguments) => commands::run::run(&arguments),
        Command::Plan(arguments) => commands::plan::plan(&arguments),
        Command::Data { places } => commands::data::list(&places),
        Command::Tensorboard { file, places } => commands::tensorboard::start(&file, &places),
    };
    done.unwrap_or_else(|error| terminal::refuse(&error))
}
