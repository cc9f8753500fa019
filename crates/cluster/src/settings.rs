//! The cluster file: what each worker asks of the scheduler. No setting changes a result or is part of a key.

use std::{fs, num::NonZeroU32, path::Path};

use ron::{Options, extensions::Extensions};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A commented cluster file.
pub const EXAMPLE: &str = include_str!("../../../clusters/slurm.ron");

/// The workers of a study on a Slurm cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "Slurm", deny_unknown_fields)]
pub struct Settings {
    /// The largest number of workers.
    pub workers: NonZeroU32,
    #[serde(default)]
    pub partition: Option<String>,
    #[serde(default)]
    pub account: Option<String>,
    /// The time limit of a worker, as Slurm writes it: `04:00:00`, `2-12`.
    #[serde(default)]
    pub time: Option<String>,
    /// Cores of a worker.
    #[serde(default = "one")]
    pub cpus: NonZeroU32,
    /// Memory of a worker, as Slurm writes it: `8G`.
    #[serde(default)]
    pub memory: Option<String>,
    /// Generic resources of a worker. With `gpu:1`, it trains on the GPU.
    #[serde(default)]
    pub gres: Option<String>,
    /// Lines of the shell that run before the worker.
    #[serde(default)]
    pub before: Vec<String>,
    /// Further options of `sbatch`.
    #[serde(default)]
    pub sbatch: Vec<String>,
    /// The least work of a worker, in minutes: a short study gets fewer workers.
    #[serde(default = "ten")]
    pub least_minutes: f64,
    /// The seconds before the time limit at which a worker saves its trials.
    #[serde(default = "two_minutes")]
    pub warning_seconds: u32,
    /// The seconds between two questions to the scheduler.
    #[serde(default = "half_a_minute")]
    pub poll_seconds: NonZeroU32,
    /// The longest wait for an answer of the scheduler, in seconds. A busy one takes tens of seconds.
    #[serde(default = "a_minute")]
    pub answer_seconds: NonZeroU32,
}

fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

fn ten() -> f64 {
    10.0
}

fn two_minutes() -> u32 {
    120
}

fn half_a_minute() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(29)
}

fn a_minute() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(59)
}

/// The options of `sbatch` that bpfree sets itself, and those that would send jobs where it does not look for them.
const RESERVED: [&str; 8] =
    ["--array", "--job-name", "--wrap", "--parsable", "--test-only", "--wait", "--dependency", "--clusters"];
/// Their short forms, whose value may follow without a space.
const RESERVED_SHORT: [&str; 5] = ["-a", "-J", "-W", "-d", "-M"];

/// Whether an option of `sbatch` is reserved.
fn is_reserved(option: &str) -> bool {
    let name = option.split(['=', ' ']).next().unwrap_or_default();
    let is_short = !option.starts_with("--") && RESERVED_SHORT.iter().any(|short| option.starts_with(short));
    is_short || RESERVED.contains(&name)
}

impl Settings {
    /// Reads and checks the cluster file at `path`.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text =
            fs::read_to_string(path).map_err(|source| Error::Unreadable { path: path.into(), source })?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let wrong =
            |problem: String, hint: &str| Error::WrongFile { path: path.into(), problem, hint: hint.into() };
        let read: Self = Options::default()
            .with_default_extension(Extensions::IMPLICIT_SOME)
            .from_str(text)
            .map_err(|error| wrong(error.to_string(), "`cargo xtask init-cluster` writes an example"))?;
        if let Some(flag) = read.sbatch.iter().find(|flag| is_reserved(flag)) {
            let problem = format!(" `sbatch` has the option `{flag}`, which is not for this file");
            return Err(wrong(
                problem,
                "remove it: bpfree names its jobs itself, `workers` is the size of the array, and jobs are looked for in one cluster",
            ));
        }
        if let Some(flag) = read.sbatch.iter().find(|flag| !flag.starts_with('-')) {
            let problem = format!(" `sbatch` has `{flag}`, which is no option");
            return Err(wrong(problem, "write an option and its value as one text: \"--constraint=avx512\""));
        }
        if !(0.0..=1e6).contains(&read.least_minutes) {
            let problem = format!(" `least_minutes` is {}, allowed: 0 to 1000000", read.least_minutes);
            return Err(wrong(problem, "0 starts all workers, however little work there is"));
        }
        Ok(read)
    }

    /// Whether the workers get GPUs.
    pub fn has_gpus(&self) -> bool {
        self.gres.as_ref().is_some_and(|gres| gres.split(',').any(|part| part.trim().starts_with("gpu")))
    }
}

#[cfg(test)]
impl Settings {
    pub(crate) fn example() -> Self {
        Self::parse(Path::new("cluster.ron"), EXAMPLE).expect("it is the example")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, String> {
        Settings::parse(Path::new("cluster.ron"), text)
            .map_err(|error| format!("{error}\n{}", error.hint().expect("each has one")))
    }

    #[test]
    fn the_example_is_right() {
        let read = parse(EXAMPLE).expect("it is the example");
        assert!(!read.has_gpus());
        assert_eq!((read.cpus.get(), read.poll_seconds.get(), read.warning_seconds), (4, 30, 120));
    }

    #[test]
    fn only_workers_is_needed() {
        let read = parse("Slurm(workers: 3)").expect("the others have defaults");
        assert_eq!((read.workers.get(), read.cpus.get(), read.partition), (3, 1, None));
        let read = parse("Slurm(workers: 3, gres: \"license:1,gpu:a100:2\")").expect("right");
        assert!(read.has_gpus());
    }

    #[test]
    fn wrong_files_are_refused_with_the_way_out() {
        let refused = [
            "Slurm(workers: 0)",
            "Slurm(worker: 3)",
            "Slurm(workers: 3, sbatch: [\"--array=0-7\"])",
            "Slurm(workers: 3, sbatch: [\"--qos=low\", \"-a0-7\"])",
            "Slurm(workers: 3, sbatch: [\"exclusive\"])",
            "Slurm(workers: 3, least_minutes: -1)",
            "Cluster(workers: 3)",
        ];
        let messages: Vec<String> =
            refused.iter().map(|text| parse(text).expect_err("it is wrong")).collect();
        insta::assert_snapshot!(messages.join("\n\n"), @r#"
        cluster.ron:1:16-1:17: Expected a nonzero u32 but found the unsigned integer `0` instead
        `cargo xtask init-cluster` writes an example

        cluster.ron:1:7-1:13: Unexpected field named `worker` in `Slurm`, expected one of `workers`, `partition`, `account`, `time`, `cpus`, `memory`, `gres`, `before`, `sbatch`, `least_minutes`, `warning_seconds`, `poll_seconds`, or `answer_seconds` instead
        `cargo xtask init-cluster` writes an example

        cluster.ron: `sbatch` has the option `--array=0-7`, which is not for this file
        remove it: bpfree names its jobs itself, `workers` is the size of the array, and jobs are looked for in one cluster

        cluster.ron: `sbatch` has the option `-a0-7`, which is not for this file
        remove it: bpfree names its jobs itself, `workers` is the size of the array, and jobs are looked for in one cluster

        cluster.ron: `sbatch` has `exclusive`, which is no option
        write an option and its value as one text: "--constraint=avx512"

        cluster.ron: `least_minutes` is -1, allowed: 0 to 1000000
        0 starts all workers, however little work there is

        cluster.ron:1:1-1:8: Expected struct `Slurm` but found `Cluster`
        `cargo xtask init-cluster` writes an example
        "#);
    }
}
