//! Energy counters of processor packages (RAPL): folders `intel-rapl:0`, ... below /sys/class/powercap, in which Linux has those of AMD's
//! processors, too.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{counter::Counter, no_meter::NoMeter};

pub(super) const ROOT: &str = "/sys/class/powercap";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    file: PathBuf,
    /// The range of the counter in microjoules.
    range: u64,
}

impl Package {
    pub(super) fn read(&self) -> Option<Counter> {
        Some(Counter { microjoules: number(&self.file).ok()?, range: Some(self.range) })
    }
}

/// Returns the counters of all packages below `root`, at least one.
pub(super) fn packages(root: &Path) -> Result<Vec<Package>, NoMeter> {
    let mut folders = package_folders(root);
    folders.sort();
    if folders.is_empty() {
        return Err(NoMeter::NoPackage { root: root.into() });
    }
    folders.iter().map(|folder| package(folder)).collect()
}

fn package(folder: &Path) -> Result<Package, NoMeter> {
    let file = folder.join("energy_uj");
    let range = readable(&folder.join("max_energy_range_uj"))?;
    readable(&file)?;
    Ok(Package { file, range })
}

fn readable(file: &Path) -> Result<u64, NoMeter> {
    number(file).map_err(|error| NoMeter::Unreadable { file: file.into(), reason: error.to_string() })
}

/// Leaves out parts of packages (`intel-rapl:0:0`), whose energy is in the package's, the same package by another path
/// (`intel-rapl-mmio:0`), and the whole machine (`psys`).
fn package_folders(root: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(|path| is_domain(path) && is_package(path)).collect()
}

fn is_domain(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_prefix("intel-rapl:").is_some_and(|rest| rest.parse::<u32>().is_ok())
}

fn is_package(path: &Path) -> bool {
    fs::read_to_string(path.join("name")).is_ok_and(|name| name.starts_with("package"))
}

fn number(file: &Path) -> io::Result<u64> {
    let text = fs::read_to_string(file)?;
    text.trim().parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder as the system has it.
    fn domain(root: &Path, folder: &str, name: &str, microjoules: &str) -> PathBuf {
        let folder = root.join(folder);
        fs::create_dir_all(&folder).expect("writable");
        fs::write(folder.join("name"), format!("{name}\n")).expect("writable");
        fs::write(folder.join("max_energy_range_uj"), "262143328850\n").expect("writable");
        fs::write(folder.join("energy_uj"), format!("{microjoules}\n")).expect("writable");
        folder.join("energy_uj")
    }

    #[test]
    fn each_package_is_counted_once() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let root = root.path();
        domain(root, "intel-rapl:1", "package-1", "20");
        let first = domain(root, "intel-rapl:0", "package-0", "10");
        domain(root, "intel-rapl:0:0", "core", "7");
        domain(root, "intel-rapl:2", "psys", "40");
        domain(root, "intel-rapl-mmio:0", "package-0", "10");
        fs::create_dir_all(root.join("intel-rapl")).expect("writable");
        let packages = packages(root).expect("two packages");
        let count = |microjoules| Some(Counter { microjoules, range: Some(262_143_328_850) });
        let read = || packages.iter().map(Package::read).collect::<Vec<_>>();
        assert_eq!(read(), [count(10), count(20)]);
        fs::write(&first, "15\n").expect("writable");
        assert_eq!(read(), [count(15), count(20)]);
        fs::remove_file(&first).expect("it is there");
        assert_eq!(read(), [None, count(20)]);
    }

    #[test]
    fn what_is_not_there_or_not_readable_is_said() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let root = root.path();
        assert_eq!(packages(&root.join("none")), Err(NoMeter::NoPackage { root: root.join("none") }));
        domain(root, "intel-rapl:0:0", "core", "7");
        assert_eq!(packages(root), Err(NoMeter::NoPackage { root: root.into() }));
        let file = domain(root, "intel-rapl:0", "package-0", "no number");
        let Err(NoMeter::Unreadable { file: named, .. }) = packages(root) else {
            panic!("it holds no number");
        };
        assert_eq!(named, file);
    }
}
