//! TensorBoard event files: their names and records, but not the contents of records.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, BufWriter, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use tensorboard_rs::record_writer::RecordWriter;

use crate::{Error, Event, event::unix_seconds};

const PREFIX: &str = "events.out.tfevents.";

/// An event file that this process writes.
///
/// A resumed trial creates another file in the same folder. Its name sorts after the existing ones and it begins with
/// a `SessionLog` START at its first step, so TensorBoard's Python backend drops the records of earlier files from that
/// step on. Its data server drops the same records as soon as a tag's step goes back.
///
/// Dropping the value without [`EventFile::finish`] writes the rest, but ignores errors.
pub struct EventFile {
    path: PathBuf,
    file: Arc<File>,
    records: RecordWriter<BufWriter<Arc<File>>>,
}

impl EventFile {
    /// Creates the folder if it is missing, and a new file in it, never an existing one, that TensorBoard sees at once.
    ///
    /// `first_step` is the first step that the file will hold: 1, or the first epoch after the checkpoint. The name is
    /// `events.out.tfevents.<unix seconds>.<host>.<process>.<counter>`, and it is the last in lexical order among
    /// the names of this kind in the folder, even if the clock went back.
    pub fn create(folder: &Path, first_step: u32, now: SystemTime) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
        let latest = latest_second(folder).map_err(failed("list", folder))?;
        let second = latest.map_or(0, |latest| latest + 1).max(unix_seconds(now) as u64);
        let (path, file) = create_new(folder, second)?;
        let mut event_file = Self::over(path, file);
        event_file.append(&Event::file_version(now))?;
        event_file.append(&Event::session_log_start(first_step, now))?;
        event_file.flush()?;
        Ok(event_file)
    }

    fn over(path: PathBuf, file: File) -> Self {
        let file = Arc::new(file);
        let records = RecordWriter::new(BufWriter::new(Arc::clone(&file)));
        Self { path, file, records }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds one record. After an error the file may end inside a record, which TensorBoard ignores; later records belong into
    /// a new file.
    pub fn append(&mut self, event: &Event) -> Result<(), Error> {
        self.records.write(&event.to_bytes()).map_err(failed("write", &self.path))
    }

    /// Hands everything to the operating system, so that an open TensorBoard sees it. Should be called once per epoch.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.records.flush().map_err(failed("write", &self.path))
    }

    /// Writes everything to the disk, so that it survives a power cut.
    pub fn finish(mut self) -> Result<(), Error> {
        self.flush()?;
        self.file.sync_all().map_err(failed("sync", &self.path))
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::EventFile { action, path: path.to_owned(), source }
}

/// Creates the file with the first free counter: another thread may choose the same second at the same time.
fn create_new(folder: &Path, second: u64) -> Result<(PathBuf, File), Error> {
    let host = host_name();
    let process = std::process::id();
    let mut counter = 0;
    loop {
        let path = folder.join(format!("{PREFIX}{second:010}.{host}.{process}.{counter:06}"));
        match File::create_new(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => counter += 1,
            Err(error) => return Err(failed("create", &path)(error)),
        }
    }
}

/// Returns the host's name, with `-` for everything that is not a letter or digit.
fn host_name() -> String {
    let name = gethostname::gethostname();
    name.to_string_lossy().replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")
}

/// Returns the latest second in the names of the folder's event files.
fn latest_second(folder: &Path) -> io::Result<Option<u64>> {
    let mut latest = None;
    for entry in fs::read_dir(folder)? {
        latest = latest.max(second_of(&entry?.file_name()));
    }
    Ok(latest)
}

/// Returns 1700000000 for `events.out.tfevents.1700000000.host.1.000000`, and `None` for a file of any other name.
fn second_of(file_name: &OsStr) -> Option<u64> {
    file_name.to_str()?.strip_prefix(PREFIX)?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn created(folder: &Path, now: SystemTime) -> String {
        let file = EventFile::create(folder, 1, now).expect("a writable folder");
        let name = file.path().file_name().expect("a file");
        name.to_str().expect("made of ASCII").to_owned()
    }

    #[test]
    fn a_name_has_the_time_the_host_and_the_process() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let name = created(&folder.path().join("run/seed-1"), at(1_700_000_000));
        let parts: Vec<&str> = name.split('.').collect();
        let process = std::process::id().to_string();
        assert_eq!(parts, ["events", "out", "tfevents", "1700000000", &host_name(), &process, "000000"]);
    }

    #[test]
    fn a_later_file_sorts_last_even_if_the_clock_went_back() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let foreign = folder.path().join("events.out.tfevents.1700000007.zeta.99.v2");
        fs::write(&foreign, "").expect("a writable folder");
        let mut names = vec!["events.out.tfevents.1700000007.zeta.99.v2".to_owned()];
        for second in [1_700_000_000, 1_700_000_000, 1_700_000_100, 5] {
            names.push(created(folder.path(), at(second)));
        }
        assert!(names.is_sorted(), "{names:?}");
        let seconds: Vec<_> = names.iter().map(|name| &name[PREFIX.len()..PREFIX.len() + 10]).collect();
        assert_eq!(seconds, ["1700000007", "1700000008", "1700000009", "1700000100", "1700000101"]);
    }

    #[test]
    fn two_writers_in_one_second_never_share_a_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let paths: Vec<_> =
            (0..3).map(|_| create_new(folder.path(), 1_700_000_000).expect("writable").0).collect();
        assert!(paths.is_sorted(), "{paths:?}");
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 3);
    }

    #[test]
    fn a_folder_that_is_a_file_is_an_error_with_its_path() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let Err(error) = EventFile::create(file.path(), 1, at(0)) else { panic!("a file is no folder") };
        assert_eq!(error.to_string(), format!("cannot create {}", file.path().display()));
        assert!(std::error::Error::source(&error).is_some(), "the system's reason is kept");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_an_error_with_the_path() {
        let path = PathBuf::from("/dev/full");
        let file = File::options().write(true).open(&path).expect("linux has it");
        let mut event_file = EventFile::over(path, file);
        event_file.append(&Event::file_version(at(0))).expect("fits into the buffer");
        let error = event_file.flush().expect_err("the disk is full");
        assert_eq!(error.to_string(), "cannot write /dev/full");
        assert_eq!(
            error.hint().expect("has one"),
            "check that the folder can be written and that the disk is not full"
        );
    }
}
