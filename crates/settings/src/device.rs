//! The devices that networks can train on.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The device that holds a network's tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Device {
    /// The processor, through burn's flex backend.
    Cpu,
    /// The first NVIDIA GPU, through burn's CUDA backend; needs the cargo feature `cuda`.
    Cuda,
}

impl Device {
    /// Returns the name on the command line and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Cpu, Self::Cuda].into_iter().find(|device| device.name() == text);
        known.ok_or_else(|| format!("unknown device `{text}`, known: cpu, cuda"))
    }
}
