//! Who carries out the work of a stage?

pub mod local;
