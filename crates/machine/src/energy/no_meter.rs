//! Reasons why energy cannot be measured.

use std::path::PathBuf;

use crate::NoNvidia;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMeter {
    #[error(transparent)]
    NoGpu(#[from] NoNvidia),
    #[error("{gpu} does not count its energy: {reason}")]
    NotCounted { gpu: String, reason: String },
    #[error("no processor package counts its energy: {} has no folder `intel-rapl:*` of a package", root.display())]
    NoPackage { root: PathBuf },
    #[error("cannot read {}: {reason}", file.display())]
    Unreadable { file: PathBuf, reason: String },
}

impl NoMeter {
    pub fn hint(&self) -> String {
        match self {
            Self::NoGpu(reason) => reason.hint().to_owned(),
            Self::NotCounted { .. } => {
                "GPUs count their energy since the Volta generation, but not if they are divided (MIG)".to_owned()
            }
            Self::NoPackage { .. } => {
                "`sudo modprobe intel_rapl_msr` loads Linux' driver (for AMD's processors, too); most virtual machines have no counters"
                    .to_owned()
            }
            Self::Unreadable { file, .. } => format!(
                "only root may read it by default: `sudo chmod a+r {}`, again after every restart",
                file.display()
            ),
        }
    }
}
