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
        match self {
            Self::NotOfficial { source } => {
                write!(formatter, "these are not the official files of {source}")
            }
            Self::Partial { found, official } => {
                let [found_images, images] = [found, official].map(|counts| Grouped(counts.images));
                let [found_classes, classes] = [found, official].map(|counts| Grouped(counts.classes));
                write!(
                    formatter,
                    "PARTIAL: {found_images} of {images} images, {found_classes} of {classes} classes"
                )
            }
            Self::FilesNotRead { endings } => {
                let files = endings.iter().map(|(_, count)| count).sum();
                let endings: Vec<String> =
                    endings.iter().map(|(ending, count)| format!("{count} {ending}")).collect();
                let verb = if files == 1 { "is" } else { "are" };
                write!(
                    formatter,
                    "{} {verb} not read ({}): pictures are PNG and JPEG",
                    counted(files, "file"),
                    some_of(&endings)
                )
            }
            Self::LoosePictures { pictures } => {
                let verb = if *pictures == 1 { "is" } else { "are" };
                write!(
                    formatter,
                    "{} {verb} not read: in no folder of a class",
                    counted(*pictures, "picture")
                )
            }
            Self::FoldersWithoutPictures { names } => {
                let verb = if names.len() == 1 { "has" } else { "have" };
                write!(formatter, "{} {verb} no picture: {}", counted(names.len(), "folder"), some_of(names))
            }
            Self::BrokenLinks { names } => {
                let verb = if names.len() == 1 { "is" } else { "are" };
                write!(
                    formatter,
                    "{} {verb} passed over: {}",
                    counted(names.len(), "broken link"),
                    some_of(names)
                )
            }
            Self::Skipped { pictures } => {
                let verb = if *pictures == 1 { "is" } else { "are" };
                write!(
                    formatter,
                    "{} {verb} left out (`skip_damaged`)",
                    counted(*pictures, "damaged picture")
                )
            }
            Self::ArraysNotRead { names } => {
                let verb = if names.len() == 1 { "is" } else { "are" };
                write!(formatter, "{} {verb} not read: {}", counted(names.len(), "array"), some_of(names))
            }
            Self::EmptyClasses { names, classes } => {
                let verb = if names.len() == 1 { "has" } else { "have" };
                write!(
                    formatter,
                    "{} of {} {verb} no image: {}",
                    names.len(),
                    counted(*classes, "class"),
                    some_of(names)
                )
            }
            Self::SmallValues { largest } => write!(
                formatter,
                "the largest value of all training pixels is {largest}, of 255 possible: scale the images to 0 to 255"
            ),
            Self::AlsoTrainedOn { split, images } => {
                let verb = if *images == 1 { "is" } else { "are" };
                write!(formatter, "{} {verb} also trained on", counted(*images, &format!("{split} image")))
            }
            Self::Repeated { images, of } => write!(
                formatter,
                "{} of {} repeat an earlier one",
                Grouped(*images),
                counted(*of, "training image")
            ),
            Self::OneClass { name } => write!(formatter, "all images are of one class, {name}"),
        }
    }
}
