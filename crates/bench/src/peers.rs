//! The same work in other programs: processes that are kept alive, so that everybody takes turns.
//!
//! What is said is a JSON object per line; `bench/peers/protocol.py` lists the requests.

use std::{
    cell::RefCell,
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    rc::Rc,
};

use engine::{Device, Precision, rehearse};
use model::checkpoint::{self, Array};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::{Case, case::name, rounds::Contestant, steps::COMPARED_STEPS};

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

/// A script that cannot take part.
#[derive(Clone, Debug)]
pub struct Absent {
    /// Its name.
    pub script: String,
    /// What it said.
    pub reason: String,
}

/// A way of a peer to do its work.
pub(crate) struct Way {
    process: Rc<RefCell<Process>>,
    mode: String,
}

/// What peers start from, in a file that lives as long as this.
pub(crate) struct Start<'a> {
    case: &'a Case,
    file: NamedTempFile,
}

struct Process {
    script: String,
    framework: String,
    modes: Vec<String>,
    /// What it says beside its answers.
    messages: File,
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peers {
    /// Starts every peer that `python` can import and that can use `device`; the others are named with what they said.
    ///
    /// # Errors
    /// If `python` itself cannot be started.
    pub fn start(
        python: &Path,
        scripts: &Path,
        threads: usize,
        device: Device,
    ) -> Result<(Self, Vec<Absent>), PeerError> {
        let mut peers = Self::default();
        let mut absent = Vec::new();
        for script in SCRIPTS {
            let mut process = Process::start(python, &scripts.join(script), threads, device)?;
            match process.introduce() {
                Ok(()) => peers.processes.push(Rc::new(RefCell::new(process))),
                Err(_) => absent.push(Absent { script: script.to_owned(), reason: process.last_words() }),
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
        let mut ways = self.ways_of_one();
        if case.trials.len() > 1 {
            ways.extend(self.ways_of_many());
        }
        if ways.is_empty() {
            return Ok(Vec::new());
        }
        let start = Start::of(case)?;
        ways.iter().map(|way| way.prepare(&start)).collect()
    }

    /// How peers train one trial after the other.
    pub(crate) fn ways_of_one(&self) -> Vec<Way> {
        self.ways(|mode| !is_for_many(mode))
    }

    /// How peers train a population together. A single trial as a population of one is nobody's fastest way.
    pub(crate) fn ways_of_many(&self) -> Vec<Way> {
        self.ways(is_for_many)
    }

    fn ways(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<Way> {
        let mut ways = Vec::new();
        for process in &self.processes {
            for mode in process.borrow().modes.iter().filter(|mode| is_wanted(mode)) {
                ways.push(Way { process: Rc::clone(process), mode: mode.clone() });
            }
        }
        ways
    }
}

fn is_for_many(mode: &str) -> bool {
    mode.ends_with("batched") || mode == "vmap"
}

impl<'a> Start<'a> {
    /// Writes what `case` starts from.
    pub(crate) fn of(case: &'a Case) -> Result<Self, PeerError> {
        let file = tempfile::Builder::new().suffix(".safetensors").tempfile();
        let file = file.map_err(|source| PeerError::Io { script: "a temporary file".into(), source })?;
        checkpoint::write(file.path(), &arrays(case))?;
        Ok(Self { case, file })
    }
}

impl Way {
    /// `PyTorch 2.15, eager`.
    pub(crate) fn name(&self) -> String {
        format!("{}, {}", self.process.borrow().framework, self.mode)
    }

    /// Makes it ready, after the steps whose losses are compared.
    pub(crate) fn prepare(&self, start: &Start<'_>) -> Result<Peer, PeerError> {
        let Start { case, file } = start;
        let seeds = case.seeds();
        let place = |seed: &u64| seeds.iter().position(|other| other == seed);
        let request = json!({
            "command": "prepare", "id": self.mode, "rule": case.algorithm.name(), "mode": self.mode,
            "precision": name(case.precision), "arrays": file.path(), "losses": COMPARED_STEPS,
            "learning_rates": case.trials.iter().map(|(rate, _)| *rate).collect::<Vec<_>>(),
            "seeds": case.trials.iter().map(|(_, seed)| place(seed)).collect::<Vec<_>>(),
            "streams": case.streams(),
        });
        let answer = self.process.borrow_mut().ask(&request)?;
        // From here on it has something to forget.
        let mut peer = Peer {
            process: Rc::clone(&self.process),
            id: self.mode.clone(),
            mode: self.mode.clone(),
            precision: case.precision,
            losses: Vec::new(),
        };
        peer.losses = serde_json::from_value(answer["losses"].clone()).map_err(|_| PeerError::Answer {
            script: self.process.borrow().script.clone(),
            answer: answer.to_string(),
        })?;
        Ok(peer)
    }
}

/// First weights, feedback and batches in the form that the protocol asks for: a leading axis of seeds or of streams, the
/// output layer as the last of the numbered ones.
fn arrays(case: &Case) -> Vec<Array> {
    let first = |seed: &u64| {
        let single = Case { trials: vec![(0.0, *seed)], precision: Precision::Full, ..case.clone() };
        let rehearsal = rehearse(Device::Cpu, &single.population(), &[]).expect("the CPU is always there");
        rehearsal.arrays(0)
    };
    let seeds: Vec<Vec<Array>> = case.seeds().iter().map(first).collect();
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
    let batch_array = |name: &str, columns, values: Vec<f32>| {
        let shape = vec![1, batches.len(), case.shape.batch, columns];
        Array { name: format!("batch/{name}"), shape, values }
    };
    let inputs = batches.iter().flat_map(|batch| batch.input.iter().copied()).collect();
    let targets = batches.iter().flat_map(|batch| batch.target.iter().copied()).collect();
    stacked.push(batch_array("input", case.shape.inputs, inputs));
    stacked.push(batch_array("target", case.shape.outputs, targets));
    stacked
}

impl Process {
    fn start(python: &Path, script: &Path, threads: usize, device: Device) -> Result<Self, PeerError> {
        let name = script.display().to_string();
        let failed = |source| PeerError::Io { script: name.clone(), source };
        let messages = tempfile::tempfile().map_err(failed)?;
        let mut child = Command::new(python)
            // No `__pycache__` beside the scripts.
            .arg("-B")
            .arg(script)
            .args(["--threads", &threads.to_string(), "--device", &device.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(messages.try_clone().map_err(failed)?)
            .spawn()
            .map_err(failed)?;
        let requests = child.stdin.take().expect("it was piped");
        let answers = BufReader::new(child.stdout.take().expect("it was piped"));
        Ok(Self {
            script: name.clone(),
            framework: String::new(),
            modes: Vec::new(),
            messages,
            child,
            requests,
            answers,
        })
    }

    /// Asks who it is and what it can do.
    fn introduce(&mut self) -> Result<(), PeerError> {
        let about = self.ask(&json!({ "command": "describe" }))?;
        let text = |name: &str| about[name].as_str().unwrap_or("?").to_owned();
        self.framework = format!("{} {}", text("framework"), text("version"));
        let modes = about["modes"].as_array().into_iter().flatten();
        self.modes = modes.filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(())
    }

    /// The last line that it said beside its answers.
    fn last_words(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let mut text = Vec::new();
        let read = self.messages.rewind().and_then(|()| self.messages.read_to_end(&mut text));
        let text = String::from_utf8_lossy(&text);
        let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
        match read {
            Ok(_) => last.unwrap_or("it said nothing").to_owned(),
            Err(error) => format!("what it said cannot be read: {error}"),
        }
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
    precision: Precision,
    /// Of the first steps, `[steps][trials]`.
    losses: Vec<Vec<f32>>,
}

impl Peer {
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
        let agrees = fits && differences.iter().all(|difference| *difference <= tolerance(self.precision));
        let agrees = if agrees { "agree" } else { "DO NOT AGREE" };
        let worst = differences.into_iter().max_by(f32::total_cmp).unwrap_or(f32::NAN);
        format!(
            "Losses of the first {} steps from the same weights {agrees} with {}: largest relative difference {worst:.1e}.",
            ours.len(),
            self.name()
        )
    }
}

/// Of a loss after ten steps: sums in another order, and Adam divides small gradients by their size. TF32 keeps 11 bits of
/// each factor.
fn tolerance(precision: Precision) -> f32 {
    match precision {
        Precision::Full => 1e-3,
        Precision::Tf32 => 2e-2,
    }
}

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
