//! `doctor`: what this machine has for training, and the way out where something is missing.

use std::{env, path::Path, process::ExitCode};

use data::Source;
use indicatif::DecimalBytes;
use machine::{
    Gpu, GpuMemory, Nvidia, Processor, disk,
    energy::{Meters, NoMeter},
    memory,
};
use settings::Device;

use super::tensorboard;
use crate::{BUILD, DoctorArguments, Places, terminal::say};

/// One thing that was looked at.
struct Finding {
    state: State,
    topic: &'static str,
    text: String,
    /// The way out.
    hint: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is there.
    Present,
    /// It is not there, and only what stands beside it needs it.
    Absent,
    /// Nothing that was asked for works without it.
    Broken,
}

pub fn doctor(arguments: &DoctorArguments) -> anyhow::Result<ExitCode> {
    let DoctorArguments { places, device } = arguments;
    let mut findings = vec![build(), processor(), memory()];
    findings.extend(gpus());
    findings.extend(cuda(*device));
    findings.extend(energy());
    findings.extend(datasets(&places.data));
    findings.push(artifacts(places));
    findings.push(tensorboard());
    findings.iter().for_each(|finding| say(&finding.lines()));
    let is_broken = findings.iter().any(|finding| finding.state == State::Broken);
    say(&match is_broken {
        true => format!("\nwhat is BROKEN is needed to train with `--device {device}`"),
        false => format!("\neverything that training with `--device {device}` needs is there"),
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

    /// State, topic and text in columns, with the hint below.
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
    let names = |wanted: bool| {
        let names = features.iter().filter(|(_, is_there)| *is_there == wanted).map(|(name, _)| *name);
        names.collect::<Vec<_>>().join(" ")
    };
    let (there, missing) = (names(true), names(false));
    let mut text = format!("{model}, {cores} {}", if cores == 1 { "core" } else { "cores" });
    if !there.is_empty() {
        text += &format!("; {there}");
    }
    if !missing.is_empty() {
        text += &format!("; no {missing}");
    }
    Finding::present("processor", text)
}

fn memory() -> Finding {
    let Some(free) = memory::free() else {
        let hint = "`run --memory SIZE` says how much trials may take";
        return Finding::absent("memory", "the system does not tell how much is free", hint);
    };
    let of = memory::installed().map_or(String::new(), |all| format!(" of {}", DecimalBytes(all)));
    Finding::present("memory", format!("{} free{of}", DecimalBytes(free)))
}

/// The driver, and each GPU.
fn gpus() -> Vec<Finding> {
    let Nvidia { driver, cuda, gpus } = match Nvidia::of_this_machine() {
        Ok(nvidia) => nvidia,
        Err(reason) => return vec![Finding::absent("GPU", &reason, reason.hint())],
    };
    let cuda = cuda.map_or(String::new(), |[major, minor]| format!(", up to CUDA {major}.{minor}"));
    let driver = Finding::present("driver", format!("NVIDIA {driver}{cuda}"));
    let gpus = gpus.iter().map(|gpu| {
        let hint = "CUDA_VISIBLE_DEVICES hides it from this program";
        match gpu.is_visible {
            true => Finding::present("GPU", describe(gpu)),
            false => Finding::absent("GPU", describe(gpu), hint),
        }
    });
    [driver].into_iter().chain(gpus).collect()
}

/// What its driver tells of it.
fn describe(gpu: &Gpu) -> String {
    let of_memory = |GpuMemory { total, free }: GpuMemory| {
        format!("{} free of {}", DecimalBytes(free), DecimalBytes(total))
    };
    let capability =
        gpu.compute_capability.map(|[major, minor]| format!("compute capability {major}.{minor}"));
    let watts = match (gpu.watts, gpu.most_watts) {
        (Some(watts), Some(most)) => Some(format!("{watts:.0} W of {most:.0} W")),
        (watts, _) => watts.map(|watts| format!("{watts:.0} W")),
    };
    let told = [Some(gpu.name.clone()), gpu.memory.map(of_memory), capability, watts];
    told.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Whether `--device cuda` would work, and its tensor cores.
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

/// What the tracker `Energy` can read.
fn energy() -> Vec<Finding> {
    const TOPIC: &str = "energy";
    let meters = Meters::of_this_machine();
    let counters = |count: usize, what: &str| {
        let plural = if count == 1 { "" } else { "s" };
        Finding::present(TOPIC, format!("counters of {count} {what}{plural}"))
    };
    let of = |found: Result<usize, &NoMeter>, what: &str| match found {
        Ok(count) => Some(counters(count, what)),
        // That there is none stands above.
        Err(NoMeter::NoGpu(_)) => None,
        Err(reason) => Some(Finding::absent(TOPIC, reason, reason.hint())),
    };
    [of(meters.gpus(), "GPU"), of(meters.packages(), "processor package")].into_iter().flatten().collect()
}

/// The data directory, and which official files are in it.
fn datasets(data_dir: &Path) -> Vec<Finding> {
    let official = data::sources().into_iter().filter(|source| !source.is_own());
    let with_files = official.filter(|source| !source.presence(data_dir).files.is_empty());
    let (there, missing): (Vec<Source>, Vec<Source>) =
        with_files.partition(|source| source.presence(data_dir).complete);
    let place = format!("{}: ", data_dir.display());
    let mut findings = Vec::new();
    if !there.is_empty() {
        findings.push(Finding::present("data", format!("{place}{}", names(&there))));
    }
    if !missing.is_empty() {
        let hint = match disk::may_write(data_dir) {
            true => {
                "`cargo xtask run` downloads what a pipeline needs; `--data DIR` or BPFREE_DATA names another folder"
            }
            false => "nothing can be downloaded there: `--data DIR` or BPFREE_DATA names another folder",
        };
        findings.push(Finding::absent("data", format!("{place}without {}", names(&missing)), hint));
    }
    findings
}

fn names(sources: &[Source]) -> String {
    sources.iter().map(Source::name).collect::<Vec<_>>().join(", ")
}

/// The folder of results.
fn artifacts(places: &Places) -> Finding {
    const TOPIC: &str = "artifacts";
    let folder = places.artifacts.display();
    let hint = "`--artifacts DIR` or BPFREE_ARTIFACTS names another folder";
    if !disk::may_write(&places.artifacts) {
        return Finding::broken(TOPIC, format!("{folder}: cannot be written"), hint);
    }
    match disk::free(&places.artifacts) {
        Ok(0) => Finding::broken(TOPIC, format!("{folder}: the disk is full"), hint),
        Ok(free) => Finding::present(TOPIC, format!("{folder}: can be written, {} free", DecimalBytes(free))),
        Err(error) => {
            Finding::absent(TOPIC, format!("{folder}: nobody knows how much is free: {error}"), hint)
        }
    }
}

fn tensorboard() -> Finding {
    const TOPIC: &str = "TensorBoard";
    match tensorboard::find(None) {
        Ok(Some(found)) => {
            let server = if found.has_data_server { "with" } else { "without" };
            let python = found.python.display();
            Finding::present(TOPIC, format!("{} of {python}, {server} its data server", found.version))
        }
        Ok(None) => {
            let active =
                if env::var_os("VIRTUAL_ENV").is_some() { "the active virtual environment, " } else { "" };
            let text = format!("no Python has it: looked at {active}.venv and python3");
            Finding::absent(TOPIC, text, tensorboard::INSTALL)
        }
        Err(error) => Finding::absent(TOPIC, format!("{error:#}"), tensorboard::INSTALL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_topics_texts_and_hints_stand_in_columns() {
        assert_eq!(Finding::present("memory", "1 GB free").lines(), "ok      memory       1 GB free");
        assert_eq!(
            Finding::broken("tensor cores", "none", "buy some").lines(),
            "BROKEN  tensor cores none\n                     hint: buy some"
        );
    }

    #[test]
    fn of_a_gpu_is_said_what_its_driver_tells() {
        let mut gpu = Gpu {
            name: "NVIDIA H100 80GB HBM3".into(),
            uuid: "GPU-1".into(),
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
