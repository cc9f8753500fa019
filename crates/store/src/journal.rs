//! A record of the disk changes of a test's thread, and a way to make one of them fail.

use std::cell::RefCell;
use std::io;
use std::path::PathBuf;

/// A change of the disk by the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new file, synced by a change of its own.
    Write {
        path: PathBuf,
        bytes: Vec<u8>,
    },
    SyncFile {
        path: PathBuf,
    },
    SyncFolder {
        path: PathBuf,
    },
    CreateFolder {
        path: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    /// The removal of a file, or of a folder with everything in it.
    Remove {
        path: PathBuf,
    },
}

#[derive(Default)]
struct Journal {
    changes: Vec<Change>,
    /// The number of changes that succeed before one fails.
    until_failure: Option<usize>,
}

thread_local! {
    static JOURNAL: RefCell<Option<Journal>> = const { RefCell::new(None) };
}

/// Makes a change and records it, unless this change is made to fail.
pub(super) fn change<T>(
    make: impl FnOnce() -> io::Result<T>,
    change: impl FnOnce() -> Change,
) -> io::Result<T> {
    let fails = JOURNAL.with_borrow_mut(|journal| {
        let left = journal.as_mut().and_then(|journal| journal.until_failure.as_mut());
        left.is_some_and(|left| left.checked_sub(1).map(|fewer| *left = fewer).is_none())
    });
    if fails {
        // Only this one.
        JOURNAL.with_borrow_mut(|journal| journal.as_mut().map(|journal| journal.until_failure = None));
        return Err(io::Error::other("the disk failed here"));
    }
    let made = make()?;
    JOURNAL.with_borrow_mut(|journal| {
        if let Some(journal) = journal {
            journal.changes.push(change());
        }
    });
    Ok(made)
}

/// Waits for the disk, except in a test that records changes, because waiting would only be slow.
pub(super) fn wait(sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    if JOURNAL.with_borrow(Option::is_some) { Ok(()) } else { sync() }
}

/// Returns the number of changes by this thread since [`record`] began.
pub(super) fn length() -> usize {
    JOURNAL.with_borrow(|journal| journal.as_ref().map_or(0, |journal| journal.changes.len()))
}

/// Runs `work` and returns its result and its changes. The change after the first `until_failure` changes fails.
pub(super) fn record<T>(until_failure: Option<usize>, work: impl FnOnce() -> T) -> (T, Vec<Change>) {
    JOURNAL.set(Some(Journal { changes: Vec::new(), until_failure }));
    let result = work();
    let journal = JOURNAL.take().expect("it was set above");
    (result, journal.changes)
}
