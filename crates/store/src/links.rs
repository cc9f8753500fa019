//! Links with readable names that point into the store.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::artifact::kind_of_entry;
use super::error::{Result, StoreError};
use super::{fault, persist};

/// The name from which those of links that have no place yet are made.
pub(super) const UNPLACED: &str = "link";

/// Makes `link`, below the root of a store, a relative link to `target`, which must exist; the folders above it are created.
///
/// An existing link is replaced in one step, so that a reader always finds the old target or the new one. It begins in the folder
/// `work`: TensorBoard would take a link next to it for a run.
pub fn point(root: &Path, link: &Path, target: &Path) -> Result<()> {
    let work = root.join("work");
    persist::create_folder(&work)?;
    // Between two of these steps, another process may remove an empty folder or a name that looks left over.
    const ATTEMPTS: usize = 5;
    for _ in 1..ATTEMPTS {
        match replace(&work, link, target) {
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
            result => return result,
        }
    }
    replace(&work, link, target)
}

fn replace(work: &Path, link: &Path, target: &Path) -> Result<()> {
    let folder = link.parent().unwrap_or(Path::new("."));
    persist::create_folder(folder)?;
    let wanted = relative(folder, target)?;
    if current_target(link, target)?.as_ref() == Some(&wanted) {
        return Ok(());
    }
    let place = |beside: &Path| {
        let temporary = persist::temporary_name(beside);
        symlink(&wanted, &temporary)
            .and_then(|()| {
                fault::point("before a link is placed");
                fs::rename(&temporary, link)
            })
            .inspect_err(|_| persist::remove_quietly(&temporary))
    };
    match place(&work.join(UNPLACED)) {
        // The folder `runs` may be on another disk.
        Err(error) if error.kind() == ErrorKind::CrossesDevices => place(link),
        placed => placed,
    }
    .map_err(StoreError::io("link", link))
}

fn current_target(link: &Path, target: &Path) -> Result<Option<PathBuf>> {
    match fs::symlink_metadata(link) {
        Ok(metadata) if metadata.is_symlink() => match fs::read_link(link) {
            // Another process has just removed it, or its name is in a cache.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            target => target.map(Some).map_err(StoreError::io("read link", link)),
        },
        Ok(metadata) => Err(StoreError::NotALink {
            link: link.to_owned(),
            target: target.to_owned(),
            found: kind_of_entry(metadata.file_type()),
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("look up", link)(error)),
    }
}

/// Returns the relative path from `folder` to `target`. Both are resolved first, because `..` counts from the real folder.
fn relative(folder: &Path, target: &Path) -> Result<PathBuf> {
    let (folder, target) = (resolve(folder)?, resolve(target)?);
    let shared = folder.components().zip(target.components()).take_while(|(one, other)| one == other).count();
    let up = folder.components().skip(shared).map(|_| Path::new("..").as_os_str());
    let down = target.components().skip(shared);
    Ok(up.chain(down.map(|part| part.as_os_str())).collect())
}

fn resolve(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(StoreError::io("resolve", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::example::entries;

    /// Returns a root, the name of a link, and two folders to link to.
    fn root() -> (tempfile::TempDir, PathBuf, PathBuf, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let [work, store] = ["work/trial-0", "store/trial/ab"].map(|name| root.path().join(name));
        for folder in [&work, &store] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("history.csv"), "").unwrap();
        }
        let link = root.path().join("runs/cifar10/search/dfa-tanh/seed-1");
        (root, link, work, store)
    }

    #[test]
    fn a_link_is_relative_and_can_be_pointed_elsewhere() {
        let (root, link, work, store) = root();
        point(root.path(), &link, &work).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("../../../../work/trial-0"));
        assert!(link.join("history.csv").exists());
        point(root.path(), &link, &store).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("../../../../store/trial/ab"));
        assert_eq!(entries(link.parent().unwrap()), ["seed-1"]);
        assert_eq!(entries(&root.path().join("work")), ["trial-0"]);
    }

    #[test]
    fn links_still_work_when_the_whole_root_has_moved() {
        let (root, link, _, store) = root();
        point(root.path(), &link, &store).unwrap();
        let moved = tempfile::tempdir().unwrap();
        for name in ["runs", "store"] {
            fs::rename(root.path().join(name), moved.path().join(name)).unwrap();
        }
        let link = moved.path().join(link.strip_prefix(root.path()).unwrap());
        assert!(link.join("history.csv").exists());
    }

    #[test]
    fn a_link_that_is_right_is_not_written_again() {
        let (root, link, work, _) = root();
        point(root.path(), &link, &work).unwrap();
        let inode = fs::symlink_metadata(&link).unwrap().ino();
        point(root.path(), &link, &work).unwrap();
        assert_eq!(fs::symlink_metadata(&link).unwrap().ino(), inode);
    }

    #[test]
    fn a_reader_never_misses_a_link_that_is_being_replaced() {
        let (root, link, work, store) = root();
        point(root.path(), &link, &work).unwrap();
        let done = AtomicBool::new(false);
        let missed = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut missed = 0;
                while !done.load(Ordering::Relaxed) {
                    missed += usize::from(!link.join("history.csv").exists());
                }
                missed
            });
            for target in [&store, &work].into_iter().cycle().take(1000) {
                point(root.path(), &link, target).unwrap();
            }
            done.store(true, Ordering::Relaxed);
            reader.join().expect("the reader does not panic")
        });
        assert_eq!(missed, 0);
    }

    #[test]
    fn real_folders_and_files_are_never_replaced() {
        let (root, link, work, _) = root();
        let expected =
            |found| format!("cannot make {} a link to {}: it is {found}", link.display(), work.display());
        fs::create_dir_all(&link).unwrap();
        assert_eq!(point(root.path(), &link, &work).unwrap_err().to_string(), expected("a folder"));
        fs::remove_dir(&link).unwrap();
        fs::write(&link, "mine").unwrap();
        assert_eq!(point(root.path(), &link, &work).unwrap_err().to_string(), expected("a file"));
        assert_eq!(fs::read(&link).unwrap(), b"mine");
    }

    #[test]
    fn a_target_that_is_not_there_is_an_error() {
        let (root, link, ..) = root();
        let missing = root.path().join("store/trial/cd");
        let error = point(root.path(), &link, &missing).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot resolve {}", missing.display()));
    }
}
