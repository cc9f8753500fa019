//! A training step of each rule on the CPU, next to its matrix products alone and to the peers.

use std::{sync::Mutex, thread};

use engine::{DeviceError, Rehearsal};
use settings::{Algorithm, Device};

use crate::{
    case::{Case, RULES, Shape},
    kernels::products,
    peers::{self, COMPARED_STEPS},
    rounds::Contestant,
    session::Session,
};

pub fn measure(session: &mut Session) -> anyhow::Result<()> {
    for shape in [Shape::cifar10(), Shape::mnist()] {
        for algorithm in RULES {
            let title = format!("{} step, {}", algorithm.name(), shape.describe());
            if session.begins(&title) {
                one_trial(session, title, &Case::new(shape.clone(), algorithm))?;
            }
        }
    }
    for shape in [Shape::cifar10(), Shape::mnist()] {
        let title = format!("dfa step with batch norm and dropout, {}", shape.describe());
        if session.begins(&title) {
            let plain = Case::new(shape, Algorithm::Dfa);
            let regularized = Case { is_regularized: true, ..plain.clone() };
            let contestants = vec![
                plain.steps(Device::Cpu, "without both")?,
                regularized.steps(Device::Cpu, "with both")?,
                plain.steps(Device::Cpu, "without both, 1 thread")?.alone(),
                regularized.steps(Device::Cpu, "with both, 1 thread")?.alone(),
            ];
            session.compare(title, contestants)?;
        }
    }
    for shape in [Shape::cifar10(), Shape::mnist()] {
        let title = format!("a step of each of 8 trials (4 rates, 2 seeds), dfa, {}", shape.describe());
        if session.begins(&title) {
            let rates = [3e-5, 1e-4, 3e-4, 1e-3];
            let trials = rates.iter().flat_map(|rate| [(*rate, 0), (*rate, 1)]).collect();
            eight_trials(session, title, &Case { trials, ..Case::new(shape, Algorithm::Dfa) })?;
        }
    }
    Ok(())
}

fn one_trial(session: &mut Session, title: String, case: &Case) -> anyhow::Result<()> {
    let threads = format!("{} threads", session.effort.threads);
    let contestants = vec![
        case.steps(Device::Cpu, format!("bpfree, {threads}"))?,
        products(case, format!("its products alone, {threads}")),
        multiply_adds(case, session.effort.threads),
        case.steps(Device::Cpu, "bpfree, 1 thread")?.alone(),
        products(case, "its products alone, 1 thread").alone(),
    ];
    with_peers(session, title, case, contestants)
}

/// Returns a contestant that does as many multiply-adds as the products, without a load or a store: the peak of the processor.
fn multiply_adds(case: &Case, threads: usize) -> Contestant<'static> {
    /// The items of work of each thread.
    const ITEMS: usize = 16;
    let each = (case.flops() / 2.0) as usize / (ITEMS * threads);
    Contestant::once(format!("its multiply-adds alone, {threads} threads"), move || {
        threads::share(ITEMS * threads, |_| cpu::only_multiply_add(each));
    })
}

fn eight_trials(session: &mut Session, title: String, case: &Case) -> anyhow::Result<()> {
    let (mut parallel, mut sequential) = (one_by_one(case)?, one_by_one(case)?);
    let threads = session.effort.threads;
    let contestants = vec![
        Contestant::here("bpfree, one trial per core", move |times| {
            one_per_core(&mut parallel, threads, times);
        }),
        Contestant::once("bpfree, one trial after the other", move || {
            sequential.iter_mut().for_each(|trial| drop(trial.steps(1)));
        }),
        case.steps(Device::Cpu, "bpfree, one tensor program")?,
    ];
    with_peers(session, title, case, contestants)
}

fn one_by_one(case: &Case) -> Result<Vec<Box<dyn Rehearsal>>, DeviceError> {
    let each = case.trials.iter().map(|trial| Case { trials: vec![*trial], ..case.clone() });
    each.map(|trial| trial.rehearse(Device::Cpu)).collect()
}

/// Takes `steps` steps of each trial; each core takes the next trial that is left, as the executor does it.
fn one_per_core(trials: &mut [Box<dyn Rehearsal>], threads: usize, steps: usize) {
    let queue = &Mutex::new(trials.iter_mut());
    thread::scope(|scope| {
        for place in threads::places(threads) {
            scope.spawn(move || {
                place.take_part(|| {
                    loop {
                        let next = queue.lock().expect("no thread panics").next();
                        let Some(trial) = next else { return };
                        trial.steps(steps);
                    }
                });
            });
        }
    });
}

fn with_peers(
    session: &mut Session,
    title: String,
    case: &Case,
    mut contestants: Vec<Contestant<'static>>,
) -> anyhow::Result<()> {
    let mut modes = session.peers.sequential_modes();
    if case.trials.len() > 1 {
        modes.extend(session.peers.batched_modes());
    }
    let losses = case.rehearse(Device::Cpu)?.steps(COMPARED_STEPS);
    let notes = peers::join(&modes, case, &losses, &mut contestants)?;
    let group = session.compare(title, contestants)?;
    group.flops = Some(case.flops() * case.trials.len() as f64);
    group.notes = notes;
    Ok(())
}
