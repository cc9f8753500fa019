//! What a test's thread changes on the disk, written down; and a way to make one of these changes fail.

use std::cell::RefCell;
use std::io;
use std::path::PathBuf;

/// A change that the store made.
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
    /// Of a file, or of a folder with everything in it.
    Remove {
        path: PathBuf,
    },
}

#[derive(Default)]
struct Journal {
    changes: Vec<Change>,
    /// So many changes succeed before one fails.
    until_failure: Option<usize>,
}

thread_local! {
    static JOURNAL: RefCell<Option<Journal>> = const { RefCell::new(None) };
}

/// Makes a change and writes it down, unless it is the one that is made to fail.
pub(super) fn change<T>(
    make: impl FnOnce() -> io::Result<T>,
    change: impl FnOnce() -> Change,
) -> io::Result<T> {
    let is_doomed = JOURNAL.with_borrow_mut(|journal| {
        let left = journal.as_mut().and_then(|journal| journal.until_failure.as_mut());
        left.is_some_and(|left| left.checked_sub(1).map(|fewer| *left = fewer).is_none())
    });
    if is_doomed {
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

/// Waits for the disk, but not while a test plays with it: that would only be slow.
pub(super) fn wait(sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    if JOURNAL.with_borrow(Option::is_some) { Ok(()) } else { sync() }
}

/// How many changes this thread has made since [`record`] began.
pub(super) fn length() -> usize {
    JOURNAL.with_borrow(|journal| journal.as_ref().map_or(0, |journal| journal.changes.len()))
}

/// What `work` does, with the changes that it makes; one of them fails if asked.
pub(super) fn record<T>(until_failure: Option<usize>, work: impl FnOnce() -> T) -> (T, Vec<Change>) {
    JOURNAL.set(Some(Journal { changes: Vec::new(), until_failure }));
    let result = work();
    let journal = JOURNAL.take().expect("it was set above");
    (result, journal.changes)
}
