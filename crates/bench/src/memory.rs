//! The memory that a step of each rule needs beyond weights and optimizer state: as the system counts it, and as the tracker
//! `Memory` does.

use std::{fs, thread};

use engine::{HostBatch, Population, rehearse};
use settings::{Device, Sampled, Tracker};

use crate::{
    case::{Case, RULES, Shape},
    report::{Entry, Group, Unit},
    session::Session,
};

/// Adds one group, where the system reports the peak memory of a process.
pub fn measure(session: &mut Session) -> anyhow::Result<()> {
    let shape =
        Shape { name: "a deep network", inputs: 784, hidden: vec![500; 32], outputs: 10, batch: 1024 };
    let title = format!(
        "peak memory of a step beyond weights and optimizer state, 784-32x500-10, batch {}",
        shape.batch
    );
    if fs::write("/proc/self/clear_refs", "5").is_err() || !session.begins(&title) {
        return Ok(());
    }
    let mut entries = Vec::new();
    for algorithm in RULES {
        let case = Case::new(shape.clone(), algorithm);
        // In its own thread, with which the memory that tensors keep for later is freed.
        let of_system = thread::scope(|scope| scope.spawn(|| peak(&case)).join().expect("it only trains"))?;
        for (counted_by, bytes) in [("system", of_system), ("tracker", counted(&case)?)] {
            let name = format!("{}, as the {counted_by} counts", algorithm.name());
            entries.push(Entry { name, values: vec![bytes] });
        }
    }
    session.add(Group { unit: Unit::Bytes, ..Group::new(title, entries) });
    Ok(())
}

/// Returns the bytes that the process grows by in a step, after a step on a single example has created the optimizer's state.
fn peak(case: &Case) -> anyhow::Result<f64> {
    let batch = case.shape.batches().swap_remove(0);
    let (input, target) =
        (batch.input[..case.shape.inputs].to_vec(), batch.target[..case.shape.outputs].to_vec());
    let batches = [HostBatch { input, target }, batch];
    let mut rehearsal = rehearse(Device::Cpu, &case.population(), &batches)?;
    rehearsal.steps(1);
    return_freed_memory();
    let before = status("VmRSS:");
    fs::write("/proc/self/clear_refs", "5")?;
    rehearsal.steps(1);
    Ok(status("VmHWM:") - before)
}

/// Returns the bytes of a step by the tracker `Memory`.
fn counted(case: &Case) -> anyhow::Result<f64> {
    let population = Population { trackers: vec![Tracker::Memory(Sampled::default())], ..case.population() };
    let mut rehearsal = rehearse(Device::Cpu, &population, &case.shape.batches())?;
    rehearsal.steps(1);
    let measured = rehearsal.measured().swap_remove(0);
    let bytes = measured.into_iter().find(|(metric, _)| metric.to_string() == "network/activation_bytes");
    Ok(bytes.expect("the tracker counts the bytes of the whole network").1)
}

/// Returns freed memory to the system: a step that reuses it would seem to need less.
fn return_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it only returns unused pages to the system.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Returns a line of the process's status in bytes.
fn status(name: &str) -> f64 {
    let text = fs::read_to_string("/proc/self/status").expect("a system with clear_refs has status, too");
    let line = text.lines().find(|line| line.starts_with(name)).expect("the status has this line");
    let kib: f64 =
        line.split_whitespace().nth(1).and_then(|value| value.parse().ok()).expect("a number of kB");
    kib * 1024.0
}
