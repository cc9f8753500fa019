//! Warnings about a pipeline, printed before anything runs.

use machine::energy::{Meters, NoMeter};
use settings::{Device, Tracker};
use spec::{Pipeline, Stage};

use crate::terminal::tell;

/// Prints the warnings of the file, and which of its measurements this machine cannot make.
pub fn tell_all(pipeline: &Pipeline, device: Device) {
    for warning in &pipeline.warnings {
        tell(&format!("warning: {warning}"));
    }
    if measures_energy(pipeline) {
        let meters = Meters::of_this_machine();
        let reasons = [(GPU, meters.gpus().err()), (CPU, meters.packages().err())];
        unmeasured(reasons, device).iter().for_each(|line| tell(line));
    }
}

const GPU: &str = "machine/energy_gpu_joules";
const CPU: &str = "machine/energy_cpu_joules";

fn measures_energy(pipeline: &Pipeline) -> bool {
    pipeline.stages.iter().any(|stage| match stage {
        Stage::Train(train) => train.training.trackers.contains(&Tracker::Energy),
        _ => false,
    })
}

/// Returns a warning and a hint for each quantity without a meter. It is no error, so that a file runs on every machine.
fn unmeasured(reasons: [(&str, Option<&NoMeter>); 2], device: Device) -> Vec<String> {
    let missed = reasons.into_iter().filter_map(|(quantity, reason)| Some((quantity, reason?)));
    missed
        // Training on the CPU needs no meter of a GPU.
        .filter(|(_, reason)| device == Device::Cuda || !matches!(reason, NoMeter::NoGpu(_)))
        .flat_map(|(quantity, reason)| {
            [
                format!(
                    "warning: `Energy` gives no {quantity} on this machine, trials train without it: {reason}"
                ),
                format!("hint: {}", reason.hint()),
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use machine::NoNvidia;

    use super::*;

    #[test]
    fn training_on_the_cpu_warns_about_no_gpu() {
        let (gpu, package) =
            (NoMeter::NoGpu(NoNvidia::NoGpu), NoMeter::NoPackage { root: "/sys/class/powercap".into() });
        let reasons = [(GPU, Some(&gpu)), (CPU, Some(&package))];
        let on_cpu = unmeasured(reasons, Device::Cpu);
        assert_eq!(on_cpu.len(), 2);
        assert!(
            on_cpu[0].starts_with("warning: `Energy` gives no machine/energy_cpu_joules on this machine")
                && on_cpu[1].starts_with("hint: `sudo modprobe"),
            "{on_cpu:?}"
        );
        let on_gpu = unmeasured(reasons, Device::Cuda);
        assert_eq!(on_gpu.len(), 4);
        assert!(on_gpu[0].contains("machine/energy_gpu_joules on this machine"), "{on_gpu:?}");
        assert_eq!(unmeasured([(GPU, None), (CPU, None)], Device::Cuda), [""; 0]);
    }
}
