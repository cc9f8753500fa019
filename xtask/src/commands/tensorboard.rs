//! `tensorboard`: finds TensorBoard, and starts it on a pipeline's trials.

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
    terminal::{say, tell},
};

/// What a Python says of its TensorBoard: the version, and whether the data server is there.
const PROBE: &str = "
import tensorboard.version
try:
    import tensorboard_data_server
    server = tensorboard_data_server.server_binary()
except Exception:
    server = None
print(tensorboard.version.VERSION, 'fast' if server else 'slow')
";

/// What installs the version that this project is tested with.
pub const INSTALL: &str =
    "python3 -m venv .venv && .venv/bin/pip install 'tensorboard==2.21.*' 'setuptools<81'";

/// Where TensorBoard listens if that is free.
const USUAL_PORT: u16 = 6006;

pub fn start(arguments: &TensorboardArguments) -> anyhow::Result<ExitCode> {
    let TensorboardArguments { file, places, venv, port } = arguments;
    let pipeline = Pipeline::read(file)?;
    let folder = run_tree::pipeline_folder(&places.artifacts, &pipeline.name);
    if !folder.is_dir() {
        tell(&format!("error: there are no trials in {}", folder.display()));
        tell(&format!("hint: `cargo xtask run {}` makes some", file.display()));
        return Ok(ExitCode::FAILURE);
    }
    let Some(TensorBoard { python, version, has_data_server }) = find(venv.as_deref())? else {
        tell("error: no Python here has TensorBoard");
        tell(&format!("hint: install it, and run this command again: {INSTALL}"));
        tell("hint: or name the virtual environment that has it: `--venv DIR`");
        return Ok(ExitCode::FAILURE);
    };
    let port = match port {
        Some(port) => *port,
        None => free_port()?,
    };
    let reader =
        if has_data_server { "its data server" } else { "its Python reader, the data server is missing" };
    say(&format!("TensorBoard {version} with {reader} shows {}", folder.display()));
    say(&format!("  http://localhost:{port}/    (Ctrl-C ends it)"));
    say("  while trials train: Settings > Reload data, or the reload button");
    if let Some(regex) = regex_of_one_configuration(&pipeline) {
        say(&format!("  runs of one configuration, in the filter of runs: {regex}"));
        say("  only the means over seeds: /mean$");
    }
    let mut command = Command::new(&python);
    command.args(["-m", "tensorboard.main", "--logdir"]).arg(&folder);
    command.arg(format!("--load_fast={has_data_server}")).arg(format!("--port={port}"));
    end_with_this_process(&mut command);
    let status = command.status().with_context(|| format!("cannot start {}", python.display()))?;
    // Ctrl-C reaches TensorBoard, too.
    let was_ended = matches!(status.signal(), Some(libc::SIGINT | libc::SIGTERM));
    Ok(if status.success() || was_ended { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where the system can: whoever ends this process ends what it starts.
#[cfg(target_os = "linux")]
fn end_with_this_process(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    let ask = || {
        // SAFETY: it is one system call, which allocates nothing and takes no lock.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec, only that is done.
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(target_os = "linux"))]
fn end_with_this_process(_: &mut Command) {}

/// A TensorBoard that is installed.
pub struct TensorBoard {
    pub python: PathBuf,
    pub version: String,
    pub has_data_server: bool,
}

/// In `venv`, or else in the active virtual environment, in `.venv`, or beside `python3`.
pub fn find(venv: Option<&Path>) -> anyhow::Result<Option<TensorBoard>> {
    if let Some(venv) = venv {
        let python = python_of(venv);
        if !python.is_file() {
            bail!("`--venv {}`: no virtual environment, {} is missing", venv.display(), python.display());
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

/// The usual port, or the next one that is free.
fn free_port() -> anyhow::Result<u16> {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let port = (USUAL_PORT..USUAL_PORT + 100).find(is_free);
    port.with_context(|| format!("ports {USUAL_PORT} to {} are taken: name one by `--port`", USUAL_PORT + 99))
}

/// What shows the seeds and the mean of the pipeline's first configuration.
fn regex_of_one_configuration(pipeline: &Pipeline) -> Option<String> {
    pipeline.stages.iter().find_map(|stage| match stage {
        Stage::Train(train) => {
            let configuration = *train.points.candidates().first()?;
            // Of what names are made of, only the dot means something else.
            Some(format!("^{}/{}/", train.name, configuration.slug()).replace('.', r"\."))
        }
        _ => None,
    })
}
