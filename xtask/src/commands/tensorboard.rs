//! `tensorboard`: finds TensorBoard and starts it on a pipeline's trials.

use std::{
    env,
    io::ErrorKind,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::Context;
use results::run_tree;
use spec::{Pipeline, Stage};

use crate::{
    TensorboardArguments,
    program::program,
    terminal::{say, tell},
};

/// A Python program that prints the version of TensorBoard, and `fast` if the data server is installed.
const PROBE: &str = "
import tensorboard.version
try:
    import tensorboard_data_server
    server = tensorboard_data_server.server_binary()
except Exception:
    server = None
print(tensorboard.version.VERSION, 'fast' if server else 'slow')
";

/// The commands that install the version that this project is tested with.
pub const INSTALL: &str =
    "python3 -m venv .venv && .venv/bin/pip install 'tensorboard==2.21.*' 'setuptools<81'";

pub fn start(arguments: &TensorboardArguments) -> anyhow::Result<ExitCode> {
    let TensorboardArguments { file, set, venv, port, results } = arguments;
    let pipeline = Pipeline::read(file, set)?;
    let folder = run_tree::pipeline_folder(&results.artifacts, &pipeline.name);
    if !folder.is_dir() {
        tell(&format!("error: there are no trials in {}", folder.display()));
        tell(&format!("hint: `{} run {}` trains them", program(), pipeline.file));
        return Ok(ExitCode::FAILURE);
    }
    let Some(TensorBoard { python, version, has_data_server }) = find(venv.as_deref())? else {
        if let Some(venv) = venv {
            tell(&format!("error: TensorBoard is not installed in {}", venv.display()));
            tell("hint: leave `--venv` out to search in `.venv` and in the packages of `python3`");
        } else {
            tell("error: TensorBoard is not installed");
            tell(&format!("hint: install it with `{INSTALL}`, then run this command again"));
            tell("hint: or name a virtual environment with TensorBoard: `--venv DIR`");
        }
        return Ok(ExitCode::FAILURE);
    };
    let reader =
        if has_data_server { "its data server" } else { "its Python reader (the data server is missing)" };
    say(&format!("TensorBoard {version} with {reader} shows {}", folder.display()));
    say("  while trials train: Settings > Reload data, or the reload button");
    if let Some(regex) = regex_of_one_configuration(&pipeline) {
        say(&format!("  to show one configuration, write into the filter of runs: {regex}"));
        say("  to show only the means over seeds: /mean$");
    }
    let mut command = Command::new(&python);
    command.args(["-m", "tensorboard.main", "--logdir"]).arg(&folder);
    command.arg(format!("--load_fast={has_data_server}"));
    command.args(port.map(|port| format!("--port={port}")));
    // TensorBoard replaces this process, so that Ctrl-C and the exit code are its own.
    Err(command.exec()).with_context(|| format!("cannot start {}", python.display()))
}

/// An installed TensorBoard, and the Python that runs it.
pub struct TensorBoard {
    pub python: PathBuf,
    pub version: String,
    pub has_data_server: bool,
}

/// Finds TensorBoard in `venv`; without one, in the active virtual environment, in `.venv`, or in the packages of `python3`.
pub fn find(venv: Option<&Path>) -> anyhow::Result<Option<TensorBoard>> {
    let pythons = match venv {
        Some(venv) => vec![python_of(venv)],
        None => {
            let active = env::var_os("VIRTUAL_ENV").map(|venv| python_of(Path::new(&venv)));
            active.into_iter().chain([python_of(Path::new(".venv")), PathBuf::from("python3")]).collect()
        }
    };
    pythons.iter().find_map(|python| probe(python).transpose()).transpose()
}

fn python_of(venv: &Path) -> PathBuf {
    venv.join("bin").join("python")
}

fn probe(python: &Path) -> anyhow::Result<Option<TensorBoard>> {
    let output = match Command::new(python).args(["-c", PROBE]).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        output => output.with_context(|| format!("cannot start {}", python.display()))?,
    };
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.trim().split_once(' ').filter(|_| output.status.success()).map(|(version, speed)| TensorBoard {
        python: python.to_owned(),
        version: version.to_owned(),
        has_data_server: speed == "fast",
    }))
}

/// Returns the filter that shows the seeds and the mean of the pipeline's first configuration.
fn regex_of_one_configuration(pipeline: &Pipeline) -> Option<String> {
    pipeline.stages.iter().find_map(|stage| match stage {
        Stage::Train(train) => {
            let configuration = *train.grid.points.candidates().first()?;
            // The dot is the only special character in names.
            Some(format!("^{}/{}/", train.name, configuration.slug()).replace('.', r"\."))
        }
        _ => None,
    })
}
