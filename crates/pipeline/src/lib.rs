//! Which results does a pipeline file ask for, and which of them are already there?

pub mod store;
