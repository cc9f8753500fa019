//! Trained networks for other programs: weights, and a `model.json` that says what they are the weights of.
//!
//! ```text
//! DIR/index.json                       a line for each network
//! DIR/<configuration>/seed-<n>/        weights.safetensors and model.json
//! DIR/<stage>/<configuration>/...      where the trials of several stages are exported
//! ```

mod error;
mod index;
mod json;
mod model_file;
mod selection;

use std::path::Path;

use data::DatasetSettings;
use history::Epoch;
use settings::{Axis, Trial};

use crate::{
    Error,
    trial::{self, WEIGHTS},
};
use spec::{Dataset, Pipeline, Train};
use store::{Placed, place_folder};

pub use error::ExportError;
use index::{Entry, Index};
use model_file::{Images, Trained};
use selection::Selected;
pub use selection::StageTrials;

/// Which networks are wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Of every configuration, or of the best.
    pub choice: Choice,
    /// The Summarize stage whose trials are meant. Without one, the winners are those of the last, and every finished trial is
    /// one of the whole pipeline.
    pub summary: Option<String>,
    /// Only these; all of them where none is named.
    pub seeds: Vec<u64>,
}

/// Which configurations are wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// Every trial that is finished.
    Finished,
    /// The winners, as the summary itself groups them.
    Best,
    /// The winners, one for each combination of values on these axes.
    BestPer(Vec<Axis>),
}

/// What was exported.
#[derive(Clone, Debug, Default)]
pub struct Exported {
    /// The networks, in the order of the file, or the best first.
    pub models: Vec<Model>,
    /// Trials that are meant and not finished.
    pub unfinished: Vec<Trial>,
    /// What one has to know of the choice.
    pub notes: Vec<String>,
}

/// An exported network.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its folder, below the one that was asked for.
    pub folder: String,
    /// What its configuration is the best of, where winners were wanted.
    pub best_of: Option<String>,
    /// What was trained.
    pub trial: Trial,
    /// Was it there before?
    pub placed: Placed,
}

/// Loads the images of a dataset stage.
pub type LoadImages<'a> = &'a dyn Fn(&Dataset) -> Result<data::Dataset, Error>;

/// Writes the networks of `pipeline` that are `wanted` into the folder `to`. Files that exist are never overwritten.
/// `trials` are those of each train stage.
///
/// # Errors
/// If nothing can be chosen, the images are missing, the store is damaged, or another network is where one would be
/// written. Those that were written before the error are in the index.
pub fn export(
    pipeline: &Pipeline,
    trials: &[StageTrials<'_>],
    wanted: &Wanted,
    to: &Path,
    load: LoadImages<'_>,
) -> Result<Exported, Error> {
    let selection = selection::select(pipeline, trials, wanted)?;
    let mut exporter = Exporter { pipeline, to, load, images: Vec::new(), index: Index::read(to)? };
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

/// An export in progress.
struct Exporter<'a> {
    pipeline: &'a Pipeline,
    to: &'a Path,
    load: LoadImages<'a>,
    /// The datasets that were needed so far.
    images: Vec<(DatasetSettings, Images)>,
    index: Index,
}

impl Exporter<'_> {
    fn export(&mut self, selected: Selected<'_>) -> Result<Model, Error> {
        let Selected { train, planned, artifact, best_of, folder } = selected;
        let result = planned.result()?.expect("it is finished");
        let history = trial::history(artifact)?;
        let last: Option<&Epoch> = history.epochs().last();
        let trained = Trained {
            pipeline: &self.pipeline.name,
            train,
            trial: &planned.trial,
            key: &planned.key,
            made: &artifact.manifest().made,
            outcome: &result.outcome,
            last,
        };
        let text = model_file::text(&trained, self.images(train)?);
        let weights = artifact.read(WEIGHTS)?;
        let files: [(&str, &[u8]); 2] = [(WEIGHTS, &weights), (model_file::NAME, text.as_bytes())];
        let placed = place_folder(&self.to.join(&folder), &files)?;
        let measured = model_file::measured(last);
        self.index.put(Entry::new(&folder, &trained, best_of.clone(), measured));
        Ok(Model { folder, best_of, trial: planned.trial.clone(), placed })
    }

    /// Returns the facts about a dataset that a network needs. The images themselves are loaded for a moment only.
    fn images(&mut self, train: &Train) -> Result<&Images, Error> {
        let settings = &train.dataset;
        let known = self.images.iter().position(|(known, _)| known == settings);
        let position = match known {
            Some(position) => position,
            None => {
                let stage = Dataset { name: train.dataset_name.clone(), settings: settings.clone() };
                let images = Images::of(&(self.load)(&stage)?);
                self.images.push((settings.clone(), images));
                self.images.len() - 1
            }
        };
        Ok(&self.images[position].1)
    }
}
