//! What a step of each rule holds in memory beside weights and optimizer state: as the system counts it, and as the step
//! itself does.

use std::{fs, thread};

use algorithms::{Algorithm, TargetLoss};
use engine::{Device, HostBatch, Population, rehearse};
use tracker::{Sampled, Tracker};

use crate::{Case, Effort, Group, Shape, Unit};

const RULES: [Algorithm; 4] =
    [Algorithm::Backprop, Algorithm::Dfa, Algorithm::Drtp, Algorithm::LocalLoss(TargetLoss::CrossEntropy)];

/// One group; none where the system does not tell the peak of a process's memory.
pub(crate) fn measure(effort: &Effort, progress: &dyn Fn(&str)) -> Option<Group> {
    let shape =
        Shape { name: "a deep network", inputs: 784, hidden: vec![500; 32], outputs: 10, batch: 1024 };
    let widths = format!("784-32x500-10, batch {}", shape.batch);
    let title = format!("peak memory of a step beyond weights and optimizer state, {widths}");
    if !effort.includes(&title) || fs::write("/proc/self/clear_refs", "5").is_err() {
        return None;
    }
    progress(&title);
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for algorithm in RULES {
        let case = Case::single(shape.clone(), algorithm);
        // A thread of its own: what tensors leave behind goes with it.
        let system = thread::scope(|scope| scope.spawn(|| of_a_step(&case)).join().expect("it only trains"));
        names.push(format!("{}, as the system counts", algorithm.name()));
        values.push(vec![system]);
        names.push(format!("{}, as the tracker counts", algorithm.name()));
        values.push(vec![counted(&case)]);
    }
    let mut group = Group::new(title, None, names, values);
    group.unit = Unit::Bytes;
    Some(group)
}

/// Bytes that the process grew by in a step, once a step on a single example has made the optimizer's state.
fn of_a_step(case: &Case) -> f64 {
    let batch = case.shape.batches().swap_remove(0);
    let (input, target) =
        (batch.input[..case.shape.inputs].to_vec(), batch.target[..case.shape.outputs].to_vec());
    let batches = [HostBatch { input, target }, batch];
    let mut rehearsal = rehearse(Device::Cpu, &case.population(), &batches).expect("the CPU is always there");
    rehearsal.steps(1);
    give_back_freed_memory();
    let before = status("VmRSS:");
    fs::write("/proc/self/clear_refs", "5").expect("it could be written before");
    rehearsal.steps(1);
    status("VmHWM:") - before
}

/// What the tracker `Memory` reads of a step.
fn counted(case: &Case) -> f64 {
    let population = Population { trackers: vec![Tracker::Memory(Sampled::default())], ..case.population() };
    let mut rehearsal =
        rehearse(Device::Cpu, &population, &case.shape.batches()).expect("the CPU is always there");
    rehearsal.steps(1);
    let measured = rehearsal.measured().swap_remove(0);
    let (_, bytes) = measured
        .into_iter()
        .find(|(metric, _)| metric.to_string() == "network/activation_bytes")
        .expect("the tracker counts bytes of the whole network");
    bytes
}

/// What was freed while the first weights were drawn would otherwise hide what a step needs.
pub(crate) fn give_back_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it only returns unused pages to the system.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// A line of the process's status, in bytes.
pub(crate) fn status(name: &str) -> f64 {
    let text = fs::read_to_string("/proc/self/status").expect("where clear_refs is, status is");
    let line = text.lines().find(|line| line.starts_with(name)).expect("a process has memory");
    let kib: f64 =
        line.split_whitespace().nth(1).and_then(|value| value.parse().ok()).expect("a number of kB");
    kib * 1024.0
}
