//! Images that come as arrays, with classes that have numbers and no names.

use crate::{ImageShape, Loaded, Part};

/// A user's own arrays.
pub(crate) struct Arrays {
    pub(crate) shape: ImageShape,
    pub(crate) train: Part,
    pub(crate) test: Option<Part>,
}

impl Arrays {
    /// Names the classes 0 to the largest label of any part.
    pub(crate) fn into_loaded(self) -> Loaded {
        let Self { shape, train, test } = self;
        let labels = train.labels.iter().chain(test.iter().flat_map(|part| &part.labels));
        let classes = labels.max().map_or(0, |largest| u32::from(*largest) + 1);
        Loaded {
            shape,
            class_names: (0..classes).map(|class| class.to_string()).collect(),
            train,
            test,
            skipped: Vec::new(),
            decoded_in: None,
        }
    }
}
