//! Trained networks for other programs: weights, and a `model.json` that says what they are the weights of.
//!
//! ```text
//! DIR/index.json                       an entry for each network
//! DIR/<configuration>/seed-<n>/        weights.safetensors and model.json
//! DIR/<stage>/<configuration>/...      where the trials of several stages are exported
//! ```

mod index;
mod model_file;
mod selection;
mod wanted;

use std::path::Path;

use history::Epoch;
use settings::Trial;
use spec::{Dataset, Pipeline, Train};
use store::{Key, Placed, place_folder};

use crate::{
    error::Error,
    known_images::ImageFacts,
    trial::{self, PlannedTrial, WEIGHTS},
};
use index::{Entry, Index};
use model_file::Trained;
use selection::Selected;

pub use selection::StageTrials;
pub use wanted::{Choice, Wanted};

/// The outcome of an export.
#[derive(Clone, Debug, Default)]
pub struct Exported {
    /// The networks in the order of the file, or winners with the best first.
    pub models: Vec<Model>,
    /// Selected trials that are not finished.
    pub unfinished: Vec<Trial>,
    /// Remarks on the selection for the user.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Model {
    /// The path of the network's folder, relative to the export folder.
    pub folder: String,
    /// The group that the configuration is the best of, if winners were requested.
    pub best_of: Option<String>,
    pub trial: Trial,
    /// Whether the folder was written or existed before.
    pub placed: Placed,
}

/// Finds out about the images of a dataset stage with this key.
pub type FindFacts<'a> = &'a dyn Fn(&Dataset, &Key) -> Result<ImageFacts, Error>;

/// Writes the `wanted` networks of `pipeline` into the folder `to`. Existing files are never overwritten. `trials` are those of
/// each train stage.
///
/// # Errors
/// If nothing can be selected, the images are missing, the store is damaged, or a folder holds another network. Networks that
/// were written before the error are in the index.
pub fn export(
    pipeline: &Pipeline,
    trials: &[StageTrials<'_>],
    wanted: &Wanted,
    to: &Path,
    find: FindFacts<'_>,
) -> Result<Exported, Error> {
    let selection = selection::select(pipeline, trials, wanted)?;
    let mut exporter = Exporter { pipeline, to, find, images: Vec::new(), index: Index::read(to)? };
    let mut models = Vec::new();
    let done = selection.finished.into_iter().try_for_each(|selected| {
        models.push(exporter.export(selected)?);
        Ok(())
    });
    if !models.is_empty() {
        exporter.index.write(to)?;
    }
    let unfinished = selection.unfinished.into_iter().cloned().collect();
    done.map(|()| Exported { models, unfinished, notes: selection.notes })
}

struct Exporter<'a> {
    pipeline: &'a Pipeline,
    to: &'a Path,
    find: FindFacts<'a>,
    /// The facts about each dataset so far.
    images: Vec<(Key, ImageFacts)>,
    index: Index,
}

impl Exporter<'_> {
    fn export(&mut self, selected: Selected<'_>) -> Result<Model, Error> {
        let Selected { train, planned, artifact, best_of, folder } = selected;
        let result = planned.result()?.expect("a trial with an artifact has a result");
        let history = trial::history(artifact)?;
        let kept = result.kept.and_then(|kept| history.epochs().iter().find(|epoch| epoch.epoch == kept));
        let kept: Option<&Epoch> = kept.or(history.epochs().last());
        let trained = Trained {
            pipeline: &self.pipeline.name,
            train,
            trial: &planned.trial,
            key: &planned.key,
            made: &artifact.manifest().made,
            outcome: &result.outcome,
            kept,
        };
        let text = model_file::text(&trained, self.images(train, planned)?);
        let weights = artifact.read(WEIGHTS)?;
        let files: [(&str, &[u8]); 2] = [(WEIGHTS, &weights), (model_file::NAME, text.as_bytes())];
        let placed = place_folder(&self.to.join(&folder), &files)?;
        self.index.put(Entry {
            folder: folder.clone(),
            best_of: best_of.clone(),
            configuration: planned.trial.configuration.to_string(),
            seed: planned.trial.seed,
            pipeline: self.pipeline.name.clone(),
            stage: train.name.clone(),
            key: planned.key.to_string(),
            last_epoch: model_file::measured(kept),
        });
        Ok(Model { folder, best_of, trial: planned.trial.clone(), placed })
    }

    /// Returns the facts about the dataset of a trial that `model.json` needs.
    fn images(&mut self, train: &Train, planned: &PlannedTrial) -> Result<&ImageFacts, Error> {
        let known = self.images.iter().position(|(known, _)| *known == planned.dataset);
        let position = match known {
            Some(position) => position,
            None => {
                let images = (self.find)(&train.dataset, &planned.dataset)?;
                self.images.push((planned.dataset, images));
                self.images.len() - 1
            }
        };
        Ok(&self.images[position].1)
    }
}
