//! Tables of papers, one file per paper, which `expect` takes by name.
//!
//! A file `published/PAPER.ron` next to the pipeline file, or next to a folder above it, comes before the file of the same name that is
//! part of the program.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use settings::Selection;

use crate::{document::Document, problem::did_you_mean, stage::Publication};

/// The papers that are part of the program.
const PAPERS: [(&str, &str); 5] = [
    ("akrout-2019", include_str!("../../../published/akrout-2019.ron")),
    ("drtp-2021", include_str!("../../../published/drtp-2021.ron")),
    ("forward-forward-2022", include_str!("../../../published/forward-forward-2022.ron")),
    ("nokland-eidnes-2019", include_str!("../../../published/nokland-eidnes-2019.ron")),
    ("pepita-2022", include_str!("../../../published/pepita-2022.ron")),
];

/// The values of a table.
pub(crate) struct PublishedTable {
    pub publication: Publication,
    pub cells: Vec<Cell>,
}

#[derive(Deserialize)]
#[serde(rename = "Published", deny_unknown_fields)]
struct Paper {
    /// Authors, year, and where to find it.
    paper: String,
    /// The short form: `Frenkel et al. 2021`.
    cite: String,
    tables: Vec<Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    /// The table of the paper.
    table: String,
    /// The place where the numbers were read.
    read_from: String,
    settings: String,
    /// The number of trials behind each mean.
    n: u32,
    cells: Vec<Cell>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cell {
    /// The row of the table, as the paper names it.
    pub row: String,
    /// The configurations with these values.
    #[serde(rename = "of")]
    pub chosen: Selection,
    pub value: f64,
    /// The sample standard deviation over trials.
    pub sd: Option<f64>,
    /// The largest difference between two trials, where it is known and there is no standard deviation.
    #[serde(default)]
    pub spread: f64,
}

/// Returns the file of a paper near the pipeline file at `pipeline`, if there is one.
pub fn own_file(paper: &str, pipeline: &Path) -> Option<PathBuf> {
    let pipeline = std::path::absolute(pipeline).ok()?;
    let files = pipeline.ancestors().skip(1).map(|folder| folder.join(format!("published/{paper}.ron")));
    files.into_iter().find(|file| file.exists())
}

/// Returns the table that `name` names as `paper/table`, or the reason why there is none, and a hint.
pub(crate) fn table(name: &str, pipeline: &Path) -> Result<PublishedTable, (String, String)> {
    let (paper, table) = name.split_once('/').unwrap_or((name, ""));
    let file = format!("published/{paper}.ron");
    let own = own_file(paper, pipeline).map(|path| {
        fs::read_to_string(&path).map_err(|error| {
            let hint = "check that it is a text file that you may read";
            (format!("cannot read {}: {error}", path.display()), hint.to_owned())
        })
    });
    let own = own.transpose()?;
    let known = PAPERS.iter().find(|(known, _)| *known == paper).map(|(_, text)| (*text).to_owned());
    let Some(text) = own.or(known) else {
        let message = format!("there is no published table `{name}`");
        let hint = format!(
            "{}; or write {file} next to the pipeline file, as published/drtp-2021.ron of the sources",
            did_you_mean(paper, &PAPERS.map(|(known, _)| known))
        );
        return Err((message, hint));
    };
    let document = Document { name: &file, text: &text };
    let read: Paper = document.parse(&text).map_err(|problem| {
        let at = problem.position.map_or(String::new(), |position| format!(":{position}"));
        (format!("{file}{at}: {}", problem.message), problem.hint.unwrap_or_default())
    })?;
    let tables: Vec<String> = read.tables.iter().map(|table| format!("{paper}/{}", table.name)).collect();
    let Some(found) = read.tables.into_iter().find(|known| known.name == table) else {
        return Err((format!("{file} has no table `{table}`"), did_you_mean(name, &tables)));
    };
    let Table { table, read_from, settings, n, cells, .. } = found;
    let Paper { paper, cite, .. } = read;
    let publication =
        Publication { name: name.to_owned(), paper, cite, table, read_from, settings, trials: n };
    Ok(PublishedTable { publication, cells })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_part_of_the_program_and_every_table_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../published");
        let mut files: Vec<String> = fs::read_dir(folder)
            .expect("the folder of published tables")
            .map(|entry| entry.expect("an entry").path())
            .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
            .collect();
        files.sort();
        assert_eq!(files, PAPERS.map(|(name, _)| name));
        for (paper, text) in PAPERS {
            let read: Paper = Document { name: paper, text }.parse(text).expect(paper);
            for known in read.tables {
                let name = format!("{paper}/{}", known.name);
                let found = table(&name, Path::new("")).unwrap_or_else(|(message, _)| panic!("{message}"));
                assert!(!found.cells.is_empty() && found.publication.trials > 0, "{name}");
                assert!(found.cells.iter().all(|cell| cell.value.is_finite()), "{name}");
                assert!(found.cells.iter().all(|cell| cell.sd.is_none_or(|sd| sd > 0.0)), "{name}");
            }
        }
    }

    #[test]
    fn a_file_of_ones_own_comes_first_and_its_mistakes_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipeline = folder.path().join("studies/mine.ron");
        fs::create_dir_all(folder.path().join("published")).expect("a folder");
        let write = |text: &str| {
            fs::write(folder.path().join("published/drtp-2021.ron"), text).expect("a file");
        };
        write(
            r#"Published(paper: "p", cite: "me 2026", tables: [Table(name: "t", table: "1", read_from: "p. 2", settings: "s", n: 3,
                cells: [(row: "a", of: (algorithm: Dfa), value: 1.0)])])"#,
        );
        let found = table("drtp-2021/t", &pipeline).unwrap_or_else(|(message, _)| panic!("{message}"));
        assert_eq!((found.publication.cite.as_str(), found.cells[0].value), ("me 2026", 1.0));
        let refused = |name: &str| {
            let (message, hint) = table(name, &pipeline).err().expect("it is refused");
            format!("{message}\n{hint}")
        };
        insta::assert_snapshot!(refused("drtp-2021/u"), @r"
        published/drtp-2021.ron has no table `u`
        did you mean `drtp-2021/t`? known: drtp-2021/t
        ");
        insta::assert_snapshot!(refused("akrout-2018/mnist"), @r"
        there is no published table `akrout-2018/mnist`
        did you mean `akrout-2019`? known: akrout-2019, drtp-2021, forward-forward-2022, nokland-eidnes-2019, pepita-2022; or write published/akrout-2018.ron next to the pipeline file, as published/drtp-2021.ron of the sources
        ");
        write("Published(\n    paper: 3)");
        insta::assert_snapshot!(refused("drtp-2021/t"), @r"published/drtp-2021.ron:2:11: expected text in quotes");
    }
}
