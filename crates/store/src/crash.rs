//! Simulated crashes: a disk that loses changes that were not synced, tears files that are being written, and fails anywhere.
//! After any crash, every artifact is complete or absent, and nothing that the store promised is lost.
//!
//! The model knows the order of changes. A name certainly survives if its folder was synced later; otherwise each name survives or
//! not, independently. The bytes of a file certainly survive if it was synced; otherwise it may be empty, torn or filled with zeros.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::example::{VOLATILE, entries, key_text};
use super::journal::{self, Change};
use super::{Claim, Key, Name, Provenance, Store, StoreError, Work, disk};

/// A sequence of choices that decides which changes survive, and that proptest can shrink.
struct Chance<'a> {
    choices: &'a [u8],
    next: usize,
}

impl Chance<'_> {
    fn draw(&mut self, below: usize) -> usize {
        let choice = self.choices[self.next % self.choices.len()];
        self.next += 1;
        usize::from(choice) % below
    }

    fn is_lucky(&mut self) -> bool {
        self.draw(2) == 0
    }
}

#[derive(Clone, Debug)]
enum Node {
    Folder,
    File { bytes: Vec<u8>, is_synced: bool },
}

/// The content of a disk after a crash, by absolute paths below the root of a store.
struct Disk {
    nodes: BTreeMap<PathBuf, Node>,
    /// Folders whose new name was lost: the new name, and the place where they still are.
    forgotten: Vec<(PathBuf, PathBuf)>,
}

impl Disk {
    /// Returns the disk after `changes` and a crash right after the last of them.
    fn after_crash(root: &Path, changes: &[Change], chance: &mut Chance<'_>) -> Self {
        let certain = certain(changes);
        let synced: BTreeSet<usize> = synced_writes(changes);
        let nodes = BTreeMap::from([(root.to_owned(), Node::Folder)]);
        let mut disk = Self { nodes, forgotten: Vec::new() };
        for (index, change) in changes.iter().enumerate() {
            let survives = certain.contains(&index) || chance.is_lucky();
            disk.apply(index, change, survives, &synced, chance);
        }
        for node in disk.nodes.values_mut() {
            if let Node::File { bytes, is_synced: false } = node {
                match chance.draw(4) {
                    0 => bytes.clear(),
                    1 => bytes.truncate(bytes.len() / 2),
                    2 => bytes.fill(0),
                    _ => {}
                }
            }
        }
        disk
    }

    fn apply(
        &mut self,
        index: usize,
        change: &Change,
        survives: bool,
        synced: &BTreeSet<usize>,
        chance: &mut Chance<'_>,
    ) {
        let has_parent = |nodes: &BTreeMap<PathBuf, Node>, path: &Path| {
            path.parent().is_some_and(|parent| matches!(nodes.get(parent), Some(Node::Folder)))
        };
        match change {
            Change::CreateFolder { path } if survives => {
                let path = self.place(path);
                if has_parent(&self.nodes, &path) {
                    self.nodes.entry(path).or_insert(Node::Folder);
                }
            }
            Change::Write { path, bytes } if survives => {
                let path = self.place(path);
                if has_parent(&self.nodes, &path) {
                    let is_synced = synced.contains(&index);
                    self.nodes.insert(path, Node::File { bytes: bytes.clone(), is_synced });
                }
            }
            Change::Rename { from, to } => {
                let (from, new) = (self.place(from), self.place(to));
                if survives && has_parent(&self.nodes, &new) {
                    for (path, node) in self.take(&from) {
                        self.nodes.insert(moved(&path, &from, &new), node);
                    }
                } else if matches!(self.nodes.get(&from), Some(Node::Folder)) {
                    // Later changes apply to the folder at its old place.
                    self.forgotten.push((to.clone(), from));
                }
            }
            Change::Remove { path } => {
                let removed = self.take(&self.place(path));
                if !survives {
                    // A part of a folder may be removed and the rest not.
                    let is_file = |node: &Node| matches!(node, Node::File { .. });
                    let is_tree = removed.len() > 1;
                    self.nodes.extend(
                        removed
                            .into_iter()
                            .filter(|(_, node)| !is_tree || !is_file(node) || chance.is_lucky()),
                    );
                }
            }
            _ => {}
        }
    }

    /// Returns the place of a file or folder that the program knows as `path`.
    fn place(&self, path: &Path) -> PathBuf {
        let forgotten = self.forgotten.iter().rev().find(|(name, _)| path.starts_with(name));
        forgotten.map_or_else(|| path.to_owned(), |(name, place)| moved(path, name, place))
    }

    /// Removes `path` and everything below it.
    fn take(&mut self, path: &Path) -> BTreeMap<PathBuf, Node> {
        let is_below = |node: &PathBuf| node.starts_with(path);
        let taken: Vec<PathBuf> = self.nodes.keys().filter(|node| is_below(node)).cloned().collect();
        taken.into_iter().filter_map(|path| self.nodes.remove_entry(&path)).collect()
    }

    /// Writes everything below `from` to the folder `to`.
    fn materialize(&self, from: &Path, to: &Path) {
        for (path, node) in &self.nodes {
            let path = to.join(path.strip_prefix(from).expect("all of it lies below the root"));
            match node {
                Node::Folder => fs::create_dir_all(path).expect("the folder above is there"),
                Node::File { bytes, .. } => fs::write(path, bytes).expect("the folder above is there"),
            }
        }
    }
}

/// Returns `path`, which is at or below `from`, after `from` was renamed to `to`.
fn moved(path: &Path, from: &Path, to: &Path) -> PathBuf {
    let rest = path.strip_prefix(from).expect("it lies below");
    // Joined with nothing, it would end with a slash.
    if rest == Path::new("") { to.to_owned() } else { to.join(rest) }
}

/// Returns the changes of names whose folder was synced after them, and the changes that these changes depend on.
fn certain(changes: &[Change]) -> BTreeSet<usize> {
    let folders = |change: &Change| -> Vec<PathBuf> {
        let parent = |path: &Path| path.parent().map(Path::to_owned);
        match change {
            Change::Write { path, .. } | Change::CreateFolder { path } | Change::Remove { path } => {
                parent(path).into_iter().collect()
            }
            Change::Rename { from, to } => [parent(from), parent(to)].into_iter().flatten().collect(),
            Change::SyncFile { .. } | Change::SyncFolder { .. } => Vec::new(),
        }
    };
    let mut certain = BTreeSet::new();
    for (index, change) in changes.iter().enumerate() {
        let folders = folders(change);
        let is_synced = changes[index..]
            .iter()
            .any(|later| matches!(later, Change::SyncFolder { path } if folders.contains(path)));
        if is_synced {
            certain.insert(index);
        }
    }
    for index in (0..changes.len()).rev() {
        let (true, Change::Rename { from, .. }) = (certain.contains(&index), &changes[index]) else {
            continue;
        };
        let gave_the_name = |change: &Change| match change {
            Change::Write { path, .. } | Change::CreateFolder { path } => path == from,
            Change::Rename { to, .. } => to == from,
            _ => false,
        };
        certain.extend(changes[..index].iter().rposition(gave_the_name));
    }
    certain
}

/// Returns the writes of files that were synced later, possibly under another name.
fn synced_writes(changes: &[Change]) -> BTreeSet<usize> {
    let mut synced = BTreeSet::new();
    for (index, change) in changes.iter().enumerate() {
        let Change::Write { path, .. } = change else { continue };
        let mut path = path.clone();
        for later in &changes[index + 1..] {
            match later {
                Change::SyncFile { path: synced_path } if *synced_path == path => {
                    synced.insert(index);
                }
                Change::Rename { from, to } if path.starts_with(from) => {
                    path = moved(&path, from, to);
                }
                _ => {}
            }
        }
    }
    synced
}

/// An action of a user of the store.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Claims work, writes this number of checkpoints, and releases it.
    Save(u32, u8),
    /// Claims work, resumes from its checkpoint and publishes.
    Finish(u32),
    Fail(u32),
    MoveAside(u32),
    Remove(u32),
}

fn any_act() -> impl Strategy<Value = Act> {
    let key = 1..3_u32;
    prop_oneof![
        (key.clone(), 1..4_u8).prop_map(|(key, count)| Act::Save(key, count)),
        key.clone().prop_map(Act::Finish),
        key.clone().prop_map(Act::Fail),
        key.clone().prop_map(Act::MoveAside),
        key.prop_map(Act::Remove),
    ]
}

/// A promise of the store. It holds from the change on at which the store returned.
#[derive(Clone, Debug)]
enum Promise {
    Artifact(u32),
    /// The artifact exists, or does not exist any more.
    Going(u32),
    Gone(u32),
    Saved(u32, Vec<u8>),
}

const CSV: &[u8] = b"epoch,loss\n1,0.5\n2,0.25\n";

/// Writes files as another part of the program writes them into the work directory: without syncing them.
fn write_carelessly(work: &Work) -> super::Result<()> {
    work.write("events/out", b"event bytes")?;
    for name in ["history.csv", "events/again.csv"] {
        let path = work.path().join(name);
        careless(&path).map_err(StoreError::io("write", &path))?;
    }
    Ok(())
}

fn careless(path: &Path) -> std::io::Result<()> {
    let change = || Change::Write { path: path.into(), bytes: CSV.into() };
    journal::change(|| fs::write(path, CSV), change)
}

impl Act {
    /// Performs the act. Returns each promise of the store, with the number of changes before it.
    fn perform(self, store: &Store) -> super::Result<Vec<(usize, Promise)>> {
        let name = |key: u32| Name { kind: "trial".to_owned(), key: Key::of(&key_text(key)) };
        let is_there = |key: u32| store.find("trial", &Key::of(&key_text(key))).map(|found| found.is_some());
        let mut promises = Vec::new();
        match self {
            Self::Save(key, count) => {
                let Claim::Mine(work) = store.claim(&key_text(key), &["events"])? else {
                    return Ok(promises);
                };
                let so_far = work.checkpoint().map_or(0, |bytes| bytes[0]);
                for number in 1..=count {
                    let bytes = vec![so_far + number; 50];
                    work.checkpoint_with(&bytes)?;
                    promises.push((journal::length(), Promise::Saved(key, bytes)));
                }
            }
            Self::Finish(key) => {
                promises.push((journal::length(), Promise::Going(key)));
                if let Claim::Mine(work) = store.claim(&key_text(key), &["events"])? {
                    write_carelessly(&work)?;
                    work.publish(Provenance::example(), VOLATILE)?;
                }
                promises.push((journal::length(), Promise::Artifact(key)));
            }
            Self::Fail(key) => store.note_failure("trial", &name(key).key, "no reason")?,
            Self::MoveAside(key) | Self::Remove(key) if is_there(key)? => {
                // Until the store returns, both states are right.
                promises.push((journal::length(), Promise::Going(key)));
                match self {
                    Self::MoveAside(_) => drop(store.move_aside(&name(key))?),
                    _ => store.remove(&name(key))?,
                }
                promises.push((journal::length(), Promise::Gone(key)));
            }
            Self::MoveAside(_) | Self::Remove(_) => {}
        }
        Ok(promises)
    }
}

/// Returns a line for each change, without the bytes.
fn listed(changes: &[Change]) -> String {
    let line = |change: &Change| match change {
        Change::Write { path, bytes } => format!("write {} ({} bytes)\n", path.display(), bytes.len()),
        other => format!("{other:?}\n"),
    };
    changes.iter().map(line).collect()
}

/// Checks that every artifact is complete or absent.
fn check_whole(store: &Store) {
    for key in [1, 2] {
        let found = store.find("trial", &Key::of(&key_text(key))).expect("complete or absent");
        if let Some(artifact) = found {
            for file in &artifact.manifest().files {
                artifact.read(&file.path).expect("complete");
            }
            assert_eq!(artifact.read("history.csv").expect("it is listed"), CSV);
        }
    }
}

fn check_goes_on(store: &Store) {
    journal::record(None, || {
        for key in [1, 2] {
            Act::Finish(key).perform(store).expect("the disk is well again");
        }
    });
    check_whole(store);
    assert!(
        [1, 2].iter().all(|key| { store.find("trial", &Key::of(&key_text(*key))).expect("whole").is_some() })
    );
    let left = entries(&store.work_root());
    assert!(left.iter().all(|name| !name.ends_with("checkpoint") && !name.ends_with("lease")), "{left:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn after_any_crash_every_artifact_is_complete_or_absent_and_nothing_promised_is_lost(
        acts in prop::collection::vec(any_act(), 1..6),
        // Half of the crashes follow the last change, whose effects are the least certain.
        moment in prop::option::of(any::<prop::sample::Index>()),
        choices in prop::collection::vec(any::<u8>(), 8..64),
    ) {
        let before = tempfile::tempdir().expect("a temporary folder");
        // The store creates this folder.
        let root = before.path().join("artifacts");
        let (promises, changes) = journal::record(None, || {
            let store = Store::open(&root).expect("a fresh store");
            let perform = |act: &Act| act.perform(&store).expect("nothing fails here");
            acts.iter().flat_map(perform).collect::<Vec<_>>()
        });
        let crash = moment.map_or(changes.len(), |moment| moment.index(changes.len() + 1));
        let mut chance = Chance { choices: &choices, next: 0 };
        let disk = Disk::after_crash(before.path(), &changes[..crash], &mut chance);
        let after = tempfile::tempdir().expect("a temporary folder");
        disk.materialize(before.path(), after.path());

        let (store, _) = journal::record(None, || Store::open(&after.path().join("artifacts")));
        let store = store.expect("a store can always be opened");
        check_whole(&store);
        for key in [1, 2] {
            let of_key = |promise: &Promise| match promise {
                Promise::Artifact(of) | Promise::Going(of) | Promise::Gone(of) | Promise::Saved(of, _) => {
                    *of == key
                }
            };
            let kept = promises.iter().filter(|(length, promise)| *length <= crash && of_key(promise));
            let kept: Vec<&Promise> = kept.map(|(_, promise)| promise).collect();
            let found = store.find("trial", &Key::of(&key_text(key))).expect("complete or absent");
            match kept.last() {
                Some(Promise::Artifact(_)) => prop_assert!(found.is_some(), "{}", listed(&changes[..crash])),
                Some(Promise::Gone(_)) => prop_assert!(found.is_none(), "{}", listed(&changes[..crash])),
                Some(Promise::Saved(_, bytes)) if found.is_none() => {
                    let saved = store.saved("trial", &Key::of(&key_text(key)));
                    let is_as_far = saved.as_ref().is_some_and(|saved| saved.len() == 50 && saved[0] >= bytes[0]);
                    prop_assert!(is_as_far, "{saved:?} {bytes:?} {}", listed(&changes[..crash]));
                }
                _ => {}
            }
        }
        check_goes_on(&store);
    }

    #[test]
    fn whichever_change_fails_every_artifact_is_complete_or_absent(
        acts in prop::collection::vec(any_act(), 1..6),
        until_failure in 0..60_usize,
    ) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("artifacts");
        journal::record(Some(until_failure), || {
            let Ok(store) = Store::open(&root) else { return };
            for act in &acts {
                if let Err(error) = act.perform(&store) {
                    // The error names the path and the reason.
                    assert!(error.to_string().contains("artifacts"), "{error}");
                    let reason = std::error::Error::source(&error).map(ToString::to_string);
                    assert_eq!(reason.as_deref(), Some("the disk failed here"));
                }
                check_whole(&store);
            }
        });
        let (store, _) = journal::record(None, || Store::open(&root));
        let store = store.expect("the disk is well again");
        check_whole(&store);
        check_goes_on(&store);
    }
}

#[test]
fn a_removal_that_is_cut_short_leaves_no_half_artifact() {
    let before = tempfile::tempdir().expect("a temporary folder");
    let root = before.path().join("artifacts");
    let (_, changes) = journal::record(None, || {
        let store = Store::open(&root).expect("a fresh store");
        for act in [Act::Finish(1), Act::Remove(1)] {
            act.perform(&store).expect("nothing fails here");
        }
    });
    for crash in changes.len() - 4..=changes.len() {
        for pattern in 0..256_u32 {
            let choices: Vec<u8> = (0..8).map(|bit| (pattern >> bit & 1) as u8).collect();
            let mut chance = Chance { choices: &choices, next: 0 };
            let disk = Disk::after_crash(before.path(), &changes[..crash], &mut chance);
            let after = tempfile::tempdir().expect("a temporary folder");
            disk.materialize(before.path(), after.path());
            let (store, _) = journal::record(None, || Store::open(&after.path().join("artifacts")));
            check_whole(&store.expect("a store can always be opened"));
        }
    }
}

#[test]
fn the_model_loses_unsynced_changes_and_keeps_synced_ones() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| root.path().join(name);
    let ((), changes) = journal::record(None, || {
        disk::write_new(&path("kept"), b"kept").expect("writable");
        disk::sync_folder(root.path()).expect("a folder");
        disk::write_new(&path("lost"), b"lost").expect("writable");
        careless(&path("torn")).expect("writable");
    });
    let unlucky = Disk::after_crash(root.path(), &changes, &mut Chance { choices: &[1], next: 0 });
    let names: Vec<&Path> = unlucky.nodes.keys().map(|path| path.as_path()).collect();
    assert_eq!(names, [root.path(), &path("kept")]);
    let lucky = Disk::after_crash(root.path(), &changes, &mut Chance { choices: &[0], next: 0 });
    assert_eq!(lucky.nodes.len(), 4);
    let bytes = |name: &str| match &lucky.nodes[&path(name)] {
        Node::File { bytes, .. } => bytes.clone(),
        Node::Folder => panic!("a file was written"),
    };
    assert_eq!((bytes("kept"), bytes("lost"), bytes("torn")), (b"kept".into(), b"lost".into(), Vec::new()));
}
