//! `index.json`: an entry for each network in an export folder.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use store::{persist, read_if_there};

use crate::error::Error;

const NAME: &str = "index.json";
/// The value of the field `format`.
const FORMAT: &str = "bpfree-index";
/// Bump it when the layout changes.
const VERSION: u32 = 1;

/// The networks in a folder, including those of earlier exports.
#[derive(Serialize, Deserialize)]
pub(super) struct Index {
    format: String,
    version: u32,
    /// The networks, sorted by folder.
    models: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Entry {
    /// The path of the network's folder, relative to the index.
    pub(super) folder: String,
    /// The group that the configuration was last exported as the best of; null if it never was.
    pub(super) best_of: Option<String>,
    pub(super) configuration: String,
    pub(super) seed: u64,
    pub(super) pipeline: String,
    pub(super) stage: String,
    /// The key of the trial's result in the store.
    pub(super) key: String,
    /// Losses and error rates of the last epoch; null if a value is not finite.
    pub(super) last_epoch: BTreeMap<String, Option<f64>>,
}

impl Index {
    /// Reads the index of the folder `to`. If there is none, the index is empty.
    pub(super) fn read(to: &Path) -> Result<Self, Error> {
        let path = to.join(NAME);
        let Some(bytes) = read_if_there(&path)? else {
            return Ok(Self { format: FORMAT.into(), version: VERSION, models: Vec::new() });
        };
        let index: Self = match serde_json::from_slice(&bytes) {
            Ok(index) => index,
            Err(error) => return Err(Error::ForeignIndex { path, reason: error.to_string() }),
        };
        if (index.format.as_str(), index.version) != (FORMAT, VERSION) {
            let reason = format!("it is {} {}, expected {FORMAT} {VERSION}", index.format, index.version);
            return Err(Error::ForeignIndex { path, reason });
        }
        Ok(index)
    }

    /// Adds a network, or replaces the one in the same folder. A network that was exported as a winner before keeps its group.
    pub(super) fn put(&mut self, entry: Entry) {
        match self.models.binary_search_by(|known| known.folder.cmp(&entry.folder)) {
            Ok(position) => {
                let before = self.models[position].best_of.take();
                self.models[position] = Entry { best_of: entry.best_of.or(before), ..entry };
            }
            Err(position) => self.models.insert(position, entry),
        }
    }

    /// Writes the index into the folder `to`.
    pub(super) fn write(&self, to: &Path) -> Result<(), Error> {
        Ok(persist::write_atomically(&to.join(NAME), self.text().as_bytes())?)
    }

    fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("names and numbers are JSON") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(folder: &str, error_rate: f64) -> Entry {
        Entry {
            folder: folder.into(),
            best_of: None,
            configuration: "dfa 12-8 tanh lr0.001".into(),
            seed: 0,
            pipeline: "small".into(),
            stage: "trials".into(),
            key: "0a1b".into(),
            last_epoch: BTreeMap::from([("error_rate/validation".into(), Some(error_rate))]),
        }
    }

    #[test]
    fn a_later_export_adds_lines_and_replaces_those_of_its_folders() {
        let folder = tempfile::tempdir().unwrap();
        let best = Entry { best_of: Some("dfa".into()), ..entry("a", 1.0) };
        for entries in [vec![entry("b", 2.0), best], vec![entry("c", 3.0), entry("a", 1.5)]] {
            let mut index = Index::read(folder.path()).unwrap();
            for entry in entries {
                index.put(entry);
            }
            index.write(folder.path()).unwrap();
        }
        insta::assert_snapshot!(Index::read(folder.path()).unwrap().text(), @r#"
        {
          "format": "bpfree-index",
          "version": 1,
          "models": [
            {
              "folder": "a",
              "best_of": "dfa",
              "configuration": "dfa 12-8 tanh lr0.001",
              "seed": 0,
              "pipeline": "small",
              "stage": "trials",
              "key": "0a1b",
              "last_epoch": {
                "error_rate/validation": 1.5
              }
            },
            {
              "folder": "b",
              "best_of": null,
              "configuration": "dfa 12-8 tanh lr0.001",
              "seed": 0,
              "pipeline": "small",
              "stage": "trials",
              "key": "0a1b",
              "last_epoch": {
                "error_rate/validation": 2.0
              }
            },
            {
              "folder": "c",
              "best_of": null,
              "configuration": "dfa 12-8 tanh lr0.001",
              "seed": 0,
              "pipeline": "small",
              "stage": "trials",
              "key": "0a1b",
              "last_epoch": {
                "error_rate/validation": 3.0
              }
            }
          ]
        }
        "#);
    }

    #[test]
    fn an_index_of_another_format_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut messages = String::new();
        for text in [r#"{"models": []}"#, r#"{"format": "bpfree-index", "version": 2, "models": []}"#] {
            std::fs::write(folder.path().join(NAME), text).unwrap();
            let error = Index::read(folder.path()).err().unwrap();
            messages += &format!("{error}\nhint: {}\n", error.hint().unwrap());
        }
        insta::assert_snapshot!(messages.replace(&folder.path().display().to_string(), "DIR"), @"
        DIR/index.json is not an index that this build can add to: missing field `format` at line 1 column 14
        hint: export to another folder, or move the file away
        DIR/index.json is not an index that this build can add to: it is bpfree-index 2, expected bpfree-index 1
        hint: export to another folder, or move the file away
        ");
    }
}
