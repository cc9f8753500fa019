//! Memory for this process.

use std::{fs, path::Path};

use crate::control_group;

/// The fraction of free memory that this program may use. Other programs need some, and its needs are estimates.
const SHARE: f64 = 0.9;

/// Returns the number of bytes that this process may use now, without a limit if the system does not report its free memory.
pub fn usable() -> u64 {
    free().map_or(u64::MAX, |free| (free as f64 * SHARE) as u64)
}

/// Returns the number of bytes that this process can still allocate: the least that the machine, the control groups of the process
/// and its limit of address space leave, as far as the system reports them.
pub fn free() -> Option<u64> {
    let on_machine = read("/proc/meminfo").and_then(|text| entry(&text, "MemAvailable:"));
    [on_machine, control_group::free(), in_address_space()].into_iter().flatten().min()
}

/// Returns the number of bytes of the machine's memory.
pub fn installed() -> Option<u64> {
    entry(&read("/proc/meminfo")?, "MemTotal:")
}

/// Returns `12.3 GB` or `8 MB`.
pub fn in_words(bytes: u64) -> String {
    if bytes >= 1_000_000_000 {
        format!("{:.1} GB", bytes as f64 / 1e9)
    } else {
        format!("{} MB", bytes.div_ceil(1_000_000))
    }
}

fn read(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// Reads a line of /proc/meminfo, in bytes.
fn entry(meminfo: &str, name: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Returns the number of bytes that `ulimit -v` leaves.
fn in_address_space() -> Option<u64> {
    let limit = address_space(&read("/proc/self/limits")?)?;
    let pages: u64 = read("/proc/self/statm")?.split_whitespace().next()?.parse().ok()?;
    // Pages of 4 KiB. Where they are larger, the result is too large.
    Some(limit.saturating_sub(pages * 4096))
}

fn address_space(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_read() {
        assert_eq!(entry("MemTotal: 8 kB\nMemAvailable:   24000 kB\n", "MemAvailable:"), Some(24_576_000));
        assert_eq!(entry("MemTotal: 8 kB\n", "MemAvailable:"), None);
        let limits = |soft: &str| {
            format!("Limit  Soft  Hard  Units\nMax address space         {soft}   unlimited   bytes\n")
        };
        assert_eq!(address_space(&limits("4096")), Some(4096));
        assert_eq!(address_space(&limits("unlimited")), None);
    }
}
