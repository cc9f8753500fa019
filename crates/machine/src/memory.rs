//! How much memory is there for this process?

use std::{fs, path::Path};

/// Bytes that this process could still take, as far as the system tells: the least of what the machine, a container
/// and a limit of the process leave.
#[must_use]
pub fn free() -> Option<u64> {
    let of_machine = read("/proc/meminfo").and_then(|text| entry(&text, "MemAvailable:"));
    let of_process = read("/proc/self/limits").and_then(|limits| {
        let pages: u64 = read("/proc/self/statm")?.split_whitespace().next()?.parse().ok()?;
        // Pages of 4 KiB; larger ones make it a little more careful.
        address_space(&limits).map(|limit| limit.saturating_sub(pages * 4096))
    });
    [of_machine, of_control_group(Path::new("/sys/fs/cgroup")), of_process].into_iter().flatten().min()
}

/// Bytes that the machine has, whoever may use them.
#[must_use]
pub fn installed() -> Option<u64> {
    entry(&read("/proc/meminfo")?, "MemTotal:")
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// A line of /proc/meminfo, in bytes.
fn entry(meminfo: &str, name: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// `ulimit -v`, from /proc/self/limits, in bytes.
fn address_space(limits: &str) -> Option<u64> {
    limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

/// What a container may still take: of version 2, or of version 1.
fn of_control_group(root: &Path) -> Option<u64> {
    let number = |name: &str| fs::read_to_string(root.join(name)).ok()?.trim().parse::<u64>().ok();
    // Files that were read count as used, until somebody needs the room.
    let cached = |stat: &str, name: &str| {
        let text = fs::read_to_string(root.join(stat)).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
        line.unwrap_or(0)
    };
    let left = |limit: &str, used: &str, cached: u64| {
        Some(number(limit)?.saturating_sub(number(used)?.saturating_sub(cached)))
    };
    left("memory.max", "memory.current", cached("memory.stat", "inactive_file ")).or_else(|| {
        let cached = cached("memory/memory.stat", "total_inactive_file ");
        left("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", cached)
    })
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
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(of_control_group(folder.path()), None);
        fs::write(folder.path().join("memory.max"), "max\n").expect("writable");
        fs::write(folder.path().join("memory.current"), "400\n").expect("writable");
        assert_eq!(of_control_group(folder.path()), None);
        fs::write(folder.path().join("memory.max"), "1000\n").expect("writable");
        assert_eq!(of_control_group(folder.path()), Some(600));
        fs::write(folder.path().join("memory.stat"), "anon 1\ninactive_file 300\n").expect("writable");
        assert_eq!(of_control_group(folder.path()), Some(900));
    }
}
