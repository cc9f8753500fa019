//! `run --cluster` on a real Slurm cluster, and with commands that fail. Where no cluster can be started, the tests say so.
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod faults;
mod slurm;
mod study;

use std::collections::HashSet;

use slurm::{Slurm, kill, wait_for};
use study::{LONG, Study, data};

/// Workers with one core each, who ask for little.
const CLUSTER: &str = r#"Slurm(workers: 6, cpus: 1, memory: "300M", least_minutes: 0, poll_seconds: 1)"#;

#[test]
fn two_hundred_trials_are_trained_once_each_by_an_array_of_the_largest_size() {
    let Some(slurm) = Slurm::start(&[("MAX_ARRAY", "11")]) else { return };
    let pipeline = r#"Pipeline(
        name: "short",
        stages: [
            Dataset(name: "images", source: Glyphs(train: 200, test: 50), holdout: 0.2),
            Grid(name: "rules", axes: (
                algorithm: [Backprop, Dfa, Drtp, LocalLoss(CrossEntropy), LocalLoss(MeanSquaredError)],
                hidden: [[8]], learning_rate: [1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5],
            )),
            Train(name: "trials", dataset: "images", grid: "rules", epochs: 1, batch_size: 20, seeds: 5),
            Summarize(name: "report", of: ["trials"], metric: "error_rate/validation"),
        ],
    )"#;
    let study = Study::on(&slurm, pipeline, &CLUSTER.replace("workers: 6", "workers: 40"));
    let run = study.run_on_cluster().end();
    assert_eq!(run.code, Some(0), "{}", run.text);
    assert!(run.text.contains("round 1: 11 workers submitted"), "{}", run.text);
    assert!(
        run.text.contains("200 trials: 0 were done, 0 trained now, 200 trained by other processes"),
        "{}",
        run.text
    );
    assert!(run.text.contains("report: artifacts/runs/short/report/report.html"), "{}", run.text);
    assert_eq!(study.trained(), 200);
    slurm.wait_until_empty();
    study.check_results();
    // A finished study asks nothing of the scheduler.
    drop(slurm);
    let again = study.run_on_cluster().end();
    assert_eq!(again.code, Some(0), "{}", again.text);
    assert!(again.text.contains("200 trials: 200 were done"), "{}", again.text);
}

#[test]
fn workers_and_nodes_die_and_no_trial_is_lost_or_stored_twice() {
    let Some(slurm) = Slurm::start(&[]) else { return };
    let study = Study::on(&slurm, LONG, CLUSTER);
    let run = study.run_on_cluster();
    study.wait_for_a_checkpoint();
    // A worker, a node with all that runs on it, and the daemon of a node whose workers live on and so run twice.
    let on = |node: &str| {
        study
            .workers()
            .into_iter()
            .filter(|worker| worker.variable("SLURMD_NODENAME") == Some(node))
            .collect::<Vec<_>>()
    };
    on("n1").first().expect("six workers run on three nodes").kill();
    kill(slurm.daemon("slurmd-n2"));
    on("n2").iter().for_each(slurm::Process::kill);
    kill(slurm.daemon("slurmd-n3"));
    let run = run.end();
    assert_eq!(run.code, Some(0), "{}\n{}", run.text, study.logs());
    assert!(!study.logs().contains("error:"), "{}", study.logs());
    study.check_results();
}

#[test]
fn the_waiting_command_is_killed_and_started_again_and_cancelled() {
    let Some(slurm) = Slurm::start(&[]) else { return };
    let study = Study::on(&slurm, LONG, CLUSTER);
    let mut first = study.run_on_cluster();
    first.wait_for("workers running");
    first.kill();
    let second = study.run_on_cluster();
    second.wait_for("of this study in the queue: waiting for them");
    study.wait_for_a_checkpoint();
    let status = study.start(&["status", "study.ron"]).end();
    assert!(status.text.contains("cluster: 6 workers running on n1, n2, n3, a last job"), "{}", status.text);
    let cancel = study.start(&["cancel", "study.ron"]).end();
    assert_eq!(cancel.code, Some(0), "{}", cancel.text);
    let second = second.end();
    assert_eq!(second.code, Some(1), "{}", second.text);
    assert!(second.text.contains("error: the round was stopped: cancelled on "), "{}", second.text);
    slurm.wait_until_empty();
    let ids = slurm.ask("squeue", &["--noheader", "--states=all", "--format=%F"]);
    // One array of workers, and one last job, whose number depends on how many workers have begun before.
    let submitted: HashSet<&str> = ids.lines().map(str::trim).collect();
    assert!(submitted.contains("1") && submitted.len() <= 2, "{ids}");
    // Jobs that are cancelled by hand are not submitted again.
    let third = study.run_on_cluster();
    third.wait_for("workers running");
    let name = &study::names(&study.file("artifacts/cluster")).into_iter().find(|name| name.contains("long"));
    slurm.ask("scancel", &[&format!("--name={}", name.as_ref().expect("the study has a folder"))]);
    let third = third.end();
    assert_eq!(third.code, Some(1), "{}", third.text);
    assert!(third.text.contains("were cancelled with scancel"), "{}", third.text);
    // Ctrl-C leaves the jobs alone, and a last job writes the report.
    let third = study.run_on_cluster();
    third.wait_for("workers running");
    third.signal(libc::SIGINT);
    let third = third.end();
    assert_eq!(third.code, Some(130), "{}", third.text);
    assert!(
        third.text.contains("the jobs go on: `bpfree run study.ron --cluster cluster.ron`"),
        "{}",
        third.text
    );
    wait_for("the report", || study.file("artifacts/runs/long/report/report.html").exists());
    slurm.wait_until_empty();
    study.check_results();
}

#[test]
fn a_trial_longer_than_the_time_limit_is_trained_in_several_jobs() {
    let Some(slurm) = Slurm::start(&[]) else { return };
    let pipeline = LONG.replace("seeds: 2", "seeds: 1").replace("[Backprop, Dfa, Drtp]", "[Backprop]");
    let pipeline = pipeline.replace("epochs: 60", "epochs: 100000").replace("Summarize", "// Summarize");
    let cluster = CLUSTER.replace("workers: 6", "workers: 1, time: \"1\", warning_seconds: 50");
    let study = Study::on(&slurm, &pipeline, &cluster);
    let run = study.run_on_cluster();
    wait_for("a second start", || study.logs().contains("resumes after epoch"));
    assert!(study.logs().contains("this job goes back into the queue"), "{}", study.logs());
    assert!(run.text().contains("round 1:") && !run.text().contains("round 2:"), "{}", run.text());
    // A terminal that closes sends two signals, and the jobs go on.
    run.signal(libc::SIGHUP);
    run.signal(libc::SIGHUP);
    let run = run.end();
    assert_eq!(run.code, Some(130), "{}", run.text);
    assert!(!slurm.ask("squeue", &["--noheader", "--states=PENDING,RUNNING"]).is_empty());
    let cancel = study.start(&["cancel", "study.ron"]).end();
    assert_eq!(cancel.code, Some(0), "{}", cancel.text);
    slurm.wait_until_empty();
}

#[test]
fn preempted_workers_go_on_and_a_restarted_controller_is_waited_for() {
    let Some(slurm) = Slurm::start(&[]) else { return };
    let study = Study::on(&slurm, LONG, CLUSTER);
    let run = study.run_on_cluster();
    run.wait_for("round 1:");
    std::thread::sleep(std::time::Duration::from_secs(1));
    kill(slurm.daemon("slurmctld"));
    run.wait_for("`squeue` gave no answer");
    slurm.start_controller();
    study.wait_for_a_checkpoint();
    let urgent =
        ["--partition=urgent", "--nodes=3", "--ntasks-per-node=2", "--output=/dev/null", "--wrap=sleep 3"];
    wait_for("an urgent job", || slurm.ask("sbatch", &urgent).contains("Submitted"));
    let run = run.end();
    assert_eq!(run.code, Some(0), "{}\n{}", run.text, study.logs());
    assert!(study.logs().contains("resumes after epoch"), "{}", study.logs());
    study.check_results();
}

#[test]
fn winners_are_trained_after_their_search_and_no_two_workers_share_a_gpu() {
    let Some(slurm) = Slurm::start(&[("GPUS", "2")]) else { return };
    let pipeline = r#"Pipeline(
        name: "winners",
        stages: [
            Dataset(name: "images", source: Glyphs(train: 300, test: 50), holdout: 0.2),
            Grid(name: "search", axes: (algorithm: [Backprop, Dfa, Drtp], hidden: [[30]], learning_rate: [1e-2, 1e-3])),
            Train(name: "searched", dataset: "images", grid: "search", epochs: 20, batch_size: 10, seeds: 1),
            Summarize(name: "best", of: ["searched"], metric: "error_rate/validation"),
            Grid(name: "winners", axes: BestOf("best")),
            Train(name: "trials", dataset: "images", grid: "winners", epochs: 21, batch_size: 10, seeds: 2),
            Summarize(name: "report", of: ["trials"], metric: "error_rate/validation"),
        ],
    )"#;
    // A GPU of these nodes is no device, so the workers ask for it without training on it.
    let study =
        Study::on(&slurm, pipeline, &CLUSTER.replace("cpus: 1", "cpus: 1, sbatch: [\"--gres=gpu:1\"]"));
    let run = study.run_on_cluster();
    let mut gpus = Vec::new();
    wait_for("workers that share a node", || {
        let gpu = |worker: &slurm::Process| {
            Some(
                ["SLURMD_NODENAME", "CUDA_VISIBLE_DEVICES"]
                    .map(|name| worker.variable(name).map(String::from)),
            )
        };
        gpus = study.workers().iter().filter_map(gpu).collect();
        gpus.len() > 3
    });
    gpus.sort();
    let workers = gpus.len();
    gpus.dedup();
    assert!(gpus.len() == workers && gpus.iter().flatten().all(Option::is_some), "{gpus:?}");
    let run = run.end();
    assert_eq!(run.code, Some(0), "{}\n{}", run.text, study.logs());
    // Submitted by the last job of the first round, or by the command that waits.
    assert!((run.text.clone() + &study.logs()).contains("round 2:"), "{}", run.text);
    study.check_results();
}

#[test]
fn fashion_mnist_is_trained_and_reported() {
    if !std::path::Path::new(&data()).join("fashion-mnist").exists() {
        return eprintln!("skipped: Fashion-MNIST is not here");
    }
    let Some(slurm) = Slurm::start(&[]) else { return };
    let pipeline = r#"Pipeline(
        name: "fashion",
        stages: [
            Dataset(name: "images", source: FashionMnist, holdout: 0.1, fraction: 0.1),
            Grid(name: "rules", axes: (algorithm: [Backprop, Dfa, Drtp], hidden: [[100]], learning_rate: [1e-3])),
            Train(name: "trials", dataset: "images", grid: "rules", epochs: 2, batch_size: 50, seeds: 2),
            Summarize(name: "report", of: ["trials"], metric: "error_rate/test"),
        ],
    )"#;
    let study = Study::on(&slurm, pipeline, CLUSTER);
    let run = study.start(&["run", "study.ron", "--cluster", "cluster.ron", "--data", &data()]).end();
    assert_eq!(run.code, Some(0), "{}\n{}", run.text, study.logs());
    study.check_results();
}
