//! `doctor`: shows what this machine has for training, and how to fix what is missing.

use std::{env, path::Path, process::ExitCode};

use data::Source;
use indicatif::DecimalBytes;
use machine::{
    Gpu, GpuMemory, Nvidia, Processor, disk,
    energy::{Meters, NoMeter},
    memory,
};
use settings::Device;
use spec::template::slug;

use super::tensorboard;
use crate::{BUILD, DoctorArguments, program::program, terminal::say};

/// The result of one check of the machine.
struct Finding {
    state: State,
    topic: &'static str,
    text: String,
    /// How to fix what is missing.
    hint: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Present,
    /// It is missing, but optional.
    Absent,
    /// It is missing, and training needs it.
    Broken,
}

pub fn doctor(arguments: &DoctorArguments) -> anyhow::Result<ExitCode> {
    let DoctorArguments { places, device } = arguments;
    let mut findings = vec![build(), processor(), memory()];
    findings.extend(gpus());
    findings.extend(cuda(*device));
    findings.extend(energy());
    findings.extend(datasets(&places.images.data));
    findings.push(artifacts(&places.results.artifacts));
    findings.push(tensorboard());
    findings.iter().for_each(|finding| say(&finding.lines()));
    let is_broken = findings.iter().any(|finding| finding.state == State::Broken);
    say(&match is_broken {
        true => format!("\ntraining with `--device {device}` needs what is marked BROKEN"),
        false => format!("\nthis machine has everything for training with `--device {device}`"),
    });
    Ok(if is_broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Finding {
    fn present(topic: &'static str, text: impl Into<String>) -> Self {
        Self { state: State::Present, topic, text: text.into(), hint: None }
    }

    fn absent(topic: &'static str, text: impl ToString, hint: impl Into<String>) -> Self {
        Self { state: State::Absent, topic, text: text.to_string(), hint: Some(hint.into()) }
    }

    fn broken(topic: &'static str, text: impl ToString, hint: impl Into<String>) -> Self {
        Self { state: State::Broken, ..Self::absent(topic, text, hint) }
    }

    /// Formats state, topic and text in columns, with the hint below.
    fn lines(&self) -> String {
        let state = match self.state {
            State::Present => "ok",
            State::Absent => "no",
            State::Broken => "BROKEN",
        };
        let hint = self.hint.as_ref().map_or(String::new(), |hint| format!("\n{:21}hint: {hint}", ""));
        format!("{state:<7} {:<12} {}{hint}", self.topic, self.text)
    }
}

fn build() -> Finding {
    let backend = if cfg!(feature = "cuda") { "with" } else { "without" };
    Finding::present("build", format!("{BUILD}, {backend} the CUDA backend"))
}

fn processor() -> Finding {
    let Processor { model, cores, features } = Processor::of_this_machine();
    let mut text = format!("{model}, {cores} {}", if cores == 1 { "core" } else { "cores" });
    for (is_there, label) in [(true, ""), (false, "no ")] {
        let names: Vec<&str> =
            features.iter().filter(|(_, found)| *found == is_there).map(|(name, _)| *name).collect();
        if !names.is_empty() {
            text += &format!("; {label}{}", names.join(" "));
        }
    }
    Finding::present("processor", text)
}

fn memory() -> Finding {
    let Some(free) = memory::free() else {
        let hint = "`run --memory SIZE` sets a limit";
        return Finding::absent("memory", "the system does not report the free memory", hint);
    };
    let of = memory::installed().map_or(String::new(), |all| format!(" of {}", DecimalBytes(all)));
    Finding::present("memory", format!("{} free{of}", DecimalBytes(free)))
}

/// Checks the driver and each GPU.
fn gpus() -> Vec<Finding> {
    let Nvidia { driver, cuda, gpus } = match Nvidia::of_this_machine() {
        Ok(nvidia) => nvidia,
        Err(reason) => return vec![Finding::absent("GPU", &reason, reason.hint())],
    };
    let cuda = cuda.map_or(String::new(), |[major, minor]| format!(", up to CUDA {major}.{minor}"));
    let driver = Finding::present("driver", format!("NVIDIA {driver}{cuda}"));
    let gpus = gpus.iter().map(|gpu| {
        let hint = "the environment variable CUDA_VISIBLE_DEVICES hides it";
        match gpu.is_visible {
            true => Finding::present("GPU", describe(gpu)),
            false => Finding::absent("GPU", describe(gpu), hint),
        }
    });
    [driver].into_iter().chain(gpus).collect()
}

/// Describes a GPU by the values that its driver reports.
fn describe(gpu: &Gpu) -> String {
    let memory = gpu
        .memory
        .map(|GpuMemory { total, free }| format!("{} free of {}", DecimalBytes(free), DecimalBytes(total)));
    let capability =
        gpu.compute_capability.map(|[major, minor]| format!("compute capability {major}.{minor}"));
    let watts = match (gpu.watts, gpu.most_watts) {
        (Some(watts), Some(most)) => Some(format!("{watts:.0} W of {most:.0} W")),
        (watts, _) => watts.map(|watts| format!("{watts:.0} W")),
    };
    let reported = [Some(gpu.name.clone()), memory, capability, watts];
    reported.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Checks whether `--device cuda` works, and its tensor cores.
fn cuda(wanted: Device) -> Vec<Finding> {
    const TOPIC: &str = "device cuda";
    if let Err(reason) = engine::check(Device::Cuda) {
        let finding = match wanted {
            Device::Cpu => Finding::absent(TOPIC, &reason, reason.hint()),
            Device::Cuda => Finding::broken(TOPIC, &reason, reason.hint()),
        };
        return vec![finding];
    }
    let mut findings = vec![Finding::present(TOPIC, "usable: a kernel was compiled for the first GPU")];
    if let Err(reason) = engine::check_tensor_cores(Device::Cuda) {
        findings.push(Finding::absent("tensor cores", &reason, reason.hint()));
    }
    findings
}

/// Checks which meters the tracker `Energy` can read.
fn energy() -> Vec<Finding> {
    const TOPIC: &str = "energy";
    let meters = Meters::of_this_machine();
    let found = [(meters.gpus(), "GPU"), (meters.packages(), "processor package")];
    let findings = found.into_iter().filter_map(|(count, what)| match count {
        Ok(1) => Some(Finding::present(TOPIC, format!("counters of 1 {what}"))),
        Ok(count) => Some(Finding::present(TOPIC, format!("counters of {count} {what}s"))),
        // `gpus` reports a missing GPU.
        Err(NoMeter::NoGpu(_)) => None,
        Err(reason) => Some(Finding::absent(TOPIC, reason, reason.hint())),
    });
    findings.collect()
}

/// Checks which official files are in the data directory.
fn datasets(data_dir: &Path) -> Vec<Finding> {
    let official = data::sources().into_iter().filter(|source| !source.is_own());
    let with_files = official.filter(|source| !source.presence(data_dir).files.is_empty());
    let (there, missing): (Vec<Source>, Vec<Source>) =
        with_files.partition(|source| source.presence(data_dir).complete);
    let place = format!("{}: ", data_dir.display());
    let mut findings = Vec::new();
    let warned = |source: &Source| source.warnings_of_files(data_dir).unwrap_or_default();
    for source in &there {
        for warning in warned(source) {
            let hint = format!("`{} data info {}` shows what is there", program(), slug(source));
            findings.push(Finding::absent("data", format!("{}: {warning}", source.name()), hint));
        }
    }
    let there: Vec<Source> = there.into_iter().filter(|source| warned(source).is_empty()).collect();
    if !there.is_empty() {
        findings.push(Finding::present("data", format!("{place}{}", names(&there))));
    }
    if !missing.is_empty() {
        let hint = match disk::may_write(data_dir) {
            true => format!(
                "`{} run` downloads the files that a pipeline needs; `--data DIR` or BPFREE_DATA names another folder",
                program()
            ),
            false => "the folder cannot be written: `--data DIR` or BPFREE_DATA names another one".to_owned(),
        };
        findings.push(Finding::absent("data", format!("{place}without {}", names(&missing)), hint));
    }
    findings
}

fn names(sources: &[Source]) -> String {
    sources.iter().map(Source::name).collect::<Vec<_>>().join(", ")
}

/// Checks the folder of results.
fn artifacts(folder: &Path) -> Finding {
    const TOPIC: &str = "artifacts";
    let name = folder.display();
    let hint = "`--artifacts DIR` or BPFREE_ARTIFACTS names another folder";
    if !disk::may_write(folder) {
        return Finding::broken(TOPIC, format!("{name}: cannot be written"), hint);
    }
    match disk::free(folder) {
        Ok(0) => Finding::broken(TOPIC, format!("{name}: the disk is full"), hint),
        Ok(free) => Finding::present(TOPIC, format!("{name}: can be written, {} free", DecimalBytes(free))),
        Err(error) => Finding::absent(TOPIC, format!("{name}: the free space is unknown: {error}"), hint),
    }
}

fn tensorboard() -> Finding {
    const TOPIC: &str = "TensorBoard";
    match tensorboard::find(None) {
        Ok(Some(found)) => {
            let server = if found.has_data_server { "with" } else { "without" };
            let python = found.python.display();
            Finding::present(TOPIC, format!("{} of {python}, {server} the data server", found.version))
        }
        Ok(None) => {
            let active =
                if env::var_os("VIRTUAL_ENV").is_some() { "the active virtual environment, " } else { "" };
            let text = format!("not installed in {active}.venv or python3");
            Finding::absent(TOPIC, text, tensorboard::INSTALL)
        }
        Err(error) => Finding::absent(TOPIC, format!("{error:#}"), tensorboard::INSTALL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_topics_texts_and_hints_are_in_columns() {
        assert_eq!(Finding::present("memory", "1 GB free").lines(), "ok      memory       1 GB free");
        assert_eq!(
            Finding::broken("tensor cores", "none", "buy some").lines(),
            "BROKEN  tensor cores none\n                     hint: buy some"
        );
    }

    #[test]
    fn a_gpu_is_described_by_what_its_driver_reports() {
        let mut gpu = Gpu {
            name: "NVIDIA H100 80GB HBM3".into(),
            is_visible: true,
            memory: Some(GpuMemory { total: 85_500_000_000, free: 85_000_000_000 }),
            compute_capability: Some([9, 0]),
            watts: Some(70.4),
            most_watts: Some(700.0),
        };
        assert_eq!(
            describe(&gpu),
            "NVIDIA H100 80GB HBM3, 85.00 GB free of 85.50 GB, compute capability 9.0, 70 W of 700 W"
        );
        (gpu.memory, gpu.most_watts) = (None, None);
        assert_eq!(describe(&gpu), "NVIDIA H100 80GB HBM3, compute capability 9.0, 70 W");
    }
}
