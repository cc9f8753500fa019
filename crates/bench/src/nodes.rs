//! A study on the nodes of a Slurm cluster.

use std::{fs, path::Path, process::Command, time::Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::{rounds::Contestant, session::Session};

/// The largest number of nodes.
const NODES: u32 = 3;

const PIPELINE: &str = r#"Pipeline(
    name: "nodes",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 4000, test: 500), holdout: 0.1),
        Grid(name: "rules", axes: (algorithm: [Backprop, Dfa, Drtp], hidden: [[200, 200]], learning_rate: [1e-3, 3e-4])),
        Train(name: "trials", dataset: "images", grid: "rules", epochs: 20, batch_size: 50, seeds: 2),
        Summarize(name: "report", of: ["trials"], metric: "error_rate/validation"),
    ],
)"#;

/// Measures one grid with one-core workers on 1, 2 and 3 nodes of the cluster that Slurm's commands reach.
pub fn measure(session: &mut Session) -> anyhow::Result<()> {
    let title = "12 trials on a Slurm cluster, a worker with one core on each node; if nodes share a processor, its cores are the limit";
    if !session.begins(title) {
        return Ok(());
    }
    let program = std::env::current_exe()?.with_file_name("bpfree");
    if !program.is_file() {
        bail!("there is no {}: build it with `cargo build --release --package xtask`", program.display());
    }
    let contestants = (1..=NODES).map(|nodes| {
        let program = program.clone();
        let name = if nodes == 1 { "1 node".to_owned() } else { format!("{nodes} nodes") };
        Contestant::elsewhere(name, move |times| (0..times).map(|_| seconds(&program, nodes)).sum())
    });
    session.compare(title.into(), contestants.collect())?;
    Ok(())
}

/// Returns the seconds of a whole study, from the command to its report.
fn seconds(program: &Path, nodes: u32) -> anyhow::Result<f64> {
    // Nodes see the working directory, and may not see the system's folder for temporary files.
    let folder = TempDir::new_in(".")?;
    let cluster =
        format!("Slurm(workers: {nodes}, sbatch: [\"--exclusive\"], least_minutes: 0, poll_seconds: 1)");
    for (name, text) in [("study.ron", PIPELINE), ("cluster.ron", &cluster)] {
        fs::write(folder.path().join(name), text)?;
    }
    let started = Instant::now();
    let arguments = ["run", "study.ron", "--cluster", "cluster.ron", "--artifacts", "artifacts"];
    let ended = Command::new(program)
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    if !ended.status.success() {
        bail!("the study failed: {}", String::from_utf8_lossy(&ended.stderr));
    }
    Ok(started.elapsed().as_secs_f64())
}
