//! Passes the version, the commit and the numeric dependencies to the program, for the manifests of results.

use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash, Hasher},
    path::PathBuf,
    process::Command,
};

fn main() {
    let version = env!("CARGO_PKG_VERSION");
    let lock = fs::read_to_string("../Cargo.lock").unwrap_or_default();
    let (dependencies, sources) = (dependencies(&lock), sources());
    println!("cargo::rustc-env=BPFREE_BUILD={version} {} ({dependencies}, sources {sources})", commit());
    println!("cargo::rerun-if-changed=../crates");
    println!("cargo::rerun-if-changed=src");
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

/// Returns a hash of all Rust files but tests, because a commit does not tell which changes are not committed yet.
fn sources() -> String {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from("../crates"), PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        fs::read(&file).unwrap_or_default().hash(&mut hasher);
        file.hash(&mut hasher);
    }
    format!("{:08x}", hasher.finish() as u32)
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
