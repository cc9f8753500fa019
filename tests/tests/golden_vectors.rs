//! Every rule against golden vectors: three optimizer steps, with evaluation before and after.
//!
//! The test reads every case in `index.json` of the folder `GOLDEN_VECTORS`, by default the project's own copy.

use std::{
    env,
    path::{Path, PathBuf},
};

use golden::{TOLERANCE, Vectors};
use settings::Device;

fn own_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn folder() -> PathBuf {
    // A relative path begins at the root of the project.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    env::var_os("GOLDEN_VECTORS").map_or_else(own_folder, |folder| root.join(folder))
}

#[test]
fn every_rule_adam_and_random_matrices_match_the_golden_vectors() {
    let vectors = Vectors::read(&folder(), &own_folder()).unwrap_or_else(|error| panic!("{error}"));
    let compared = golden::replay_on(Device::Cpu, &vectors).expect("the CPU is always there");
    let off: Vec<_> = compared.iter().filter(|comparison| comparison.deviation > TOLERANCE).collect();
    assert!(off.is_empty(), "{} of {} are off: {off:#?}", off.len(), compared.len());
}
