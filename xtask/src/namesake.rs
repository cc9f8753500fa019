//! Pipeline files of one name: their runs share a folder under `runs/`, and each removes the links of the other.

use std::{
    fs,
    path::{Path, PathBuf},
};

use spec::Pipeline;
use store::{Key, Store};

use crate::{PipelineArguments, asked::Asked, terminal::tell};

/// Warns if another file wrote into the folder of the pipeline's results last, and remembers this one.
pub fn warn(asked: &Asked<'_>, arguments: &PipelineArguments) {
    let Ok(file) = fs::canonicalize(asked.file()) else { return };
    let name = &asked.pipeline.name;
    let subject = Key::of_bytes(format!("pipeline file of runs/{name}").as_bytes());
    if let Some(other) = last(&asked.store, &subject).filter(|other| *other != file)
        && has_name(&other, arguments, name)
    {
        tell(&format!(
            "warning: {} and {} both show their results in runs/{name}, in place of each other's: change `name` in one of them",
            file.display(),
            other.display()
        ));
    }
    // A store that cannot be written to can be read.
    let _ = asked.store.remember(&subject, &file.to_string_lossy());
}

fn last(store: &Store, subject: &Key) -> Option<PathBuf> {
    store.remembered(subject).map(PathBuf::from)
}

/// Whether the file still asks for results in the folder `name`. A copy of the same text does no harm, but the next edit would.
fn has_name(file: &Path, arguments: &PipelineArguments, name: &str) -> bool {
    Pipeline::read(file, &arguments.set).is_ok_and(|pipeline| pipeline.name == name)
}
