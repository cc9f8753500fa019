//! Records the version and the commit that a report names.

use std::process::Command;

fn main() {
    let commit = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let commit = commit.ok().filter(|output| output.status.success());
    let commit =
        commit.map_or("unknown".into(), |output| String::from_utf8_lossy(&output.stdout).into_owned());
    println!("cargo::rustc-env=BPFREE_BUILD={} {}", env!("CARGO_PKG_VERSION"), commit.trim());
    println!("cargo::rerun-if-changed=../../.git/logs/HEAD");
}
