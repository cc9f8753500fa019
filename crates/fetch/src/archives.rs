//! The list of official archives.
//!
//! The checksums of files that are kept as they are stand in `data`, which compares them again when it reads the files. The
//! checksums of the other archives are pinned by several independent projects next to the authors' MD5s.

use data::{KnownFile, Source};

/// The archives of a source.
#[derive(Clone, Copy, Debug)]
pub struct Collection<'a> {
    /// The source's folder under the data directory.
    pub folder: &'a str,
    /// The page on which the authors publish the files.
    pub homepage: &'a str,
    /// All archives; every one is needed.
    pub archives: &'a [Archive<'a>],
}

/// A file to download.
#[derive(Clone, Copy, Debug)]
pub struct Archive<'a> {
    /// The file's name, which is the last part of its address.
    pub name: &'a str,
    /// The folders that serve the file, each with a slash at the end, in the order in which they are asked.
    pub served_from: &'a [&'a str],
    pub bytes: u64,
    /// The SHA-256 as 64 lowercase hexadecimal digits.
    pub sha256: &'a str,
    pub packing: Packing,
}

/// The format of an archive. A packed archive holds one folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// A file that is kept as it is.
    Kept,
    TarGz,
    Tar,
    Zip,
}

const MNIST: Collection<'_> = Collection {
    folder: "mnist",
    homepage: "http://yann.lecun.com/exdb/mnist",
    archives: &idx_files(
        &[
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ],
        data::MNIST_FILES,
    ),
};

const FASHION_MNIST: Collection<'_> = Collection {
    folder: "fashion-mnist",
    homepage: "https://github.com/zalandoresearch/fashion-mnist",
    archives: &idx_files(
        &[
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ],
        data::FASHION_MNIST_FILES,
    ),
};

const CIFAR10: Collection<'_> = Collection {
    folder: "cifar-10-batches-bin",
    homepage: "https://www.cs.toronto.edu/~kriz/cifar.html",
    archives: &[Archive {
        name: "cifar-10-binary.tar.gz",
        served_from: &["https://www.cs.toronto.edu/~kriz/"],
        bytes: 170_052_171,
        sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        packing: Packing::TarGz,
    }],
};

const CIFAR100: Collection<'_> = Collection {
    folder: "cifar-100-binary",
    homepage: "https://www.cs.toronto.edu/~kriz/cifar.html",
    archives: &[Archive {
        name: "cifar-100-binary.tar.gz",
        served_from: &["https://www.cs.toronto.edu/~kriz/"],
        bytes: 168_513_733,
        sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        packing: Packing::TarGz,
    }],
};

const EURO_SAT: Collection<'_> = Collection {
    folder: "EuroSAT",
    homepage: "https://zenodo.org/records/7711810",
    archives: &[Archive {
        name: "EuroSAT_RGB.zip",
        served_from: &["https://zenodo.org/records/7711810/files/"],
        bytes: 94_658_721,
        sha256: "b4f5b234ecb7d7ff9c6cddb046543b4717c53fd6e9815be6c0e80cc614f51b90",
        packing: Packing::Zip,
    }],
};

const CALTECH256: Collection<'_> = Collection {
    folder: "256_ObjectCategories",
    homepage: "https://data.caltech.edu/records/nyy15-4j048",
    archives: &[Archive {
        name: "256_ObjectCategories.tar",
        served_from: &["https://data.caltech.edu/records/nyy15-4j048/files/"],
        bytes: 1_183_006_720,
        sha256: "08ff01b03c65566014ae88eb0490dbe4419fc7ac4de726ee1163e39fd809543e",
        packing: Packing::Tar,
    }],
};

/// Returns the four files of MNIST or Fashion-MNIST, which are kept as they are.
const fn idx_files(
    served_from: &'static [&'static str],
    [train_images, train_labels, test_images, test_labels]: [KnownFile; 4],
) -> [Archive<'static>; 4] {
    [
        kept(served_from, train_images),
        kept(served_from, train_labels),
        kept(served_from, test_images),
        kept(served_from, test_labels),
    ]
}

const fn kept(
    served_from: &'static [&'static str],
    KnownFile { name, bytes, sha256, .. }: KnownFile,
) -> Archive<'static> {
    Archive { name, served_from, bytes, sha256, packing: Packing::Kept }
}

/// Returns the archives of `source`; `None` for drawn figures and a user's own images.
pub fn collection(source: &Source) -> Option<Collection<'static>> {
    match source {
        Source::Mnist => Some(MNIST),
        Source::FashionMnist => Some(FASHION_MNIST),
        Source::Cifar10 => Some(CIFAR10),
        Source::Cifar100(_) => Some(CIFAR100),
        Source::EuroSat(_) => Some(EURO_SAT),
        Source::Caltech256(_) => Some(CALTECH256),
        Source::Glyphs(_) | Source::ImageFolder(_) | Source::Idx(_) | Source::Npz(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_source_with_official_counts_has_archives_that_lie_where_the_source_looks() {
        for source in data::sources() {
            let collection = collection(&source);
            assert_eq!(collection.is_some(), source.official().is_some(), "{source:?}");
            let folder = source.presence(Path::new("")).folder;
            if let Some(collection) = collection {
                assert_eq!(folder.as_deref(), Some(Path::new(collection.folder)));
            }
        }
    }

    #[test]
    fn kept_archives_have_the_names_the_source_looks_for() {
        for source in [Source::Mnist, Source::FashionMnist] {
            let collection = collection(&source).expect("it has official files");
            let files = source.presence(Path::new("")).files.into_iter().map(|(path, _)| path);
            let kept = collection.archives.iter().map(|it| Path::new(collection.folder).join(it.name));
            assert_eq!(files.collect::<Vec<_>>(), kept.collect::<Vec<_>>());
        }
    }

    #[test]
    fn addresses_and_checksums_are_well_formed() {
        for archive in data::sources().iter().filter_map(collection).flat_map(|it| it.archives) {
            let is_digit = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
            assert!(archive.sha256.len() == 64 && archive.sha256.bytes().all(is_digit), "{archive:?}");
            assert!(!archive.served_from.is_empty() && archive.bytes > 0, "{archive:?}");
            let is_folder = |address: &&str| address.starts_with("http") && address.ends_with('/');
            assert!(archive.served_from.iter().all(is_folder), "{archive:?}");
        }
    }
}
