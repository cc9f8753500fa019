//! What is doubtful about a pipeline, told before anything runs.

use machine::energy::{Meters, NoMeter};
use settings::{Device, Tracker};
use spec::{Pipeline, Stage};

use crate::terminal::tell;

/// Tells what is doubtful in the file, and what of it this machine cannot measure.
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
    let of_stage = |stage: &Stage| match stage {
        Stage::Train(train) => train.training.trackers.contains(&Tracker::Energy),
        _ => false,
    };
    pipeline.stages.iter().any(of_stage)
}

/// What is told of quantities that no meter gives: a file stays right on a machine that has none.
fn unmeasured(reasons: [(&str, Option<&NoMeter>); 2], device: Device) -> Vec<String> {
    // Who trains on the CPU misses no GPU.
    let is_missed = |reason: &NoMeter| device == Device::Cuda || !matches!(reason, NoMeter::NoGpu(_));
    let missed = reasons.into_iter().filter_map(|(quantity, reason)| Some((quantity, reason?)));
    missed
        .filter(|(_, reason)| is_missed(reason))
        .flat_map(|(quantity, reason)| {
            [
                format!("warning: `Energy` gives no {quantity} here, trials train without: {reason}"),
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
    fn who_trains_on_the_cpu_misses_no_gpu() {
        let (gpu, package) =
            (NoMeter::NoGpu(NoNvidia::NoGpu), NoMeter::NoPackage { root: "/sys/class/powercap".into() });
        let reasons = [(GPU, Some(&gpu)), (CPU, Some(&package))];
        let on_cpu = unmeasured(reasons, Device::Cpu);
        assert_eq!(on_cpu.len(), 2);
        assert!(
            on_cpu[0].starts_with("warning: `Energy` gives no machine/energy_cpu_joules here")
                && on_cpu[1].starts_with("hint: `sudo modprobe"),
            "{on_cpu:?}"
        );
        let on_gpu = unmeasured(reasons, Device::Cuda);
        assert_eq!(on_gpu.len(), 4);
        assert!(on_gpu[0].contains("machine/energy_gpu_joules here"), "{on_gpu:?}");
        assert_eq!(unmeasured([(GPU, None), (CPU, None)], Device::Cuda), [""; 0]);
    }
}
