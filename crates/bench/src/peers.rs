//! The same work in other programs, in processes that stay alive so that all contestants take turns.
//!
//! A message is a JSON object on one line; `bench/peers/protocol.py` lists the requests.

use std::{
    cell::RefCell,
    fs::{self, File},
    io::{BufRead, BufReader, Read, Seek, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    rc::Rc,
    thread,
    time::Duration,
};

use anyhow::{Context, bail};
use model::checkpoint::{Array, to_bytes};
use serde_json::{Value, json};
use settings::{Device, Precision};
use tempfile::NamedTempFile;

use crate::{
    case::{Case, name},
    rounds::Contestant,
    tell,
};

/// The scripts, in the order of the tables.
const SCRIPTS: [&str; 2] = ["pytorch.py", "jax_peer.py"];

/// The first steps, whose losses have to agree with ours.
pub const COMPARED_STEPS: usize = 10;

/// The time in which the threads of a peer go to sleep. After their work they wait in a loop, on the cores of the next contestant.
const SETTLING: Duration = Duration::from_millis(250);

/// The programs that do the same work; empty if none was asked for.
#[derive(Default)]
pub struct Peers(Vec<Rc<RefCell<Process>>>);

/// One way in which a peer trains.
pub struct Mode {
    process: Rc<RefCell<Process>>,
    mode: String,
}

struct Process {
    script: String,
    /// The name and version of the framework, `PyTorch 2.15`.
    framework: String,
    modes: Vec<String>,
    /// The standard error output.
    messages: File,
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peers {
    /// Starts every peer that `python` can import and that can use `device`. A warning names each of the others with the reason.
    pub fn start(python: &Path, scripts: &Path, threads: usize, device: Device) -> anyhow::Result<Self> {
        let mut peers = Self::default();
        let mut lacks_packages = false;
        for script in SCRIPTS {
            let path = scripts.join(script);
            let mut process = Process::start(python, &path, threads, device)
                .with_context(|| format!("cannot start {} {}", python.display(), path.display()))?;
            if process.describe().is_ok() {
                peers.0.push(Rc::new(RefCell::new(process)));
                continue;
            }
            let reason = process.last_message();
            tell(&format!("warning: {script} is left out: {reason}"));
            lacks_packages |= reason.starts_with("ModuleNotFoundError");
        }
        if lacks_packages {
            let requirements = scripts.join("requirements.txt");
            tell(&format!("hint: {} -m pip install -r {}", python.display(), requirements.display()));
        }
        let names: Vec<String> = peers.0.iter().map(|process| process.borrow().framework.clone()).collect();
        tell(&format!("peers: {}", if names.is_empty() { "none".into() } else { names.join(", ") }));
        Ok(peers)
    }

    /// Returns the modes that train one trial after the other.
    pub fn sequential_modes(&self) -> Vec<Mode> {
        self.modes(|mode| !is_batched(mode))
    }

    /// Returns the modes that train the trials of a population together.
    pub fn batched_modes(&self) -> Vec<Mode> {
        self.modes(is_batched)
    }

    fn modes(&self, is_wanted: fn(&str) -> bool) -> Vec<Mode> {
        let mut modes = Vec::new();
        for process in &self.0 {
            for mode in process.borrow().modes.iter().filter(|mode| is_wanted(mode)) {
                modes.push(Mode { process: Rc::clone(process), mode: mode.clone() });
            }
        }
        modes
    }
}

fn is_batched(mode: &str) -> bool {
    mode.ends_with("batched") || mode == "vmap"
}

/// Prepares `case` in each mode and adds those that succeed to `contestants`. Returns a sentence per mode: whether its losses agree
/// with `losses`, `[steps][trials]`, or why it is left out.
pub fn join(
    modes: &[Mode],
    case: &Case,
    losses: &[Vec<f32>],
    contestants: &mut Vec<Contestant<'static>>,
) -> anyhow::Result<Vec<String>> {
    let mut notes = Vec::new();
    if modes.is_empty() {
        return Ok(notes);
    }
    let file = tempfile::Builder::new().suffix(".safetensors").tempfile()?;
    fs::write(file.path(), to_bytes(&arrays(case)?, None))
        .context("cannot write the arrays for the peers")?;
    for mode in modes {
        match mode.prepare(case, &file) {
            Ok((prepared, theirs)) => {
                notes.push(agreement(&mode.name(), case.precision, losses, &theirs));
                contestants.push(Contestant::elsewhere(mode.name(), move |steps| prepared.measure(steps)));
            }
            Err(error) => notes.push(format!("{} is left out: {error:#}.", mode.name())),
        }
    }
    Ok(notes)
}

impl Mode {
    /// Returns a name like `PyTorch 2.15, eager`.
    pub fn name(&self) -> String {
        format!("{}, {}", self.process.borrow().framework, self.mode)
    }

    /// Makes the peer train the first steps of `case`, and returns their losses, `[steps][trials]`.
    fn prepare(&self, case: &Case, arrays: &NamedTempFile) -> anyhow::Result<(Prepared, Vec<Vec<f32>>)> {
        let seeds = case.seeds();
        let (mut rates, mut places) = (Vec::new(), Vec::new());
        for (rate, seed) in &case.trials {
            rates.push(*rate);
            places.push(seeds.iter().position(|other| other == seed));
        }
        let request = json!({
            "command": "prepare", "id": self.mode, "rule": case.algorithm.name(), "mode": self.mode,
            "precision": name(case.precision), "arrays": arrays.path(), "losses": COMPARED_STEPS,
            "learning_rates": rates, "seeds": places,
            // All trials share one stream of batches.
            "streams": vec![0; case.trials.len()],
        });
        let mut answer = self.process.borrow_mut().ask(&request)?;
        let prepared = Prepared { process: Rc::clone(&self.process), id: self.mode.clone() };
        let losses = serde_json::from_value(answer["losses"].take()).context("unexpected losses")?;
        Ok((prepared, losses))
    }
}

/// A case that a peer keeps until this is dropped.
struct Prepared {
    process: Rc<RefCell<Process>>,
    id: String,
}

impl Prepared {
    /// Takes further steps and returns their seconds.
    fn measure(&self, steps: usize) -> anyhow::Result<f64> {
        let request = json!({ "command": "measure", "id": self.id, "steps": steps });
        let answer = self.process.borrow_mut().ask(&request)?;
        thread::sleep(SETTLING);
        answer["seconds"].as_f64().context("a peer answered without `seconds`")
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // A peer that has ended keeps nothing.
        let _ = self.process.borrow_mut().ask(&json!({ "command": "forget", "id": self.id }));
    }
}

/// Returns first weights, feedback and batches as the protocol defines them: with a leading axis of seeds or of streams, and with
/// the output layer as the last of the numbered layers.
fn arrays(case: &Case) -> anyhow::Result<Vec<Array>> {
    let mut seeds = Vec::new();
    for seed in case.seeds() {
        let single = Case { trials: vec![(0.0, seed)], precision: Precision::Full, ..case.clone() };
        seeds.push(single.rehearse(Device::Cpu)?.arrays(0));
    }
    let output = format!("layer_{}", case.shape.hidden.len() + 1);
    let mut stacked: Vec<Array> = seeds[0].clone();
    for (index, array) in stacked.iter_mut().enumerate() {
        array.name = array.name.replace("output", &output);
        if array.shape.len() == 1 {
            array.shape.insert(0, 1);
        }
        array.shape.insert(0, seeds.len());
        array.values = seeds.iter().flat_map(|seed| seed[index].values.iter().copied()).collect();
    }
    let batches = case.shape.batches();
    let leading = [1, batches.len(), case.shape.batch];
    let inputs = batches.iter().flat_map(|batch| batch.input.iter().copied()).collect();
    let targets = batches.iter().flat_map(|batch| batch.target.iter().copied()).collect();
    for (name, columns, values) in
        [("batch/input", case.shape.inputs, inputs), ("batch/target", case.shape.outputs, targets)]
    {
        stacked.push(Array { name: name.into(), shape: [&leading[..], &[columns]].concat(), values });
    }
    Ok(stacked)
}

/// Returns a sentence on the difference of a peer's losses from ours.
fn agreement(peer: &str, precision: Precision, ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> String {
    let same_lengths = ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(ours, theirs)| ours.len() == theirs.len());
    let pairs = ours.iter().flatten().zip(theirs.iter().flatten());
    let differences: Vec<f32> = pairs.map(|(ours, theirs)| ((ours - theirs) / ours).abs()).collect();
    // A NaN is within no tolerance.
    let agrees = same_lengths && differences.iter().all(|difference| *difference <= tolerance(precision));
    let agrees = if agrees { "agree" } else { "DO NOT AGREE" };
    let worst = differences.into_iter().max_by(f32::total_cmp).unwrap_or(f32::NAN);
    format!(
        "Losses of the first {} steps from the same weights {agrees} with {peer}: largest relative difference {worst:.1e}.",
        ours.len()
    )
}

/// Returns the largest relative difference of a loss after ten steps: sums have another order, Adam divides small gradients by their
/// size, and TF32 keeps 11 bits of each factor.
fn tolerance(precision: Precision) -> f32 {
    match precision {
        Precision::Full => 1e-3,
        Precision::Tf32 => 2e-2,
    }
}

impl Process {
    fn start(python: &Path, script: &Path, threads: usize, device: Device) -> anyhow::Result<Self> {
        let messages = tempfile::tempfile()?;
        let mut child = Command::new(python)
            // No `__pycache__` next to the scripts.
            .arg("-B")
            .arg(script)
            .args(["--threads", &threads.to_string(), "--device", &device.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(messages.try_clone()?)
            .spawn()?;
        let requests = child.stdin.take().expect("it is piped");
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        let (script, framework, modes) = (script.display().to_string(), String::new(), Vec::new());
        Ok(Self { script, framework, modes, messages, child, requests, answers })
    }

    /// Asks for the framework and its modes.
    fn describe(&mut self) -> anyhow::Result<()> {
        let mut answer = self.ask(&json!({ "command": "describe" }))?;
        let [framework, version] = ["framework", "version"].map(|name| answer[name].as_str().unwrap_or("?"));
        self.framework = format!("{framework} {version}");
        self.modes = serde_json::from_value(answer["modes"].take())?;
        Ok(())
    }

    /// Ends the process, and returns the last line of its standard error output.
    fn last_message(&mut self) -> String {
        self.end();
        let mut text = Vec::new();
        let read = self.messages.rewind().and_then(|()| self.messages.read_to_end(&mut text));
        if let Err(error) = read {
            return format!("its messages cannot be read: {error}");
        }
        let text = String::from_utf8_lossy(&text);
        let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
        last.unwrap_or("it ended without a message").to_owned()
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn ask(&mut self, request: &Value) -> anyhow::Result<Value> {
        let mut answer = String::new();
        writeln!(self.requests, "{request}")
            .and_then(|()| self.requests.flush())
            .and_then(|()| self.answers.read_line(&mut answer))
            .with_context(|| format!("cannot talk to {}", self.script))?;
        match serde_json::from_str::<Value>(&answer) {
            Ok(value) if value.get("error").is_none() => Ok(value),
            _ => bail!("{} answered `{}`", self.script, answer.trim()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // At the end of its input it would first finish its present work.
        self.end();
    }
}
