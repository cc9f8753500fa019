//! The memory that control groups leave to this process, by version 1 and version 2.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

/// The files of a control group that state its memory.
struct Files {
    limit: &'static str,
    used: &'static str,
    /// A table, and its line with the bytes of cached files.
    statistics: &'static str,
    cached: &'static str,
}

const VERSION_1: Files = Files {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    statistics: "memory.stat",
    cached: "total_inactive_file ",
};
const VERSION_2: Files = Files {
    limit: "memory.max",
    used: "memory.current",
    statistics: "memory.stat",
    cached: "inactive_file ",
};

/// Returns the least number of bytes that the control groups of this process leave: its own group and those above.
pub(crate) fn free() -> Option<u64> {
    let read = |path: &str| fs::read_to_string(path).ok();
    least(&read("/proc/self/cgroup")?, &read("/proc/self/mountinfo")?)
}

/// Returns the least number of bytes that is left, from the texts of `/proc/self/cgroup` and `/proc/self/mountinfo`.
fn least(groups: &str, mounts: &str) -> Option<u64> {
    let mounted = mounts.lines().filter_map(Mount::parse);
    let left = mounted.filter_map(|mount| {
        let group = groups.lines().find_map(|line| mount.group(line))?;
        let folders = group.ancestors().take_while(|folder| folder.starts_with(&mount.folder));
        folders.filter_map(|folder| left(folder, mount.files)).min()
    });
    left.min()
}

/// A hierarchy of control groups with memory, and the folder in which it is seen.
struct Mount {
    /// The group that is seen at `folder`.
    root: PathBuf,
    folder: PathBuf,
    files: &'static Files,
}

impl Mount {
    /// Parses a line of `/proc/self/mountinfo` (proc_pid_mountinfo(5)); none for other file systems.
    fn parse(line: &str) -> Option<Self> {
        let (mount, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let files = match (kind.next()?, kind.nth(1)?) {
            ("cgroup2", _) => &VERSION_2,
            ("cgroup", options) if options.split(',').any(|option| option == "memory") => &VERSION_1,
            _ => return None,
        };
        let mut fields = mount.split(' ').skip(3);
        let (root, folder) = (fields.next()?.into(), fields.next()?.into());
        Some(Self { root, folder, files })
    }

    /// Returns the folder of the group that a line of `/proc/self/cgroup` names (cgroups(7)), if it is of this hierarchy. A group
    /// outside of the part that is mounted is represented by the mounted one.
    fn group(&self, line: &str) -> Option<PathBuf> {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let is_this = match self.files.limit == VERSION_2.limit {
            true => controllers.is_empty(),
            false => controllers.split(',').any(|controller| controller == "memory"),
        };
        let below = Path::new(path).strip_prefix(&self.root).unwrap_or(Path::new(""));
        let is_below = below.components().all(|part| matches!(part, Component::Normal(_)));
        let below = if is_below { below } else { Path::new("") };
        is_this.then(|| self.folder.join(below))
    }
}

/// Returns the number of bytes that the group of this folder leaves; none if it has no limit.
fn left(folder: &Path, files: &Files) -> Option<u64> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
    // The system counts cached files as used, although it drops them when memory is needed.
    let cached = read(files.statistics).and_then(|text| {
        text.lines().find_map(|line| line.strip_prefix(files.cached)?.trim().parse::<u64>().ok())
    });
    let used = number(files.used)?.saturating_sub(cached.unwrap_or(0));
    Some(number(files.limit)?.saturating_sub(used))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the limit and the use of a group.
    fn limit(folder: &Path, files: &Files, limit: &str, used: &str) {
        fs::create_dir_all(folder).expect("writable");
        fs::write(folder.join(files.limit), limit).expect("writable");
        fs::write(folder.join(files.used), used).expect("writable");
    }

    #[test]
    fn the_least_limit_up_to_the_root_counts_by_both_versions() {
        for (files, groups, kind) in [
            (&VERSION_2, "0::/a/b\n", "cgroup2 cgroup2 rw"),
            (&VERSION_1, "5:cpu:/other\n4:hugetlb,memory:/a/b\n0::/\n", "cgroup cgroup rw,memory"),
        ] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let root = folder.path();
            let mounts = |of: &str| format!("1 2 0:3 {of} {} rw,relatime - {kind}\n", root.display());
            assert_eq!(least(groups, &mounts("/")), None);
            limit(root, files, "max\n", "900\n");
            limit(&root.join("a/b"), files, "1000\n", "400\n");
            assert_eq!(least(groups, &mounts("/")), Some(600));
            limit(&root.join("a"), files, "800\n", "500\n");
            assert_eq!(least(groups, &mounts("/")), Some(300));
            fs::write(root.join("a").join(files.statistics), format!("anon 1\n{}200\n", files.cached))
                .expect("writable");
            assert_eq!(least(groups, &mounts("/")), Some(500));
            // A container sees its own group as the root of what is mounted, or as a group above it.
            assert_eq!(least(&groups.replace("/a/b", "/docker/a/b"), &mounts("/docker")), Some(500));
            limit(root, files, "100\n", "90\n");
            assert_eq!(least(&groups.replace("/a/b", "/docker"), &mounts("/docker")), Some(10));
            assert_eq!(least(&groups.replace("/a/b", "/../../a"), &mounts("/")), Some(10));
            assert_eq!(least(groups, &mounts("/").replace(kind, "tmpfs tmpfs rw")), None);
        }
    }
}
