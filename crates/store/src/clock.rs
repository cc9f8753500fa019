//! The clock of the file system, which stamps the files of all hosts that share it.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use super::error::{Result, StoreError};
use super::persist;

/// The time for which one measurement serves.
const MEASURED_EVERY: Duration = Duration::from_secs(5);
/// The name from which those of the files are made whose times are read. No other process removes them while they are young.
pub(super) const CLOCK: &str = "clock";

/// The clock of the file system of a store, by its last measurement.
#[derive(Debug, Default)]
pub(super) struct Clock {
    measured: Mutex<Option<(SystemTime, Instant)>>,
}

impl Clock {
    /// Returns the time since `file` at `path` was written.
    pub(super) fn age(&self, file: &File, path: &Path) -> Result<Duration> {
        let now = self.now(path.parent().unwrap_or(path))?;
        match modified(file) {
            // If the clock went back, the file is new.
            Ok(then) => Ok(now.duration_since(then).unwrap_or_default()),
            // Another process has removed it.
            Err(error) if is_absent(&error) => Ok(Duration::ZERO),
            Err(error) => Err(StoreError::io("look up", path)(error)),
        }
    }

    /// Returns whether `file` at `path` was not written for longer than `limit`, by a new measurement.
    pub(super) fn is_older(&self, limit: Duration, file: &File, path: &Path) -> Result<bool> {
        if self.age(file, path)? <= limit {
            return Ok(false);
        }
        self.measure(path.parent().unwrap_or(path))?;
        Ok(self.age(file, path)? > limit)
    }

    fn now(&self, folder: &Path) -> Result<SystemTime> {
        let measured = *self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        match measured {
            Some((time, at)) if at.elapsed() < MEASURED_EVERY => Ok(time + at.elapsed()),
            _ => self.measure(folder),
        }
    }

    /// Reads the clock, by writing a file into `folder`.
    pub(super) fn measure(&self, folder: &Path) -> Result<SystemTime> {
        let probe = persist::temporary_name(&folder.join(CLOCK));
        let now = File::create_new(&probe).and_then(|mut file| {
            file.write_all(b"now")?;
            modified(&file)
        });
        persist::remove_quietly(&probe);
        let now = now.map_err(StoreError::io("write", &probe))?;
        *self.measured.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Instant::now()));
        Ok(now)
    }
}

fn modified(file: &File) -> io::Result<SystemTime> {
    file.metadata()?.modified()
}

/// Returns whether a file is not there, although its name may have been a moment ago, or still is in a cache.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::StaleNetworkFileHandle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::entries;

    #[test]
    fn many_looks_measure_the_clock_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trial-1.lease");
        let file = File::create(&path).unwrap();
        let clock = Clock::default();
        let measured = || clock.measured.lock().unwrap().expect("it was measured").1;
        clock.age(&file, &path).unwrap();
        let first = measured();
        for _ in 0..10 {
            assert!(!clock.is_older(Duration::from_secs(60), &file, &path).unwrap());
        }
        assert_eq!(measured(), first);
        file.set_modified(SystemTime::now() - Duration::from_secs(100)).unwrap();
        assert!(clock.is_older(Duration::from_secs(60), &file, &path).unwrap());
        assert_ne!(measured(), first, "before a lease is taken from its holder, the clock is measured again");
        assert_eq!(entries(folder.path()), ["trial-1.lease"]);
    }
}
