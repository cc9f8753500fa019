//! Passes the version, the commit and the numeric dependencies to the program, for the manifests of results.

use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash, Hasher},
    process::Command,
};

fn main() {
    let version = env!("CARGO_PKG_VERSION");
    let lock = fs::read_to_string("../Cargo.lock").unwrap_or_default();
    println!("cargo::rustc-env=BPFREE_BUILD={version} {} ({})", commit(), dependencies(&lock));
    println!("cargo::rerun-if-changed=../.git/logs/HEAD");
    println!("cargo::rerun-if-changed=../Cargo.lock");
}

fn commit() -> String {
    let commit = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    commit.ok().filter(|output| output.status.success()).map_or_else(
        || "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

fn version(name: &str, lock: &str) -> Option<String> {
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{name}\"\n")))?;
    let line = entry.lines().find_map(|line| line.strip_prefix("version = "))?;
    Some(format!("{name} {}", line.trim_matches('"')))
}

/// Returns `burn 0.21.0, all 1a2b3c4d`: the numeric dependency, and a hash of the lock file.
fn dependencies(lock: &str) -> String {
    let mut hasher = DefaultHasher::new();
    lock.hash(&mut hasher);
    let all = format!("all {:08x}", hasher.finish() as u32);
    version("burn", lock).into_iter().chain([all]).collect::<Vec<_>>().join(", ")
}
