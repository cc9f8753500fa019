//! A first pipeline file: `template.txt`, filled in for a source of images.

use std::path::Path;

use data::{ImageFolder, Source};
use ron::{
    extensions::Extensions,
    ser::{PrettyConfig, to_string_pretty},
};
use serde::Serialize;
use settings::{Algorithm, TargetLoss};

const TEMPLATE: &str = include_str!("template.txt");

/// The rules of a first comparison: the baseline, and one of each kind.
const RULES: [Algorithm; 5] = [
    Algorithm::Backprop,
    Algorithm::FeedbackAlignment,
    Algorithm::Dfa,
    Algorithm::Drtp,
    Algorithm::LocalLoss(TargetLoss::CrossEntropy),
];
/// The number of learning rates in the range of the template; a test counts them.
const RATES: usize = 3;
const SEEDS: usize = 3;

/// With more images than this, ten epochs are enough.
const MANY_IMAGES: usize = 50_000;
/// The side of a user's own pictures, in pixels: they may have any size.
const SIDE: u32 = 64;

/// The values for a new pipeline file.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    pub source: &'a Source,
    /// The name of the pipeline, and of the folder of its results.
    pub name: &'a str,
    /// The path of the file; the header shows the command that runs it.
    pub file: &'a Path,
}

impl Draft<'_> {
    /// Returns the text of the file.
    pub fn text(&self) -> String {
        let Self { source, name, file } = self;
        let rules = RULES.map(|rule| written(&rule)).join(", ");
        let needs_files = !source.presence(Path::new("")).files.is_empty();
        let (hidden, epochs) = network_and_epochs(source);
        let configurations = RULES.len() * RATES;
        let holes = [
            ("dataset", if source.is_own() { "your own images" } else { source.name() }.to_owned()),
            ("file", file.display().to_string()),
            ("data", if needs_files { " --data DIR".into() } else { String::new() }),
            ("summary", format!("{}.", source.describe())),
            ("place", place(source)),
            ("trials", (configurations * SEEDS).to_string()),
            ("configurations", configurations.to_string()),
            ("seeds", SEEDS.to_string()),
            ("name", written(name)),
            ("source_note", note(source).to_owned()),
            ("source", source_text(source)),
            ("rules", format!("[{rules}]")),
            ("hidden", hidden.to_owned()),
            ("epochs", epochs.to_string()),
        ];
        let mut text = TEMPLATE.to_owned();
        for (hole, value) in holes {
            text = text.replace(&format!("{{{hole}}}"), &value);
        }
        text
    }
}

/// Returns the name of a source on the command line: `cifar-10`, `image-folder`.
pub fn slug(source: &Source) -> String {
    let mut slug = String::new();
    let mut after_lowercase = false;
    for letter in source.name().chars() {
        if letter.is_uppercase() && after_lowercase {
            slug.push('-');
        }
        after_lowercase = letter.is_lowercase();
        slug.extend(letter.to_lowercase());
    }
    slug
}

fn network_and_epochs(source: &Source) -> (&'static str, u32) {
    match source.official() {
        Some(official) if official.images > MANY_IMAGES => ("[500, 500]", 10),
        None if !source.is_own() => ("[128, 128]", 10),
        _ => ("[500, 500]", 20),
    }
}

/// Describes the place of the images.
fn place(source: &Source) -> String {
    match source.presence(Path::new("DIR")).folder {
        None => "The images need no files.".into(),
        Some(_) if source.is_own() => {
            "DIR is the folder that the paths below begin at; a path from the root of the file system needs none.".into()
        }
        Some(folder) => format!(
            "They lie in {}: `cargo xtask data fetch {} --data DIR` downloads them.",
            folder.display(),
            slug(source)
        ),
    }
}

fn note(source: &Source) -> &'static str {
    match source {
        Source::ImageFolder(_) => {
            "// A folder per class. Pictures are brought to `size` pixels along each side."
        }
        Source::Idx(_) => "// Without `test: (images: ..., labels: ...)`, a test part is drawn from these.",
        Source::Npz(_) => "// Arrays `x_train` and `y_train`, and if there are `x_test` and `y_test`.",
        _ => "// `cargo xtask data` lists the others, and which of their files are here.",
    }
}

fn source_text(source: &Source) -> String {
    let source = match source {
        Source::ImageFolder(folder) => {
            let size = folder.size.or(Some(SIDE));
            Source::ImageFolder(ImageFolder { size, ..folder.clone() })
        }
        other => other.clone(),
    };
    let text = written(&source);
    text.strip_suffix("()").map_or(text.clone(), str::to_owned)
}

/// Writes a value as in a pipeline file, on one line.
pub(crate) fn written<T: Serialize + ?Sized>(value: &T) -> String {
    let extensions = Extensions::UNWRAP_VARIANT_NEWTYPES | Extensions::IMPLICIT_SOME;
    let config = PrettyConfig::new().depth_limit(0).extensions(extensions);
    let text = to_string_pretty(value, config).expect("settings are plain data");
    // The lines before the last one name the extensions; pipeline files are read with both.
    text.lines().last().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use data::sources;

    use super::*;
    use crate::{pipeline::Pipeline, stage::Stage};

    fn draft(source: &Source) -> String {
        Draft { source, name: "mine", file: Path::new("pipelines/mine.ron") }.text()
    }

    #[track_caller]
    fn parse(text: &str) -> Pipeline {
        Pipeline::parse("mine.ron", text).unwrap_or_else(|problems| panic!("{problems}"))
    }

    #[test]
    fn every_source_gets_a_file_that_is_right_and_holds_what_its_header_says() {
        for source in sources() {
            let text = draft(&source);
            assert!(!text.contains('{') && !text.contains('}'), "a hole is left:\n{text}");
            assert!(text.lines().all(|line| line.len() <= 130), "{text}");
            let pipeline = parse(&text);
            assert_eq!((pipeline.name.as_str(), pipeline.warnings), ("mine", vec![]));
            let [Stage::Dataset(dataset), Stage::Grid(grid), Stage::Train(train), Stage::Summarize(_)] =
                pipeline.stages.as_slice()
            else {
                panic!("{text}")
            };
            let found = &dataset.settings.source;
            assert_eq!((found.name(), found.without_paths().name()), (source.name(), source.name()));
            let header = format!("{} trials: {} conf", train.most_trials(), grid.points.candidates().len());
            assert!(text.contains(&header), "{header}\n{text}");
            let rules = grid.points.candidates().into_iter().map(|configuration| configuration.algorithm);
            assert!(RULES.iter().all(|rule| rules.clone().any(|found| found == *rule)));
        }
    }

    #[test]
    fn options_in_comments_are_right_too() {
        let text = draft(&Source::Cifar10);
        let option = |line: &str| {
            let option = line.trim().strip_prefix("// ")?;
            let (name, _) = option.split_once(": ")?;
            let is_field = name.chars().all(|letter| letter.is_lowercase() || letter == '_');
            (is_field && option.ends_with(',')).then(|| option.to_owned())
        };
        let lines: Vec<String> =
            text.lines().map(|line| option(line).unwrap_or_else(|| line.to_owned())).collect();
        let count = text.lines().filter(|line| option(line).is_some()).count();
        assert_eq!(count, 6, "{text}");
        parse(&lines.join("\n"));
    }

    #[test]
    fn settings_and_paths_are_written_as_pipeline_files_have_them() {
        let text = |source: Source| source_text(&source);
        assert_eq!(text(Source::Glyphs(data::Glyphs::default())), "Glyphs");
        assert_eq!(text(Source::Cifar10), "Cifar10");
        let folder = ImageFolder { path: "my \"best\"".into(), ..ImageFolder::default() };
        assert_eq!(text(Source::ImageFolder(folder)), r#"ImageFolder(path: "my \"best\"", size: 64)"#);
    }

    #[test]
    fn slugs_are_lowercase_words_with_dashes() {
        let slugs: Vec<String> = sources().iter().map(slug).collect();
        insta::assert_snapshot!(slugs.join(" "), @"glyphs mnist fashion-mnist cifar-10 cifar-100 euro-sat caltech-256 image-folder idx npz");
    }

    #[test]
    fn a_whole_file() {
        insta::assert_snapshot!(draft(&Source::Cifar10));
    }
}
