//! Reads the golden vectors.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

#[derive(Debug, thiserror::Error)]
pub enum VectorsError {
    #[error("cannot read the golden vectors' {}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is not JSON", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("{} names no case, wanted a list of names", path.display())]
    NoCases { path: PathBuf },
}

#[derive(Clone, Debug)]
pub struct Vectors {
    /// The networks, by name.
    pub(crate) cases: Vec<(String, Value)>,
    /// Gradients, and the values of a parameter after Adam's updates.
    pub(crate) adam: Value,
    /// Matrices of normal numbers, and the orthogonal matrices made from each.
    pub(crate) orthogonal: Value,
}

impl Vectors {
    /// Reads every case that `index.json` of `folder` names. Files other than cases come from `others` where the folder lacks
    /// them.
    ///
    /// # Errors
    /// If a file is missing or not JSON, or the index names no case.
    pub fn read(folder: &Path, others: &Path) -> Result<Self, VectorsError> {
        let index_path = folder.join("index.json");
        let index = read(&index_path)?;
        let names = index.as_array().into_iter().flatten().filter_map(Value::as_str);
        let cases = names.map(|name| Ok((name.to_owned(), read(&folder.join(format!("{name}.json")))?)));
        let cases: Vec<(String, Value)> = cases.collect::<Result<_, VectorsError>>()?;
        if cases.is_empty() {
            return Err(VectorsError::NoCases { path: index_path });
        }
        let [adam, orthogonal] = ["adam.json", "init_orthogonal.json"].map(|name| {
            let own = folder.join(name);
            read(&if own.is_file() { own } else { others.join(name) })
        });
        Ok(Self { cases, adam: adam?, orthogonal: orthogonal? })
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
            let error = Vectors::read(folder.path(), folder.path()).expect_err("something is wrong");
            error.to_string().replace(&folder.path().display().to_string(), "FOLDER")
        };
        assert_eq!(error(None), "cannot read the golden vectors' FOLDER/index.json");
        assert_eq!(error(Some("[")), "FOLDER/index.json is not JSON");
        assert_eq!(error(Some("{}")), "FOLDER/index.json names no case, wanted a list of names");
        assert_eq!(error(Some("[\"one\"]")), "cannot read the golden vectors' FOLDER/one.json");
    }
}
