//! `tensorboard`: finds TensorBoard and starts it on a pipeline's trials.

use std::{
    env,
    ffi::OsString,
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, bail};
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

/// The port of TensorBoard, if it is free.
const USUAL_PORT: u16 = 6006;

pub fn start(arguments: &TensorboardArguments) -> anyhow::Result<ExitCode> {
    let TensorboardArguments { file, venv, port, results } = arguments;
    let pipeline = Pipeline::read(file, &[])?;
    let folder = run_tree::pipeline_folder(&results.artifacts, &pipeline.name);
    if !folder.is_dir() {
        tell(&format!("error: there are no trials in {}", folder.display()));
        tell(&format!("hint: `{} run {}` trains them", program(), file.display()));
        return Ok(ExitCode::FAILURE);
    }
    let Some(TensorBoard { python, version, has_data_server }) = find(venv.as_deref())? else {
        tell("error: TensorBoard is not installed");
        tell(&format!("hint: install it with `{INSTALL}`, then run this command again"));
        tell("hint: or name a virtual environment with TensorBoard: `--venv DIR`");
        return Ok(ExitCode::FAILURE);
    };
    let port = match port {
        Some(port) => *port,
        None => free_port()?,
    };
    let reader =
        if has_data_server { "its data server" } else { "its Python reader (the data server is missing)" };
    say(&format!("TensorBoard {version} with {reader} shows {}", folder.display()));
    say(&format!("  http://localhost:{port}/    (Ctrl-C stops it)"));
    say("  while trials train: Settings > Reload data, or the reload button");
    if let Some(regex) = regex_of_one_configuration(&pipeline) {
        say(&format!("  to show one configuration, write into the filter of runs: {regex}"));
        say("  to show only the means over seeds: /mean$");
    }
    let mut command = Command::new(&python);
    command.args(["-m", "tensorboard.main", "--logdir"]).arg(&folder);
    command.arg(format!("--load_fast={has_data_server}")).arg(format!("--port={port}"));
    end_with_this_process(&mut command);
    let status = command.status().with_context(|| format!("cannot start {}", python.display()))?;
    // Ctrl-C reaches TensorBoard as well, which is no failure.
    let was_ended = matches!(status.signal(), Some(libc::SIGINT | libc::SIGTERM));
    Ok(if status.success() || was_ended { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks the system to end `command` when this process ends.
#[cfg(target_os = "linux")]
fn end_with_this_process(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork and exec, the closure makes one system call, which allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        })
    };
}

#[cfg(not(target_os = "linux"))]
fn end_with_this_process(_: &mut Command) {}

/// An installed TensorBoard, and the Python that runs it.
pub struct TensorBoard {
    pub python: PathBuf,
    pub version: String,
    pub has_data_server: bool,
}

/// Finds TensorBoard in `venv`; without one, in the active virtual environment, in `.venv`, or in the packages of `python3`.
pub fn find(venv: Option<&Path>) -> anyhow::Result<Option<TensorBoard>> {
    if let Some(venv) = venv {
        let python = python_of(venv);
        if !python.is_file() {
            bail!("`--venv {}` is no virtual environment: {} is missing", venv.display(), python.display());
        }
        return match probe(&python)? {
            Some(found) => Ok(Some(found)),
            None => bail!(
                "`--venv {}` has no TensorBoard: `{} -m pip install 'tensorboard==2.21.*' 'setuptools<81'` \
                 installs it",
                venv.display(),
                python.display()
            ),
        };
    }
    let active = env::var_os("VIRTUAL_ENV").map(|venv: OsString| python_of(Path::new(&venv)));
    let candidates = active.into_iter().chain([python_of(Path::new(".venv")), PathBuf::from("python3")]);
    for python in candidates {
        if let Some(found) = probe(&python)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
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

/// Returns the usual port, or the next free one.
fn free_port() -> anyhow::Result<u16> {
    let mut ports = USUAL_PORT..USUAL_PORT + 100;
    let port = ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    port.with_context(|| {
        format!("ports {USUAL_PORT} to {} are in use: choose one with `--port`", USUAL_PORT + 99)
    })
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
