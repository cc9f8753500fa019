//! The processor, by its own description and the system's.

use std::{env::consts::ARCH, fs, thread};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processor {
    /// The maker's name for it, or the architecture if the system does not report one.
    pub model: String,
    /// The number of hardware threads that this process may use.
    pub cores: usize,
    /// Instruction sets that matter to the choice of kernels, and whether the processor has them.
    pub features: Vec<(&'static str, bool)>,
}

impl Processor {
    pub fn of_this_machine() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").ok();
        Self {
            model: cpuinfo.and_then(|text| model(&text)).unwrap_or_else(|| ARCH.to_owned()),
            cores: thread::available_parallelism().map_or(1, usize::from),
            features: features(),
        }
    }
}

/// Reads `model name` of /proc/cpuinfo.
fn model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Returns the instruction sets for which products and elementwise kernels are compiled: AVX2 with FMA, and AVX-512 with these parts.
#[cfg(target_arch = "x86_64")]
fn features() -> Vec<(&'static str, bool)> {
    vec![
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512bw", is_x86_feature_detected!("avx512bw")),
        ("avx512cd", is_x86_feature_detected!("avx512cd")),
        ("avx512dq", is_x86_feature_detected!("avx512dq")),
        ("avx512vl", is_x86_feature_detected!("avx512vl")),
    ]
}

/// Returns none, because on other architectures no kernel is chosen at run time.
#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<(&'static str, bool)> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_model_name_is_the_processors() {
        let text =
            "processor\t: 0\nmodel name\t: AMD EPYC: a\nflags\t: fpu\n\nprocessor\t: 1\nmodel name\t: b\n";
        assert_eq!(model(text), Some("AMD EPYC: a".to_owned()));
        assert_eq!(model("processor\t: 0\nBogoMIPS\t: 50.00\n"), None);
        let here = Processor::of_this_machine();
        assert!(here.cores > 0 && !here.model.is_empty());
    }
}
