//! The list of warnings about images. A new warning is a variant and its sentence.

use std::fmt;

use crate::Counts;
use crate::counts::{Grouped, counted, some_of};

/// A fact about the images that a reader of results must know. Its text is a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataWarning {
    /// The files have the names of official ones and other content.
    NotOfficial { source: &'static str },
    /// Images that the authors publish are missing.
    Partial { found: Counts, official: Counts },
    /// A folder has files that are not read, because they have another format or are no pictures.
    FilesNotRead {
        /// The endings with the number of files of each: `.webp` and 20.
        endings: Vec<(String, usize)>,
    },
    /// Pictures next to the folders of classes.
    LoosePictures { pictures: usize },
    /// Folders without any picture that is read. They are no classes.
    FoldersWithoutPictures { names: Vec<String> },
    /// Links that lead nowhere or in a circle.
    BrokenLinks { names: Vec<String> },
    /// Damaged pictures that were left out because the settings say so.
    Skipped { pictures: usize },
    /// Arrays of a file that are not read.
    ArraysNotRead { names: Vec<String> },
    /// Classes without any image: the network has outputs for them.
    EmptyClasses { names: Vec<String>, classes: usize },
    /// All pixels use the lowest part of the range.
    SmallValues { largest: u8 },
    /// Images of the split of this name that are also training images.
    AlsoTrainedOn { split: &'static str, images: usize },
    /// Training images that repeat an earlier one.
    Repeated { images: usize, of: usize },
    /// All images are of one class, so there is nothing to tell apart.
    OneClass { name: String },
}

impl DataWarning {
    /// Whether results on these images cannot be compared with results on the official ones.
    pub fn is_of_other_images(&self) -> bool {
        matches!(self, Self::NotOfficial { .. } | Self::Partial { .. })
    }
}

impl fmt::Display for DataWarning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&match self {
            Self::NotOfficial { source } => format!("these are not the official files of {source}"),
            Self::Partial { found, official } => {
                let of = |found, all| format!("{} of {}", Grouped(found), Grouped(all));
                let images = of(found.images, official.images);
                format!("PARTIAL: {images} images, {} classes", of(found.classes, official.classes))
            }
            Self::FilesNotRead { endings } => {
                let files = subject(endings.iter().map(|(_, count)| count).sum(), "file", ["is", "are"]);
                let endings: Vec<_> = endings.iter().map(|(ending, count)| format!("{count} {ending}")).collect();
                format!("{files} not read ({}): pictures are PNG and JPEG", some_of(&endings))
            }
            Self::LoosePictures { pictures } => {
                subject(*pictures, "picture", ["is", "are"]) + " not read: in no folder of a class"
            }
            Self::FoldersWithoutPictures { names } => {
                format!("{} no picture: {}", subject(names.len(), "folder", ["has", "have"]), some_of(names))
            }
            Self::BrokenLinks { names } => {
                let links = subject(names.len(), "broken link", ["is", "are"]);
                format!("{links} passed over: {}", some_of(names))
            }
            Self::Skipped { pictures } => {
                subject(*pictures, "damaged picture", ["is", "are"]) + " left out (`skip_damaged`)"
            }
            Self::ArraysNotRead { names } => {
                format!("{} not read: {}", subject(names.len(), "array", ["is", "are"]), some_of(names))
            }
            Self::EmptyClasses { names, classes } => {
                let verb = if names.len() == 1 { "has" } else { "have" };
                let classes = counted(*classes, "class");
                format!("{} of {classes} {verb} no image: {}", names.len(), some_of(names))
            }
            Self::SmallValues { largest } => format!(
                "the largest value of all training pixels is {largest}, of 255 possible: scale the images to 0 to 255"
            ),
            Self::AlsoTrainedOn { split, images } => {
                subject(*images, &format!("{split} image"), ["is", "are"]) + " also trained on"
            }
            Self::Repeated { images, of } => {
                format!("{} of {} repeat an earlier one", Grouped(*images), counted(*of, "training image"))
            }
            Self::OneClass { name } => format!("all images are of one class, {name}"),
        })
    }
}

/// Returns `1 file is` or `2 files are`.
fn subject(count: usize, noun: &str, [singular, plural]: [&str; 2]) -> String {
    format!("{} {}", counted(count, noun), if count == 1 { singular } else { plural })
}
