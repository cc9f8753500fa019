//! The same work in other programs: processes that are kept alive, so that everybody takes turns.
//!
//! What is said is a JSON object per line; `bench/peers/protocol.py` lists the requests.

use std::{
    cell::RefCell,
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    rc::Rc,
};

use engine::{Device, rehearse};
use model::checkpoint::{self, Array};
use serde_json::{Value, json};

use crate::{Case, rounds::Contestant, steps::COMPARED_STEPS};

/// Why a peer could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The process did not start, or ended.
    #[error("cannot talk to {script}")]
    Io {
        /// Its script.
        script: String,
        /// What the system said.
        source: io::Error,
    },
    /// It answered with an error, or with something else than expected.
    #[error("{script} answered `{answer}`")]
    Answer {
        /// Its script.
        script: String,
        /// As it came.
        answer: String,
    },
    /// The arrays that it should start from could not be written.
    #[error("cannot write the arrays for the peers")]
    Arrays(#[from] checkpoint::CheckpointError),
}

/// The scripts, in the order of the tables.
const SCRIPTS: [&str; 2] = ["pytorch.py", "jax_peer.py"];

/// Other programs that do the same work; empty where nobody was invited.
#[derive(Default)]
pub struct Peers {
    processes: Vec<Rc<RefCell<Process>>>,
}

struct Process {
    script: String,
    framework: String,
    modes: Vec<String>,
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peers {
    /// Starts every peer that `python` can import; the others are named with what they said.
    ///
    /// # Errors
    /// If `python` itself cannot be started.
    pub fn start(python: &Path, scripts: &Path, threads: usize) -> Result<(Self, Vec<String>), PeerError> {
        let mut peers = Self::default();
        let mut absent = Vec::new();
        for script in SCRIPTS {
            match Process::start(python, &scripts.join(script), threads) {
                Ok(process) => peers.processes.push(Rc::new(RefCell::new(process))),
                Err(PeerError::Io { source, .. }) if source.kind() == io::ErrorKind::UnexpectedEof => {
                    absent.push(script.to_owned());
                }
                Err(error) => return Err(error),
            }
        }
        Ok((peers, absent))
    }

    /// `PyTorch 2.15`.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.processes.iter().map(|process| process.borrow().framework.clone()).collect()
    }

    /// Prepares every mode of every peer that can do `case`.
    pub(crate) fn invite(&mut self, case: &Case) -> Result<Vec<Peer>, PeerError> {
        if self.processes.is_empty() {
            return Ok(Vec::new());
        }
        let file = tempfile::Builder::new().suffix(".safetensors").tempfile();
        let file = file.map_err(|source| PeerError::Io { script: "a temporary file".into(), source })?;
        checkpoint::write(file.path(), &arrays(case))?;
        let mut peers = Vec::new();
        for process in &self.processes {
            let modes = process.borrow().modes.clone();
            // A single trial as a population of one is nobody's fastest way.
            let is_for_many = |mode: &String| mode.ends_with("batched") || mode == "vmap";
            for mode in modes.into_iter().filter(|mode| case.trials.len() > 1 || !is_for_many(mode)) {
                peers.push(Peer::prepare(process, mode, case, file.path())?);
            }
        }
        Ok(peers)
    }
}

/// First weights, feedback and batches in the form that the protocol asks for: a leading trials axis, the output layer
/// as the last of the numbered ones.
fn arrays(case: &Case) -> Vec<Array> {
    let trials: Vec<Vec<Array>> = case
        .one_by_one()
        .iter()
        .map(|trial| {
            let rehearsal = rehearse(Device::Cpu, &trial.population(), &[]).expect("the CPU is always there");
            rehearsal.arrays(0)
        })
        .collect();
    let output = format!("layer_{}", case.shape.hidden.len() + 1);
    let mut stacked: Vec<Array> = trials[0].clone();
    for (index, array) in stacked.iter_mut().enumerate() {
        array.name = array.name.replace("output", &output);
        if array.shape.len() == 1 {
            array.shape.insert(0, 1);
        }
        array.shape.insert(0, trials.len());
        array.values = trials.iter().flat_map(|trial| trial[index].values.iter().copied()).collect();
    }
    let batches = case.shape.batches();
    let batch_array = |name: &str, columns, values: Vec<f32>| {
        let shape = vec![batches.len(), case.shape.batch, columns];
        Array { name: format!("batch/{name}"), shape, values }
    };
    let inputs = batches.iter().flat_map(|batch| batch.input.iter().copied()).collect();
    let targets = batches.iter().flat_map(|batch| batch.target.iter().copied()).collect();
    stacked.push(batch_array("input", case.shape.inputs, inputs));
    stacked.push(batch_array("target", case.shape.outputs, targets));
    stacked
}

impl Process {
    fn start(python: &Path, script: &Path, threads: usize) -> Result<Self, PeerError> {
        let name = script.display().to_string();
        let failed = |source| PeerError::Io { script: name.clone(), source };
        let mut child = Command::new(python)
            // No `__pycache__` beside the scripts.
            .arg("-B")
            .arg(script)
            .args(["--threads", &threads.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let requests = child.stdin.take().expect("it was piped");
        let answers = BufReader::new(child.stdout.take().expect("it was piped"));
        let mut process = Self {
            script: name.clone(),
            framework: String::new(),
            modes: Vec::new(),
            child,
            requests,
            answers,
        };
        let about = process.ask(&json!({ "command": "describe" }))?;
        let text = |name: &str| about[name].as_str().unwrap_or("?").to_owned();
        process.framework = format!("{} {}", text("framework"), text("version"));
        let modes = about["modes"].as_array().into_iter().flatten();
        process.modes = modes.filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(process)
    }

    fn ask(&mut self, request: &Value) -> Result<Value, PeerError> {
        let failed = |source| PeerError::Io { script: self.script.clone(), source };
        writeln!(self.requests, "{request}").map_err(failed)?;
        self.requests.flush().map_err(failed)?;
        let mut answer = String::new();
        if self.answers.read_line(&mut answer).map_err(failed)? == 0 {
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        }
        let parsed: Option<Value> = serde_json::from_str(&answer).ok();
        match parsed {
            Some(value) if value.get("error").is_none() => Ok(value),
            _ => Err(PeerError::Answer { script: self.script.clone(), answer: answer.trim().to_owned() }),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It would end by itself at the end of its input, after what it is doing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One way in which a peer does a case.
pub(crate) struct Peer {
    process: Rc<RefCell<Process>>,
    id: String,
    mode: String,
    /// Of the first steps, `[steps][trials]`.
    losses: Vec<Vec<f32>>,
}

impl Peer {
    fn prepare(
        process: &Rc<RefCell<Process>>,
        mode: String,
        case: &Case,
        arrays: &Path,
    ) -> Result<Self, PeerError> {
        let learning_rates: Vec<f64> = case.trials.iter().map(|(rate, _)| *rate).collect();
        let request = json!({
            "command": "prepare", "id": mode, "rule": case.algorithm.name(), "mode": mode, "arrays": arrays,
            "learning_rates": learning_rates, "losses": COMPARED_STEPS,
        });
        let answer = process.borrow_mut().ask(&request)?;
        let losses = serde_json::from_value(answer["losses"].clone()).map_err(|_| PeerError::Answer {
            script: process.borrow().script.clone(),
            answer: answer.to_string(),
        })?;
        Ok(Self { process: Rc::clone(process), id: mode.clone(), mode, losses })
    }

    pub(crate) fn name(&self) -> String {
        format!("{}, {}", self.process.borrow().framework, self.mode)
    }

    /// A sentence on how far its losses are from ours.
    pub(crate) fn agreement(&self, ours: &[Vec<f32>]) -> String {
        let fits = ours.len() == self.losses.len()
            && ours.iter().zip(&self.losses).all(|(ours, theirs)| ours.len() == theirs.len());
        let pairs = ours.iter().flatten().zip(self.losses.iter().flatten());
        let differences: Vec<f32> = pairs.map(|(ours, theirs)| ((ours - theirs) / ours).abs()).collect();
        // Not NaN either, which is within nothing.
        let agrees = fits && differences.iter().all(|difference| *difference <= TOLERANCE);
        let agrees = if agrees { "agree" } else { "DO NOT AGREE" };
        let worst = differences.into_iter().max_by(f32::total_cmp).unwrap_or(f32::NAN);
        format!(
            "Losses of the first {} steps from the same weights {agrees} with {}: largest relative difference {worst:.1e}.",
            ours.len(),
            self.name()
        )
    }
}

/// Of a loss after ten steps: sums in another order, and Adam divides small gradients by their size.
const TOLERANCE: f32 = 1e-3;

impl Contestant for Peer {
    fn run(&mut self, times: usize) -> Result<f64, PeerError> {
        let request = json!({ "command": "measure", "id": self.id, "steps": times });
        let mut process = self.process.borrow_mut();
        let answer = process.ask(&request)?;
        let failed = || PeerError::Answer { script: process.script.clone(), answer: answer.to_string() };
        answer["seconds"].as_f64().ok_or_else(failed)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // What a peer that has ended keeps is gone anyway.
        let _ = self.process.borrow_mut().ask(&json!({ "command": "forget", "id": self.id }));
    }
}
