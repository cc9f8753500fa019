//! Every rule against golden vectors: three optimizer steps, with evaluation before and after.
//!
//! The test reads every case in `index.json` of the folders in `GOLDEN_VECTORS`, which are separated as in `PATH`; by default the project's
//! own copies.

use std::{
    env,
    path::{Path, PathBuf},
};

use golden::{TOLERANCE, Vectors};
use settings::Device;

fn folders() -> Vec<PathBuf> {
    let Some(given) = env::var_os("GOLDEN_VECTORS") else {
        return ["vectors", "vectors2"].map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).into();
    };
    // A relative path begins at the root of the project.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    env::split_paths(&given).map(|folder| root.join(folder)).collect()
}

#[test]
#[expect(clippy::print_stderr, reason = "a test says what it leaves out")]
fn every_rule_optimizer_schedule_and_random_matrix_matches_the_golden_vectors() {
    let vectors = Vectors::read(&folders()).unwrap_or_else(|error| panic!("{error}"));
    let unknown: Vec<&str> = golden::unknown_rules(&vectors).into_iter().collect();
    eprintln!("left out, because the program has no such rule: {unknown:?}");
    if env::var_os("GOLDEN_VECTORS").is_none() {
        assert!(unknown.is_empty(), "{unknown:?}");
    }
    let compared = golden::replay_on(Device::Cpu, &vectors).expect("the CPU is always there");
    assert!(compared.len() > 1000, "only {} tensors were compared", compared.len());
    let off: Vec<_> = compared.iter().filter(|comparison| comparison.deviation > TOLERANCE).collect();
    assert!(off.is_empty(), "{} of {} are off: {off:#?}", off.len(), compared.len());
}
