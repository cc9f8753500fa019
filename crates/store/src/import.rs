//! Artifacts from another store, whose bytes are checked before they are published here.

use super::artifact::check_identity;
use super::claim::Claim;
use super::error::{Result, StoreError};
use super::key::{Key, KeyText, check_hash};
use super::manifest::{KEY_FILE, MANIFEST_FILE, Manifest, check_file_name};
use super::name::{Name, is_kind};
use super::owner::Owner;
use super::root::Store;

/// The path of a file within its artifact, and its bytes.
pub type PackedFile = (String, Vec<u8>);

/// The outcome of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    New,
    /// The store has a complete artifact of this name, which stays as it is.
    AlreadyThere,
    /// Another process makes the artifact now.
    BeingMade(Option<Owner>),
}

impl Store {
    /// Publishes an artifact with these files, paths and bytes, as another store published it. An artifact that exists is never
    /// replaced.
    ///
    /// # Errors
    /// If the files are not exactly those of the manifest among them, or are not of this name.
    pub fn import(&self, name: &Name, files: &[PackedFile]) -> Result<Imported> {
        let folder = self.folder_of(name);
        let damaged =
            |file: &str, expected: &str, found: &str| StoreError::damaged(&folder, file, expected, found);
        if !is_kind(&name.kind) {
            return Err(damaged(MANIFEST_FILE, "a kind of a-z, 0-9 and _", &name.kind));
        }
        let bytes_of = |wanted: &str| {
            let file = files.iter().find(|(path, _)| path == wanted);
            file.map(|(_, bytes)| bytes.as_slice()).ok_or_else(|| damaged(wanted, "a file", "nothing"))
        };
        let text_of = |wanted: &str| {
            let bytes = bytes_of(wanted)?;
            str::from_utf8(bytes).map_err(|_| damaged(wanted, "text", "bytes that are no text"))
        };
        let manifest = Manifest::parse(&folder, text_of(MANIFEST_FILE)?)?;
        check_identity(&folder, &manifest, &name.kind, &name.key)?;
        for listed in &manifest.files {
            if let Err(reason) = check_file_name(&listed.path) {
                return Err(damaged(&listed.path, "a relative path", reason));
            }
            check_hash(&folder, &listed.path, listed.hash, Key::of_bytes(bytes_of(&listed.path)?))?;
        }
        let is_listed = |path: &str| path == MANIFEST_FILE || manifest.file(path).is_some();
        if let Some((path, _)) = files.iter().find(|(path, _)| !is_listed(path)) {
            return Err(damaged(path, "nothing", "a file that the manifest does not list"));
        }
        let key_text = KeyText::stored(&name.kind, text_of(KEY_FILE)?);
        check_hash(&folder, KEY_FILE, name.key, Key::of(&key_text))?;
        let work = match self.claim(&key_text, &[])? {
            Claim::Mine(work) => work,
            Claim::Elsewhere(owner) => return Ok(Imported::BeingMade(owner)),
            Claim::Done(_) => return Ok(Imported::AlreadyThere),
        };
        for listed in manifest.files.iter().filter(|listed| listed.path != KEY_FILE) {
            work.write(&listed.path, bytes_of(&listed.path)?)?;
        }
        let volatile = manifest.files.iter().filter(|listed| listed.volatile);
        let volatile: Vec<&str> =
            volatile.map(|listed| listed.path.rsplit('/').next().unwrap_or_default()).collect();
        match work.publish(manifest.made.clone(), &volatile) {
            Err(StoreError::LeaseLost { .. }) => Ok(Imported::BeingMade(None)),
            published => published.map(|_| Imported::New),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::artifact::Artifact;
    use crate::example::{begin, entries, key_text, publish, store};

    fn packed(artifact: &Artifact) -> (Name, Vec<PackedFile>) {
        let files = artifact.manifest().files.iter().map(|file| file.path.as_str()).chain([MANIFEST_FILE]);
        let files = files.map(|path| (path.to_owned(), fs::read(artifact.path().join(path)).unwrap()));
        (Name { kind: "trial".to_owned(), key: *artifact.key() }, files.collect())
    }

    #[test]
    fn an_artifact_of_another_store_is_the_same_here_and_is_not_replaced() {
        let ((_one, from), (_other, to)) = (store(), store());
        let original = publish(&from, &key_text(1));
        let (name, files) = packed(&original);
        assert_eq!(to.import(&name, &files).unwrap(), Imported::New);
        let imported = to.find("trial", &name.key).unwrap().expect("just imported");
        assert_eq!(imported.manifest(), original.manifest());
        let read = |artifact: &Artifact| fs::read(artifact.path().join(MANIFEST_FILE)).unwrap();
        assert_eq!(read(&imported), read(&original));
        to.verify(&name).unwrap();
        assert_eq!(to.import(&name, &files).unwrap(), Imported::AlreadyThere);
        assert_eq!(entries(&to.work_root()), [""; 0]);
    }

    #[test]
    fn files_that_are_not_those_of_the_manifest_are_refused_and_leave_nothing() {
        let ((_one, from), (_other, to)) = (store(), store());
        let (name, files) = packed(&publish(&from, &key_text(1)));
        let check = |change: &dyn Fn(&mut Vec<PackedFile>), expected: &str| {
            let mut files = files.clone();
            change(&mut files);
            let error = to.import(&name, &files).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert_eq!(entries(&to.work_root()), [""; 0]);
            assert!(to.names().unwrap().is_empty());
        };
        let position = |path: &str| files.iter().position(|(known, _)| known == path).unwrap();
        let (history, manifest) = (position("history.csv"), position(MANIFEST_FILE));
        check(&|files| files[history].1[3] ^= 1, "history.csv: expected hash ");
        check(&|files| drop(files.remove(history)), "history.csv: expected a file, found nothing");
        check(&|files| files[manifest].1[3] ^= 1, "manifest.ron: expected ");
        check(&|files| files.push(("../../x".into(), Vec::new())), "../../x: expected nothing, found ");
        let (other, _) = packed(&publish(&from, &key_text(2)));
        let error = to.import(&other, &files).unwrap_err().to_string();
        assert!(error.contains("manifest.ron: expected trial "), "{error}");
    }

    #[test]
    fn work_of_another_process_is_left_alone() {
        let ((_one, from), (_other, to)) = (store(), store());
        let (name, files) = packed(&publish(&from, &key_text(1)));
        let _work = begin(&to, &key_text(1));
        assert!(matches!(to.import(&name, &files).unwrap(), Imported::BeingMade(_)));
    }
}
