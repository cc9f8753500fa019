//! A setting that is not allowed.

/// A value that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field as a pipeline file spells it, for example `fraction` or `source.train`.
    pub field: &'static str,
    /// The value found and the values allowed.
    pub message: String,
}
