//! A finished result: complete, or an error that names the damage.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::{Result, StoreError};
use super::key::{Key, check_hash};
use super::manifest::{KEY_FILE, ListedFile, MANIFEST_FILE, Manifest, check_file_name};

/// A finished artifact of the store.
#[derive(Clone, Debug)]
pub struct Artifact {
    path: PathBuf,
    manifest: Manifest,
}

impl Artifact {
    /// Returns the folder, for readers that open files themselves.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn key(&self) -> &Key {
        &self.manifest.key
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Reads a file, and checks that its bytes are those that were published.
    pub fn read(&self, name: &str) -> Result<Vec<u8>> {
        let listed = self.manifest.file(name);
        let listed = listed.ok_or_else(|| StoreError::NotInArtifact {
            artifact: self.path.clone(),
            file: name.to_owned(),
        })?;
        check_file(&self.path, listed)?;
        let path = self.path.join(name);
        let bytes = fs::read(&path).map_err(StoreError::io("read", &path))?;
        check_hash(&self.path, name, listed.hash, Key::of_bytes(&bytes))?;
        Ok(bytes)
    }

    pub(super) fn new(path: PathBuf, manifest: Manifest) -> Self {
        Self { path, manifest }
    }

    /// Opens the artifact at `path`, if there is one.
    ///
    /// It checks the names and sizes of all files, but reads only manifest and key text, so that thousands of artifacts can be
    /// looked up before a run. [`Artifact::read`] checks the bytes.
    pub(super) fn open(path: PathBuf, kind: &str, key: &Key) -> Result<Option<Self>> {
        if !path.try_exists().map_err(StoreError::io("look up", &path))? {
            return Ok(None);
        }
        let manifest = Manifest::parse(&path, &read_text(&path, MANIFEST_FILE)?)?;
        check_identity(&path, &manifest, kind, key)?;
        for file in &manifest.files {
            check_file(&path, file)?;
        }
        check_key_text(&path, key)?;
        Ok(Some(Self { path, manifest }))
    }
}

/// Reads a file that every artifact has.
fn read_text(artifact: &Path, file: &str) -> Result<String> {
    let path = artifact.join(file);
    let error = match fs::read_to_string(&path) {
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    let found = match error.kind() {
        ErrorKind::NotFound => "nothing",
        ErrorKind::IsADirectory => "a folder",
        ErrorKind::NotADirectory => "a file in place of the artifact",
        ErrorKind::InvalidData => "bytes that are no text",
        _ => return Err(StoreError::io("read", &path)(error)),
    };
    Err(StoreError::damaged(artifact, file, "text", found))
}

pub(super) fn check_identity(artifact: &Path, manifest: &Manifest, kind: &str, key: &Key) -> Result<()> {
    if manifest.kind == kind && manifest.key == *key {
        return Ok(());
    }
    let expected = format!("{kind} {}", key.short());
    let found = format!("{} {}", manifest.kind, manifest.key.short());
    Err(StoreError::damaged(artifact, MANIFEST_FILE, expected, found))
}

fn check_file(artifact: &Path, listed: &ListedFile) -> Result<()> {
    if let Err(reason) = check_file_name(&listed.path) {
        return Err(StoreError::damaged(artifact, &listed.path, "a relative path", format!("that {reason}")));
    }
    let path = artifact.join(&listed.path);
    let found = match fs::symlink_metadata(&path) {
        Ok(metadata) if !metadata.is_file() => kind_of_entry(metadata.file_type()).to_owned(),
        Ok(metadata) if metadata.len() == listed.size => return Ok(()),
        Ok(metadata) => format!("{} bytes", metadata.len()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            "nothing".to_owned()
        }
        Err(error) => return Err(StoreError::io("look up", &path)(error)),
    };
    Err(StoreError::damaged(artifact, &listed.path, format!("{} bytes", listed.size), found))
}

fn check_key_text(artifact: &Path, key: &Key) -> Result<()> {
    check_hash(artifact, KEY_FILE, *key, Key::of_bytes(read_text(artifact, KEY_FILE)?.as_bytes()))
}

/// Returns the words for something in a folder.
pub(super) fn kind_of_entry(file_type: fs::FileType) -> &'static str {
    if file_type.is_dir() {
        "a folder"
    } else if file_type.is_symlink() {
        "a link"
    } else if file_type.is_file() {
        "a file"
    } else {
        "a device or socket"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{key_text, publish, store};
    use crate::persist;

    /// Damages a published artifact and returns the message that the user sees.
    fn report_damage(title: &str, damage: impl Fn(&Path)) -> String {
        let (folder, store) = store();
        let text = key_text(1);
        let artifact = publish(&store, &text);
        damage(artifact.path());
        let error = store.find("trial", &Key::of(&text)).expect_err(title);
        let hint = error.hint().expect("damage has a hint");
        let root = folder.path().to_string_lossy().into_owned();
        format!("{title}\n  error: {error}\n  hint: {hint}\n")
            .replace(&root, "[root]")
            .replace(&Key::of(&text).to_string(), "[key]")
    }

    /// The name of a damage, and the function that does it to a file.
    type Damage = (&'static str, fn(&Path));

    fn damage_each(file: &'static str) -> String {
        let damages: [Damage; 4] = [
            ("deleted", |path| fs::remove_file(path).unwrap()),
            ("truncated", |path| fs::write(path, &fs::read(path).unwrap()[..5]).unwrap()),
            ("grown", |path| fs::write(path, [&fs::read(path).unwrap()[..], b"more"].concat()).unwrap()),
            ("replaced by a folder", |path| {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            }),
        ];
        let report = |(name, damage): &Damage| {
            report_damage(&format!("{file} {name}"), |artifact| damage(&artifact.join(file)))
        };
        damages.iter().map(report).collect()
    }

    #[test]
    fn a_damaged_file_is_named_with_what_is_expected_and_found() {
        insta::assert_snapshot!(damage_each("history.csv"), @"
        history.csv deleted
          error: artifact [root]/store/trial/[key] is damaged: history.csv: expected 17 bytes, found nothing
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        history.csv truncated
          error: artifact [root]/store/trial/[key] is damaged: history.csv: expected 17 bytes, found 5 bytes
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        history.csv grown
          error: artifact [root]/store/trial/[key] is damaged: history.csv: expected 17 bytes, found 21 bytes
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        history.csv replaced by a folder
          error: artifact [root]/store/trial/[key] is damaged: history.csv: expected 17 bytes, found a folder
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        ");
        insta::assert_snapshot!(damage_each("events/out"), @"
        events/out deleted
          error: artifact [root]/store/trial/[key] is damaged: events/out: expected 11 bytes, found nothing
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        events/out truncated
          error: artifact [root]/store/trial/[key] is damaged: events/out: expected 11 bytes, found 5 bytes
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        events/out grown
          error: artifact [root]/store/trial/[key] is damaged: events/out: expected 11 bytes, found 15 bytes
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        events/out replaced by a folder
          error: artifact [root]/store/trial/[key] is damaged: events/out: expected 11 bytes, found a folder
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        ");
        insta::assert_snapshot!(damage_each(KEY_FILE), @"
        key.ron deleted
          error: artifact [root]/store/trial/[key] is damaged: key.ron: expected 336 bytes, found nothing
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        key.ron truncated
          error: artifact [root]/store/trial/[key] is damaged: key.ron: expected 336 bytes, found 5 bytes
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        key.ron grown
          error: artifact [root]/store/trial/[key] is damaged: key.ron: expected 336 bytes, found 340 bytes
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        key.ron replaced by a folder
          error: artifact [root]/store/trial/[key] is damaged: key.ron: expected 336 bytes, found a folder
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        ");
        insta::assert_snapshot!(damage_each(MANIFEST_FILE), @"
        manifest.ron deleted
          error: artifact [root]/store/trial/[key] is damaged: manifest.ron: expected text, found nothing
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        manifest.ron truncated
          error: artifact [root]/store/trial/[key] is damaged: manifest.ron: expected a manifest, found other text (1:2-2:4: Unexpected end of RON)
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        manifest.ron grown
          error: artifact [root]/store/trial/[key] is damaged: manifest.ron: expected a seal, found another last line
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        manifest.ron replaced by a folder
          error: artifact [root]/store/trial/[key] is damaged: manifest.ron: expected text, found a folder
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        ");
    }

    #[test]
    fn other_damage_is_named_too() {
        let write = |file: &'static str, bytes: &'static [u8]| {
            move |artifact: &Path| fs::write(artifact.join(file), bytes).unwrap()
        };
        let edit = |from: &'static str, to: &'static str| {
            move |artifact: &Path| {
                let text = fs::read_to_string(artifact.join(MANIFEST_FILE)).unwrap();
                assert!(text.contains(from), "{text}");
                // Without its seal, as early builds wrote it.
                let (text, _) = text.rsplit_once("// blake3").expect("a manifest is sealed");
                fs::write(artifact.join(MANIFEST_FILE), text.replace(from, to)).unwrap();
            }
        };
        let report = [
            report_damage("manifest emptied", write(MANIFEST_FILE, b"")),
            report_damage("manifest is not text", write(MANIFEST_FILE, &[0xff, 0xfe])),
            report_damage("manifest of another kind", edit("\"trial\"", "\"dataset\"")),
            report_damage("manifest leads out", edit("history.csv", "../history.csv")),
            report_damage("manifest of a future format", edit("format: 1", "format: 2")),
            report_damage("key text of another artifact", |artifact| {
                fs::write(artifact.join(KEY_FILE), key_text(2).as_str()).unwrap();
            }),
            report_damage("events folder replaced by a file", |artifact| {
                fs::remove_dir_all(artifact.join("events")).unwrap();
                fs::write(artifact.join("events"), "").unwrap();
            }),
            report_damage("a link in place of a file", |artifact| {
                fs::rename(artifact.join("history.csv"), artifact.join("moved")).unwrap();
                std::os::unix::fs::symlink("moved", artifact.join("history.csv")).unwrap();
            }),
            report_damage("a file in place of the artifact", |artifact| {
                fs::remove_dir_all(artifact).unwrap();
                fs::write(artifact, "").unwrap();
            }),
        ];
        insta::assert_snapshot!(report.concat(), @"
        manifest emptied
          error: artifact [root]/store/trial/[key] is damaged: manifest.ron: expected a manifest, found other text (1:1: Expected opening `(` for struct `Manifest`)
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        manifest is not text
          error: artifact [root]/store/trial/[key] is damaged: manifest.ron: expected text, found bytes that are no text
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        manifest of another kind
          error: artifact [root]/store/trial/[key] is damaged: manifest.ron: expected trial dfbe506047fd, found dataset dfbe506047fd
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        manifest leads out
          error: artifact [root]/store/trial/[key] is damaged: ../history.csv: expected a relative path, found that it leads out of the artifact
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        manifest of a future format
          error: [root]/store/trial/[key]/manifest.ron has store format 2, this build reads format 1
          hint: use the build that wrote it, or start a new store in another folder
        key text of another artifact
          error: artifact [root]/store/trial/[key] is damaged: key.ron: expected hash dfbe506047fd, found hash ff92682bd9cc
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        events folder replaced by a file
          error: artifact [root]/store/trial/[key] is damaged: events/out: expected 11 bytes, found nothing
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        a link in place of a file
          error: artifact [root]/store/trial/[key] is damaged: history.csv: expected 17 bytes, found a link
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        a file in place of the artifact
          error: artifact [root]/store/trial/[key] is damaged: manifest.ron: expected text, found a file in place of the artifact
          hint: it is never used like this: `cargo xtask artifacts verify --repair` moves it aside, and the next run makes it again
        ");
    }

    #[test]
    fn a_changed_byte_is_found_when_the_file_is_read() {
        let (_folder, store) = store();
        let artifact = publish(&store, &key_text(1));
        let path = artifact.path().join("history.csv");
        let changed = String::from_utf8(fs::read(&path).unwrap()).unwrap().replace("0.5", "0.4");
        persist::write_atomically(&path, changed.as_bytes()).unwrap();
        let error = artifact.read("history.csv").unwrap_err().to_string();
        let (_, damage) = error.split_once(" is damaged: ").unwrap();
        insta::assert_snapshot!(damage, @"history.csv: expected hash ee81af2fd0a4, found hash 8308375c7435");
    }

    #[test]
    fn a_file_that_was_never_published_is_no_damage() {
        let (_folder, store) = store();
        let artifact = publish(&store, &key_text(1));
        let error = artifact.read("histroy.csv").unwrap_err();
        assert!(error.to_string().ends_with(" holds no `histroy.csv`"), "{error}");
    }
}
