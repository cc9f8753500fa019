//! The processor, as the system and the processor itself describe it.

use std::{env::consts::ARCH, fs, thread};

/// The processor of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processor {
    /// As its maker calls it; the architecture where the system does not tell.
    pub model: String,
    /// Threads of hardware that this process may use.
    pub cores: usize,
    /// Those instruction sets that kernels are chosen by, and whether they are there.
    pub features: Vec<(&'static str, bool)>,
}

impl Processor {
    /// The one that this program runs on.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let told = fs::read_to_string("/proc/cpuinfo").ok();
        Self {
            model: told.and_then(|text| model(&text)).unwrap_or_else(|| ARCH.to_owned()),
            cores: thread::available_parallelism().map_or(1, usize::from),
            features: features(),
        }
    }
}

/// `model name` of /proc/cpuinfo.
fn model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Products and elementwise kernels are compiled for AVX2 with FMA and for AVX-512 with these parts.
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

/// On other architectures nothing is chosen at run time.
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
