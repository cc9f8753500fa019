//! Reads the golden vectors.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// The names of tables of optimizers.
const OPTIMIZERS: [&str; 8] = [
    "adam",
    "optimizer_adam_keras",
    "optimizer_adam",
    "optimizer_adamw",
    "optimizer_sgd",
    "optimizer_sgd_momentum",
    "optimizer_sgd_nesterov",
    "optimizer_rmsprop",
];

#[derive(Debug, thiserror::Error)]
pub enum VectorsError {
    #[error("cannot read the golden vectors' {}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is not JSON", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("{} names no case, wanted a list of names", path.display())]
    NoCases { path: PathBuf },
}

/// The contents of some folders of golden vectors.
#[derive(Clone, Debug, Default)]
pub struct Vectors {
    /// The networks, by name.
    pub(crate) cases: Vec<(String, Value)>,
    /// Gradients, and the values of a parameter after an optimizer's updates, by the file's name.
    pub(crate) optimizers: Vec<(String, Value)>,
    /// Schedules, with the rate of each epoch.
    pub(crate) schedules: Vec<Value>,
    /// Matrices of normal numbers, and the orthogonal matrix made from each.
    pub(crate) orthogonal: Vec<Value>,
}

impl Vectors {
    /// Reads every case that `index.json` of each folder names, and the tables in these folders.
    ///
    /// # Errors
    /// If a file is missing or not JSON, or an index names no case.
    pub fn read(folders: &[PathBuf]) -> Result<Self, VectorsError> {
        let mut vectors = Self::default();
        for folder in folders {
            vectors.add(folder)?;
        }
        Ok(vectors)
    }

    fn add(&mut self, folder: &Path) -> Result<(), VectorsError> {
        let index_path = folder.join("index.json");
        let index = read(&index_path)?;
        let names: Vec<&str> = index.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if names.is_empty() {
            return Err(VectorsError::NoCases { path: index_path });
        }
        for name in names {
            self.cases.push((name.to_owned(), read(&folder.join(format!("{name}.json")))?));
        }
        for name in OPTIMIZERS {
            let table = folder.join(format!("{name}.json"));
            if table.is_file() {
                self.optimizers.push((name.to_owned(), read(&table)?));
            }
        }
        for (name, list) in
            [("schedules.json", &mut self.schedules), ("init_orthogonal.json", &mut self.orthogonal)]
        {
            let table = folder.join(name);
            if table.is_file() {
                list.extend(read(&table)?.as_array().cloned().unwrap_or_default());
            }
        }
        Ok(())
    }

    /// Keeps every `nth` case, for devices on which all cases would take too long.
    pub fn every(self, nth: usize) -> Self {
        Self { cases: self.cases.into_iter().step_by(nth).collect(), ..self }
    }
}

fn read(path: &Path) -> Result<Value, VectorsError> {
    let text = fs::read_to_string(path).map_err(|source| VectorsError::Io { path: path.into(), source })?;
    serde_json::from_str(&text).map_err(|source| VectorsError::Json { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_damaged_file_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let error = |index: Option<&str>| {
            if let Some(text) = index {
                fs::write(folder.path().join("index.json"), text).expect("it can be written");
            }
            let error = Vectors::read(&[folder.path().into()]).expect_err("something is wrong");
            error.to_string().replace(&folder.path().display().to_string(), "FOLDER")
        };
        assert_eq!(error(None), "cannot read the golden vectors' FOLDER/index.json");
        assert_eq!(error(Some("[")), "FOLDER/index.json is not JSON");
        assert_eq!(error(Some("{}")), "FOLDER/index.json names no case, wanted a list of names");
        assert_eq!(error(Some("[\"one\"]")), "cannot read the golden vectors' FOLDER/one.json");
    }
}
