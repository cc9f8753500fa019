use std::fmt;

use serde::{Deserialize, Serialize};

/// The size of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The number of images in all parts together.
    pub images: usize,
    /// The number of classes that have at least one image.
    pub classes: usize,
}

/// A number with a comma between each three digits: `12,345`.
pub(crate) struct Grouped(pub(crate) usize);

impl fmt::Display for Grouped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count) = *self;
        match count {
            0..1000 => write!(formatter, "{count}"),
            _ => write!(formatter, "{},{:03}", Self(count / 1000), count % 1000),
        }
    }
}

/// Returns `1 image` or `2 images`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let plural = match noun.strip_suffix("ss") {
        Some(_) => format!("{noun}es"),
        None => format!("{noun}s"),
    };
    format!("{} {}", Grouped(count), if count == 1 { noun } else { &plural })
}

/// Returns the first of `names`, and the number of the others: `ant, bee and 8 more`.
pub(crate) fn some_of(names: &[String]) -> String {
    const NAMED: usize = 10;
    match names.len() {
        0..=NAMED => names.join(", "),
        all => format!("{} and {} more", names[..NAMED - 2].join(", "), Grouped(all + 2 - NAMED)),
    }
}
