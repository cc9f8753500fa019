//! `manifest.ron`: the files of an artifact, and how it was made. It is written last.

use std::fs;
use std::path::{Component, Path};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use machine::Processor;
use ron::ser::PrettyConfig;
use serde::{Deserialize, Serialize};

use super::error::{Result, StoreError};
use super::key::{Key, check_hash};
use super::persist;

pub const MANIFEST_FILE: &str = "manifest.ron";
/// The file that holds the key text of an artifact.
pub const KEY_FILE: &str = "key.ron";
/// The version of the layout of a store on disk.
pub const FORMAT: u32 = 1;

/// The beginning of the last line of a manifest. That line holds the hash of all lines before it.
const SEAL: &str = "// blake3 of the lines above: ";
/// The number of characters of the hash and the line break.
const SEALED_HASH: usize = 65;

/// The files of a finished artifact, and how it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The [`FORMAT`] of the build that wrote the artifact.
    pub format: u32,
    /// The name of the folder above the artifact.
    pub kind: String,
    /// The hash of `key.ron`.
    pub key: Key,
    /// Every file but the manifest itself, sorted by path.
    pub files: Vec<ListedFile>,
    pub made: Provenance,
}

/// A file of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedFile {
    /// Relative to the artifact, parts separated by `/`.
    pub path: String,
    /// The number of bytes.
    pub size: u64,
    pub hash: Key,
    /// Whether the file holds times or host names, so that two equal runs write different bytes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub volatile: bool,
}

/// How an artifact was made. Nothing here is part of its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version and commit of the program.
    pub build: String,
    pub host: String,
    /// The device that computed it, for example `cuda: NVIDIA H100`.
    pub device: String,
    /// Name and release of the operating system.
    pub operating_system: String,
    /// The model of the processor.
    pub processor: String,
    /// The start, in seconds since 1970.
    pub started_unix_seconds: u64,
    pub duration_seconds: f64,
}

/// Returns the hash of the running program. It identifies the build even if versions are equal.
pub fn running_program() -> Result<Key> {
    let mut hasher = blake3::Hasher::new();
    std::env::current_exe()
        .and_then(fs::File::open)
        .and_then(|file| hasher.update_reader(file).map(|hasher| hasher.finalize().into()))
        .map_err(StoreError::io("read", Path::new("the running program")))
}

impl Provenance {
    /// Describes work on this machine that took `duration` and has just ended.
    pub fn of_this_machine(build: &str, device: &str, duration: Duration) -> Self {
        let began = SystemTime::now().checked_sub(duration).unwrap_or(UNIX_EPOCH);
        let release = fs::read_to_string("/proc/sys/kernel/osrelease")
            .map_or(String::new(), |release| format!(" {}", release.trim()));
        Self {
            build: build.into(),
            host: gethostname::gethostname().to_string_lossy().into_owned(),
            device: device.into(),
            operating_system: format!("{}{release}", std::env::consts::OS),
            processor: Processor::of_this_machine().model,
            started_unix_seconds: began.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
            duration_seconds: duration.as_secs_f64(),
        }
    }
}

impl Manifest {
    /// Returns the hash of the result: all files except the volatile ones and the key.
    ///
    /// Two artifacts with equal content are interchangeable as inputs.
    pub fn content(&self) -> Key {
        let files = self.files.iter().filter(|file| !file.volatile && file.path != KEY_FILE);
        let lines = files.map(|file| format!("{}  {}\n", file.hash, file.path));
        Key::of_bytes(lines.collect::<String>().as_bytes())
    }

    pub fn file(&self, path: &str) -> Option<&ListedFile> {
        self.files.iter().find(|file| file.path == path)
    }

    pub(super) fn write(&self, artifact: &Path) -> Result<()> {
        // At this depth, each file is one line.
        let form = PrettyConfig::new().new_line("\n").depth_limit(2);
        let text = ron::ser::to_string_pretty(self, form).expect("strings and numbers can be written as RON");
        let text = text + "\n";
        let seal = format!("{SEAL}{}\n", Key::of_bytes(text.as_bytes()));
        persist::write_atomically(&artifact.join(MANIFEST_FILE), (text + &seal).as_bytes())
    }

    pub(super) fn parse(artifact: &Path, text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Header {
            format: u32,
        }
        // Manifests of early builds have no seal: nothing follows their last bracket.
        let after = text.rfind(')').map_or("", |bracket| text[bracket + 1..].trim());
        if !after.is_empty() {
            let expected = after
                .strip_prefix(SEAL)
                .and_then(Key::parse)
                .ok_or_else(|| StoreError::damaged(artifact, MANIFEST_FILE, "a seal", "another last line"))?;
            let found = Key::of_bytes(&text.as_bytes()[..text.len() - SEAL.len() - SEALED_HASH]);
            check_hash(artifact, MANIFEST_FILE, expected, found)?;
        }
        let not_a_manifest = |error| {
            StoreError::damaged(artifact, MANIFEST_FILE, "a manifest", format!("other text ({error})"))
        };
        match ron::from_str::<Self>(text) {
            Ok(manifest) if manifest.format == FORMAT => Ok(manifest),
            // The header alone: a future format may have other fields.
            result => match (ron::from_str::<Header>(text), result) {
                (Ok(Header { format }), _) if format != FORMAT => Err(StoreError::UnknownFormat {
                    path: artifact.join(MANIFEST_FILE),
                    found: format.to_string(),
                    supported: FORMAT,
                }),
                (_, Err(error)) => Err(not_a_manifest(error)),
                (Err(error), _) => Err(not_a_manifest(error)),
                (Ok(_), Ok(manifest)) => Ok(manifest),
            },
        }
    }
}

/// Checks that a name stays inside an artifact and can be written into a manifest.
pub(super) fn check_file_name(name: &str) -> std::result::Result<(), &'static str> {
    let parts_are_plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() {
        Err("it is empty")
    } else if !parts_are_plain {
        Err("it leads out of the artifact")
    } else if name.contains(char::is_control) {
        Err("it has a control character")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyText;

    fn manifest() -> Manifest {
        let file = |path: &str, volatile| ListedFile {
            path: path.to_owned(),
            size: 3,
            hash: Key::of_bytes(path.as_bytes()),
            volatile,
        };
        Manifest {
            format: FORMAT,
            kind: "trial".to_owned(),
            key: Key::of(&KeyText::new("trial", 1, &(), &[])),
            files: vec![file("events/out", true), file("history.csv", false), file(KEY_FILE, false)],
            made: Provenance::example(),
        }
    }

    #[test]
    fn what_is_written_is_read_with_a_file_per_line() {
        let folder = tempfile::tempdir().unwrap();
        manifest().write(folder.path()).unwrap();
        let text = std::fs::read_to_string(folder.path().join(MANIFEST_FILE)).unwrap();
        assert_eq!(Manifest::parse(folder.path(), &text).unwrap(), manifest());
        insta::assert_snapshot!(text, @r#"
        (
            format: 1,
            kind: "trial",
            key: "f8bc4cbfdecef9efa511d3bd733aea36238c545429375461c6be77e630485865",
            files: [
                (path: "events/out", size: 3, hash: "646bb3647ac29367b517828970fddafbb0854f77310aa093616f8f0b2cb60d02", volatile: true),
                (path: "history.csv", size: 3, hash: "d12011b5c75b0058993e80e404f7c89ceaa8ab39ea54811d36d1c4b9848acf53"),
                (path: "key.ron", size: 3, hash: "a3694ec6639144c7e46011c9d953dc00eb15c021dfb66a5dd19febce94bdbfda"),
            ],
            made: (
                build: "0.1.0",
                host: "node-1",
                device: "cpu",
                operating_system: "Linux 6.1",
                processor: "Zen 4",
                started_unix_seconds: 1700000000,
                duration_seconds: 1.5,
            ),
        )
        // blake3 of the lines above: 1ac1e02f1ddab44579d920c888db56ef416584f2163853f239c2455449d8e6c8
        "#);
        let flipped = text.replace("Zen 4", "Zen 5");
        let error = Manifest::parse(folder.path(), &flipped).unwrap_err().to_string();
        assert!(error.contains("manifest.ron: expected hash"), "{error}");
        for spoiled in [text.replace("1ac1e02f", "qac1e02f"), text[..text.len() - 20].to_owned()] {
            let error = Manifest::parse(folder.path(), &spoiled).unwrap_err().to_string();
            assert!(error.contains("manifest.ron: expected a seal"), "{error}");
        }
        let (early, _) = text.rsplit_once(SEAL).unwrap();
        assert_eq!(Manifest::parse(folder.path(), early).unwrap(), manifest());
    }

    #[test]
    fn content_depends_on_what_was_computed_and_not_on_when_or_under_which_key() {
        let mut other = manifest();
        other.files[0].hash = Key::of_bytes(b"another time stamp");
        other.files[2].hash = Key::of_bytes(b"another key");
        other.made.duration_seconds += 1.0;
        assert_eq!(other.content(), manifest().content());
        other.files[1].hash = Key::of_bytes(b"another history");
        assert_ne!(other.content(), manifest().content());
    }

    #[test]
    fn a_future_format_is_refused_by_its_number_even_with_other_fields() {
        let error = Manifest::parse(Path::new("store/trial/ab"), "(format: 2, shards: [])").unwrap_err();
        insta::assert_snapshot!(error, @"store/trial/ab/manifest.ron has store format 2, this build reads format 1");
        insta::assert_snapshot!(error.hint().unwrap(), @"use the build that wrote it, or start a new store in another folder");
    }

    #[test]
    fn names_that_lead_out_are_refused() {
        for name in ["history.csv", "events/out", ".hidden", "a b", "ü"] {
            assert_eq!(check_file_name(name), Ok(()), "{name}");
        }
        for name in ["", "..", "../key.ron", "a/../../b", "/etc/passwd", ".", "a\nb"] {
            assert!(check_file_name(name).is_err(), "{name}");
        }
    }
}
