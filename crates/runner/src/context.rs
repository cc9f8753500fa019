//! What planning and running need besides a pipeline.

use std::path::Path;

use settings::Device;
use store::Store;

/// The places that results come from and go to.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    pub store: Store,
    /// The directory of image files.
    pub data: &'a Path,
    pub device: Device,
    /// The only build whose trials are used; absent for trials of any build.
    pub same_build: Option<&'a str>,
}
