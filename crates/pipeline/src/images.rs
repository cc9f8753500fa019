//! The images of a dataset stage.

use data::{DatasetSettings, DecodingProgress, Loading};

use crate::{Error, plan::Laboratory};

impl Laboratory<'_> {
    /// The images of the dataset stage `stage`; pictures that were decoded before are mapped, and `progress` hears of
    /// those that are decoded now.
    pub(crate) fn load_images(
        &self,
        stage: &str,
        settings: &DatasetSettings,
        progress: &(dyn Fn(DecodingProgress) + Sync),
    ) -> Result<data::Dataset, Error> {
        let decoded = self.store.root().join("decoded");
        let loading = Loading { progress, ..Loading::from(self.data) }.keeping_decoded_in(&decoded);
        data::Dataset::load_with(settings, &loading)
            .map_err(|source| Error::Data { stage: stage.to_owned(), source: Box::new(source) })
    }
}
