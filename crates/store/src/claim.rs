//! Claims: one process at a time makes the artifact of a key. If it is killed, the next process resumes from its checkpoint.
//!
//! ```text
//! <root>/work/<kind>-<key>/             the work directory
//! <root>/work/<kind>-<key>.checkpoint   32 bytes of BLAKE3, then the bytes of the checkpoint, which have this hash
//! <root>/work/<kind>-<key>.lease        locked by the process that works
//! <root>/work/<kind>-<key>.failure      the reason why the last attempt failed
//! ```

use std::fs;
use std::thread;
use std::time::Duration;

use super::artifact::Artifact;
use super::audit::REMOVED;
use super::clock::{CLOCK, is_absent};
use super::disk;
use super::error::{Result, StoreError};
use super::key::{Key, KeyText};
use super::lease::{EXPIRED, LastSeen, Taken};
use super::links::UNPLACED;
use super::manifest::Provenance;
use super::name::Name;
use super::owner::Owner;
use super::persist;
use super::root::{Store, list};
use super::unfinished::{claimed, clear, read_checkpoint};
use super::work::Work;

/// The time between two checks whether another process has made an artifact.
const CHECK_INTERVAL: Duration = Duration::from_millis(300);

/// The outcome of [`Store::claim`].
#[derive(Debug)]
pub enum Claim {
    /// This process makes the artifact.
    Mine(Work),
    /// Another process makes the artifact.
    Elsewhere(Option<Owner>),
    /// The artifact exists by now.
    Done(Artifact),
}

/// The outcome of [`Store::prepare`].
enum Prepared {
    Done(Box<Artifact>),
    Free { checkpoint: Option<Vec<u8>> },
}

impl Store {
    /// Returns the artifact of a key, or makes it with `write`. While another process makes it, `wait` is called again and again
    /// with that process; its error ends the wait. The damage of an artifact that had to be made again is returned too.
    pub fn find_or_make<E: From<StoreError>>(
        &self,
        key_text: &KeyText,
        volatile: &[&str],
        made: impl Fn() -> Provenance,
        write: impl Fn(&Work) -> std::result::Result<(), E>,
        mut wait: impl FnMut(Option<Owner>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(Artifact, Option<StoreError>), E> {
        let damage = match self.look_up(key_text.kind(), &Key::of(key_text))? {
            (Some(artifact), _) => return Ok((artifact, None)),
            (None, damage) => damage,
        };
        loop {
            match self.claim(key_text, &[])? {
                Claim::Done(artifact) => return Ok((artifact, damage)),
                Claim::Mine(work) => {
                    let written = write(&work);
                    // Another process has taken over, because this one was paused for long.
                    if written.is_err() && work.is_lost() {
                        continue;
                    }
                    written?;
                    match work.publish(made(), volatile) {
                        Err(StoreError::LeaseLost { .. }) => {}
                        published => return Ok((published?, damage)),
                    }
                }
                Claim::Elsewhere(owner) => {
                    wait(owner)?;
                    thread::sleep(CHECK_INTERVAL);
                }
            }
        }
    }

    /// Claims the work on an artifact. If an earlier process left a checkpoint, files whose names begin with one of `kept` stay in
    /// the work directory; everything else in it is removed.
    pub fn claim(&self, key_text: &KeyText, kept: &[&str]) -> Result<Claim> {
        let (kind, key) = (key_text.kind(), Key::of(key_text));
        if let (Some(artifact), _) = self.look_up(kind, &key)? {
            return Ok(Claim::Done(artifact));
        }
        let lease = match self.leases().take(&self.beside_work(kind, &key, "lease"))? {
            Taken::Mine(lease) => lease,
            Taken::Elsewhere(owner) => return Ok(Claim::Elsewhere(owner)),
        };
        let claimed = match self.prepare(kind, &key, kept) {
            Ok(Prepared::Done(artifact)) => return Ok(Claim::Done(*artifact)),
            Ok(Prepared::Free { checkpoint }) => Work::open(self, key_text, lease, checkpoint),
            Err(_) if lease.is_mine().is_ok_and(|is_mine| !is_mine) => return Ok(Claim::Elsewhere(None)),
            Err(error) => Err(error),
        };
        match claimed {
            Err(StoreError::LeaseLost { .. }) => Ok(Claim::Elsewhere(None)),
            // The mount remembers a work directory that another host has published, and soon forgets it.
            Err(StoreError::Io { source, .. }) if is_absent(&source) && self.work_root().is_dir() => {
                Ok(Claim::Elsewhere(None))
            }
            claimed => claimed.map(Claim::Mine),
        }
    }

    /// Prepares the work directory for the process that has the lease.
    fn prepare(&self, kind: &str, key: &Key, kept: &[&str]) -> Result<Prepared> {
        match self.look_up(kind, key)? {
            // The last holder published before it released the lease.
            (Some(artifact), _) => {
                self.forget_work(kind, key);
                return Ok(Prepared::Done(Box::new(artifact)));
            }
            (None, Some(damage)) => drop(self.move_damaged_aside(&damage)?),
            (None, None) => {}
        }
        let checkpoint = read_checkpoint(&self.beside_work(kind, key, "checkpoint"))?;
        // The failed work is tried again now.
        persist::remove_quietly(&self.beside_work(kind, key, "failure"));
        clear(&self.claimed_folder(kind, key), if checkpoint.is_some() { kept } else { &[] })?;
        self.remove_temporary(kind, key);
        Ok(Prepared::Free { checkpoint })
    }

    /// Returns the process that makes the artifact of a key now.
    pub fn holder(&self, kind: &str, key: &Key) -> Option<Owner> {
        self.leases().holder(&self.beside_work(kind, key, "lease"))
    }

    /// Returns the last heartbeat of the process that makes the artifact of a key, if only its silence would show its end.
    pub fn last_seen(&self, kind: &str, key: &Key) -> Option<LastSeen> {
        self.leases().last_seen(&self.beside_work(kind, key, "lease"))
    }

    /// Records why the work on an artifact failed, for `plan` and `status`.
    pub fn note_failure(&self, kind: &str, key: &Key, reason: &str) -> Result<()> {
        persist::write_atomically(&self.beside_work(kind, key, "failure"), reason.as_bytes())
    }

    /// Returns the checkpoint that the next process to claim the work would resume from.
    pub fn saved(&self, kind: &str, key: &Key) -> Option<Vec<u8>> {
        read_checkpoint(&self.beside_work(kind, key, "checkpoint")).ok().flatten()
    }

    /// Returns why the last work on an artifact failed.
    pub fn failure(&self, kind: &str, key: &Key) -> Option<String> {
        let bytes = fs::read(self.beside_work(kind, key, "failure")).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Removes the remains of finished work, and of work without a checkpoint whose process was killed.
    pub(super) fn sweep(&self) -> Result<()> {
        persist::remove_abandoned(&self.root().join("store"), "VERSION");
        for name in [UNPLACED, CLOCK, EXPIRED] {
            persist::remove_abandoned(&self.work_root(), name);
        }
        for entry in list(&self.work_root())? {
            let name = entry.file_name();
            if name.to_string_lossy().starts_with(REMOVED) {
                // Another process began to remove it.
                let _ = disk::remove_tree(&entry.path());
            }
            let Some(Name { kind, key }) = name.to_str().and_then(claimed) else {
                // Earlier builds named their folders by process.
                if Owner::read_file(&entry.path().join("owner.ron")).is_some_and(|owner| owner.is_gone()) {
                    let _ = disk::remove_tree(&entry.path());
                }
                continue;
            };
            let lease = self.beside_work(&kind, &key, "lease");
            let last = Owner::read_file(&lease).filter(Owner::is_gone);
            // Checked again under the lease, so that no other process can change it.
            if self.is_worthless(&kind, &key)
                && let Taken::Mine(_lease) = self.leases().take(&lease)?
                && self.is_worthless(&kind, &key)
            {
                self.forget_work(&kind, &key);
                if let Some(Owner { host, pid, .. }) = last
                    && !self.artifact_path(&kind, &key).exists()
                {
                    // The next process may be killed for the same reason, so other trials are tried first.
                    let reason = format!(
                        "process {pid} on {host} was killed while it worked on it, and nothing was saved"
                    );
                    let _ = self.note_failure(&kind, &key, &reason);
                }
            }
        }
        Ok(())
    }

    /// Returns whether the files of this work can be removed: it is finished, or it left neither a checkpoint nor a reason.
    fn is_worthless(&self, kind: &str, key: &Key) -> bool {
        let is_kept = |what: &str| self.beside_work(kind, key, what).exists();
        self.artifact_path(kind, key).exists() || !(is_kept("checkpoint") || is_kept("failure"))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::path::Path;
    use std::time::SystemTime;

    use super::*;
    use crate::example::{VOLATILE, entries, key_text, store};

    fn mine(store: &Store) -> Work {
        match store.claim(&key_text(1), &["events"]).expect("the store can be used") {
            Claim::Mine(work) => work,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn work_of_a_killed_process_without_a_checkpoint_counts_as_failed() {
        let (_folder, store) = store();
        let key = Key::of(&key_text(1));
        let work = mine(&store);
        let lease = store.beside_work("trial", &key, "lease");
        let text = fs::read_to_string(&lease).expect("it is held");
        drop(work);
        // A killed process leaves its lease like this; no process has this id.
        fs::write(&lease, text.replace(&format!("pid:{}", std::process::id()), "pid:4194305"))
            .expect("writable");
        let store = Store::open(store.root()).expect("open");
        let failure = store.failure("trial", &key).expect("the process was killed");
        assert!(
            failure.starts_with("process 4194305 on ") && failure.contains("nothing was saved"),
            "{failure}"
        );
        drop(mine(&store));
        assert_eq!(store.failure("trial", &key), None);
    }

    #[test]
    fn a_damaged_artifact_is_moved_aside_by_the_process_that_makes_it_again() {
        let (_folder, store) = store();
        let artifact = crate::example::publish(&store, &key_text(1));
        fs::write(artifact.path().join("history.csv"), "").expect("writable");
        let work = mine(&store);
        assert_eq!(store.aside().expect("listable").0, 1);
        work.write("history.csv", b"again").expect("writable");
        work.publish(Provenance::example(), VOLATILE).expect("publishable");
        let found = store.find("trial", &Key::of(&key_text(1))).expect("whole").expect("there");
        assert_eq!(found.read("history.csv").expect("listed"), b"again");
    }

    #[test]
    fn work_is_claimed_once_and_then_done() {
        let (_folder, store) = store();
        let work = mine(&store);
        let other = Store::open(store.root()).expect("open");
        let Claim::Elsewhere(Some(holder)) = other.claim(&key_text(1), &[]).expect("usable") else {
            panic!("it is claimed")
        };
        assert_eq!(holder.pid, std::process::id());
        assert_eq!(other.holder("trial", &Key::of(&key_text(1))), Some(holder));
        work.write("history.csv", b"1").expect("writable");
        work.checkpoint_with(b"state").expect("writable");
        work.publish(Provenance::example(), VOLATILE).expect("publishable");
        assert!(matches!(other.claim(&key_text(1), &[]).expect("usable"), Claim::Done(_)));
        assert_eq!(entries(&store.work_root()), [""; 0]);
    }

    #[test]
    fn work_resumes_from_its_checkpoint_and_its_kept_files() {
        let (_folder, store) = store();
        let work = mine(&store);
        assert_eq!(work.checkpoint(), None);
        work.write("events-1", b"one").expect("writable");
        work.write("history.csv", b"half").expect("writable");
        work.checkpoint_with(b"state").expect("writable");
        // As after any error.
        drop(work);
        let work = mine(&store);
        assert_eq!(work.checkpoint(), Some(b"state".as_slice()));
        assert_eq!(entries(work.path()), ["events-1", "key.ron"]);
        work.publish(Provenance::example(), VOLATILE).expect("publishable");
        assert_eq!(entries(&store.work_root()), [""; 0]);
    }

    #[test]
    fn work_without_a_checkpoint_that_is_given_up_leaves_nothing() {
        let (_folder, store) = store();
        let work = mine(&store);
        work.write("history.csv", b"half").expect("writable");
        drop(work);
        assert_eq!(entries(&store.work_root()), [""; 0]);
    }

    #[test]
    fn a_process_that_lost_its_lease_writes_nothing_more() {
        let (_folder, store) = store();
        let work = mine(&store);
        let lease = store.beside_work("trial", &Key::of(&key_text(1)), "lease");
        fs::write(&lease, "(somebody else)").expect("writable");
        let error = work.checkpoint_with(b"state").expect_err("it is another's");
        assert!(error.hint().is_some(), "{error}");
        assert!(matches!(work.write("history.csv", b"mine"), Err(StoreError::LeaseLost { .. })));
        let folder = work.path().to_owned();
        assert!(work.publish(Provenance::example(), VOLATILE).is_err());
        assert!(lease.exists() && folder.join("key.ron").exists(), "lease and folder are another's, too");
        assert!(store.find("trial", &Key::of(&key_text(1))).expect("usable").is_none());
    }

    #[test]
    fn a_maker_that_loses_its_lease_waits_for_the_artifact_of_the_other() {
        let (_folder, store) = store();
        let (_other_folder, other) = crate::example::store();
        let lease = store.beside_work("trial", &Key::of(&key_text(1)), "lease");
        let (writes, waits) = (Cell::new(0), Cell::new(0));
        let made = store.find_or_make::<StoreError>(
            &key_text(1),
            VOLATILE,
            Provenance::example,
            |work| {
                writes.set(writes.get() + 1);
                let elsewhere = Owner::this_process().to_text().replace("boot:\"", "boot:\"other ");
                fs::write(&lease, elsewhere).expect("writable");
                work.write("history.csv", b"mine")
            },
            |owner| {
                waits.set(waits.get() + 1);
                assert!(owner.is_some());
                let theirs = crate::example::publish(&other, &key_text(1));
                fs::create_dir(store.shelf("trial")).expect("writable");
                fs::rename(theirs.path(), store.artifact_path("trial", theirs.key())).expect("movable");
                fs::remove_file(&lease).map_err(StoreError::io("remove", &lease))
            },
        );
        let (artifact, damage) = made.expect("the other one made it");
        assert_eq!(artifact.read("history.csv").expect("listed"), b"epoch,loss\n1,0.5\n");
        assert!(damage.is_none());
        assert_eq!((writes.get(), waits.get()), (1, 1));
    }

    #[test]
    fn a_link_in_place_of_the_work_folder_is_not_followed() {
        let (folder, store) = store();
        let precious = folder.path().join("precious");
        fs::create_dir(&precious).expect("writable");
        fs::write(precious.join("file"), "").expect("writable");
        let work = store.claimed_folder("trial", &Key::of(&key_text(1)));
        std::os::unix::fs::symlink(&precious, &work).expect("writable");
        let error = store.claim(&key_text(1), &[]).expect_err("it is a link");
        assert_eq!(error.to_string(), format!("cannot open {}", work.display()));
        assert_eq!(entries(&precious), ["file"]);
    }

    #[test]
    fn a_damaged_checkpoint_is_none() {
        type Damage = fn(&Path);
        let damages: [Damage; 5] = [
            |path| fs::write(path, b"").expect("writable"),
            |path| fs::write(path, b"short").expect("writable"),
            |path| {
                let bytes = fs::read(path).expect("readable");
                fs::write(path, &bytes[..bytes.len() - 1]).expect("writable");
            },
            |path| {
                let mut bytes = fs::read(path).expect("readable");
                *bytes.last_mut().expect("not empty") ^= 1;
                fs::write(path, bytes).expect("writable");
            },
            |path| {
                fs::remove_file(path).expect("removable");
                fs::create_dir(path).expect("writable");
            },
        ];
        for damage in damages {
            let (_folder, store) = store();
            let work = mine(&store);
            work.write("events-1", b"one").expect("writable");
            work.checkpoint_with(b"state").expect("writable");
            drop(work);
            damage(&store.beside_work("trial", &Key::of(&key_text(1)), "checkpoint"));
            let work = mine(&store);
            assert_eq!(work.checkpoint(), None);
            assert_eq!(entries(work.path()), ["key.ron"]);
        }
    }

    #[test]
    fn remains_of_finished_work_are_swept() {
        let (_folder, store) = store();
        let work = mine(&store);
        work.write("history.csv", b"1").expect("writable");
        work.publish(Provenance::example(), VOLATILE).expect("publishable");
        let key = Key::of(&key_text(1));
        fs::write(store.beside_work("trial", &key, "checkpoint"), b"left").expect("writable");
        // As left by a process that was killed before it could write its name, long ago.
        let lease = fs::File::create(store.beside_work("trial", &key, "lease")).expect("writable");
        lease.set_modified(SystemTime::now() - Duration::from_secs(600)).expect("times can be set");
        // As left by an earlier build.
        let old = store.work_root().join("trial-0123456789ab-1a2b-4194305-0");
        fs::create_dir(&old).expect("writable");
        let owner = Owner { pid: 4_194_305, ..Owner::this_process() };
        fs::write(old.join("owner.ron"), owner.to_text()).expect("writable");
        Store::open(store.root()).expect("open");
        assert_eq!(entries(&store.work_root()), [""; 0]);
    }
}
