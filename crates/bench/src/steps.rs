//! A training step of each rule, beside its matrix products alone and beside the peers.

use algorithms::{Algorithm, TargetLoss};
use engine::{Device, Precision, Rehearsal, rehearse};

use crate::{
    Case, Effort, Group, PeerError, Peers, Shape,
    products::Products,
    rounds::{Contestant, alternate, with_threads},
};

const RULES: [Algorithm; 4] =
    [Algorithm::Backprop, Algorithm::Dfa, Algorithm::Drtp, Algorithm::LocalLoss(TargetLoss::CrossEntropy)];

/// Steps from the first weights whose losses must be those of the peers.
pub(crate) const COMPARED_STEPS: usize = 10;

pub(crate) fn measure(
    effort: &Effort,
    peers: &mut Peers,
    progress: &dyn Fn(&str),
) -> Result<Vec<Group>, PeerError> {
    let mut groups = Vec::new();
    for shape in [Shape::cifar10(), Shape::mnist()] {
        for algorithm in RULES {
            let case = Case::single(shape.clone(), algorithm);
            let title = format!("{} step, {}", algorithm.name(), shape.describe());
            if effort.includes(&title) {
                progress(&title);
                groups.push(single(title, &case, effort, peers)?);
            }
        }
    }
    for shape in [Shape::cifar10(), Shape::mnist()] {
        let rates = [3e-5, 1e-4, 3e-4, 1e-3];
        let trials = rates.iter().flat_map(|rate| [(*rate, 0), (*rate, 1)]).collect();
        let case =
            Case { shape: shape.clone(), algorithm: Algorithm::Dfa, precision: Precision::Full, trials };
        let title = format!("a step of each of 8 trials (4 rates, 2 seeds), dfa, {}", shape.describe());
        if effort.includes(&title) {
            progress(&title);
            groups.push(population(title, &case, effort, peers)?);
        }
    }
    Ok(groups)
}

/// Steps of a population, on this thread and whoever helps it.
pub(crate) struct Steps(pub Box<dyn Rehearsal>);

impl Contestant for Steps {
    fn run(&mut self, times: usize) -> Result<f64, PeerError> {
        let start = std::time::Instant::now();
        self.0.steps(times);
        Ok(start.elapsed().as_secs_f64())
    }
}

/// The same without help.
struct Alone<T>(T);

impl<T: Contestant> Contestant for Alone<T> {
    fn run(&mut self, times: usize) -> Result<f64, PeerError> {
        crew::alone(|| self.0.run(times))
    }
}

fn rehearsal(case: &Case) -> Box<dyn Rehearsal> {
    rehearse(Device::Cpu, &case.population(), &case.shape.batches()).expect("the CPU is always there")
}

fn single(title: String, case: &Case, effort: &Effort, peers: &mut Peers) -> Result<Group, PeerError> {
    let losses = rehearsal(case).steps(COMPARED_STEPS);
    let threads = effort.threads;
    let mut names = vec![
        format!("bpfree, {threads} threads"),
        format!("its products alone, {threads} threads"),
        "bpfree, 1 thread".to_owned(),
        "its products alone, 1 thread".to_owned(),
    ];
    let mut contestants: Vec<Box<dyn Contestant>> = vec![
        Box::new(Steps(rehearsal(case))),
        Box::new(Products::of(case)),
        Box::new(Alone(Steps(rehearsal(case)))),
        Box::new(Alone(Products::of(case))),
    ];
    let invited = peers.invite(case)?;
    let notes = invited.iter().map(|peer| peer.agreement(&losses)).collect();
    for peer in invited {
        names.push(peer.name());
        contestants.push(Box::new(peer));
    }
    let samples = with_threads(threads, || alternate(&mut contestants, effort))?;
    let mut group = Group::new(title, Some(case.flops()), names, samples);
    group.notes = notes;
    Ok(group)
}

/// All trials of the case: one per core, as one tensor program, and one after the other on all cores.
fn population(title: String, case: &Case, effort: &Effort, peers: &mut Peers) -> Result<Group, PeerError> {
    let trials = case.one_by_one();
    let mut names =
        vec!["bpfree, one trial per core".to_owned(), "bpfree, one trial after the other".to_owned()];
    let mut contestants: Vec<Box<dyn Contestant>> = vec![
        Box::new(SideBySide(trials.iter().map(rehearsal).collect(), effort.threads)),
        Box::new(InTurn(trials.iter().map(rehearsal).collect())),
    ];
    let losses = rehearsal(case).steps(COMPARED_STEPS);
    let invited = peers.invite(case)?;
    let notes = invited.iter().map(|peer| peer.agreement(&losses)).collect();
    for peer in invited {
        names.push(peer.name());
        contestants.push(Box::new(peer));
    }
    let samples = with_threads(effort.threads, || alternate(&mut contestants, effort))?;
    let mut group = Group::new(title, Some(case.flops() * trials.len() as f64), names, samples);
    group.notes = notes;
    Ok(group)
}

/// As the scheduler does it: each core takes the next trial.
struct SideBySide(Vec<Box<dyn Rehearsal>>, usize);

impl Contestant for SideBySide {
    fn run(&mut self, times: usize) -> Result<f64, PeerError> {
        let start = std::time::Instant::now();
        let queue = std::sync::Mutex::new(self.0.iter_mut());
        std::thread::scope(|scope| {
            for place in crew::places(self.1) {
                let queue = &queue;
                scope.spawn(move || {
                    place.take_part(|| {
                        loop {
                            let next = queue.lock().expect("nobody panicked").next();
                            let Some(trial) = next else { return };
                            trial.steps(times);
                        }
                    });
                });
            }
        });
        Ok(start.elapsed().as_secs_f64())
    }
}

/// All cores on one trial, a step of each in turn.
struct InTurn(Vec<Box<dyn Rehearsal>>);

impl Contestant for InTurn {
    fn run(&mut self, times: usize) -> Result<f64, PeerError> {
        let start = std::time::Instant::now();
        for _ in 0..times {
            for trial in &mut self.0 {
                trial.steps(1);
            }
        }
        Ok(start.elapsed().as_secs_f64())
    }
}
