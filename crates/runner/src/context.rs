//! The inputs of planning and running besides the pipeline.

use std::path::Path;

use settings::Device;
use store::Store;

#[derive(Clone, Debug)]
pub struct Context<'a> {
    pub store: Store,
    /// The data directory, which holds the official files of datasets.
    pub data: &'a Path,
    pub device: Device,
    /// The only build whose trials are used; absent for trials of any build.
    pub same_build: Option<&'a str>,
}
