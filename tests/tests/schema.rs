//! `pipelines/schema.md` against the parser: it is current, lacks nothing, invents nothing, and its examples work.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use schema::{Content, Field, Presence, Schema, Settings, Variant};
use spec::{Pipeline, template::Draft};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| Schema::read(&root()).unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn the_page_is_current() {
    let page = fs::read_to_string(root().join("pipelines/schema.md")).unwrap_or_default();
    let is_current = page.trim_end() == schema().markdown();
    assert!(is_current, "renew it: cargo xtask schema > pipelines/schema.md");
}

#[test]
fn the_comments_of_a_first_file_name_only_values_that_there_are() {
    let schema = schema();
    let mut known = BTreeSet::new();
    walk(schema, &mut |place| {
        if let Place::Choice(variants, _) = place {
            known.extend(variants.iter().map(|variant| variant.name.clone()));
        }
    });
    for source in data::sources() {
        let text = Draft { source: &source, name: "first", file: Path::new("first.ron") }.text();
        let comments = text.lines().filter_map(|line| line.trim().strip_prefix("// "));
        let code = comments.flat_map(|comment| comment.split('`').skip(1).step_by(2));
        let words: Vec<&str> =
            code.flat_map(|code| code.split(|letter: char| !letter.is_alphanumeric())).collect();
        // A name has small letters, too; DIR has none.
        let is_value =
            |word: &&&str| word.starts_with(char::is_uppercase) && word.contains(char::is_lowercase);
        let values: Vec<&&str> = words.iter().filter(is_value).collect();
        assert!(values.len() > 10);
        assert!(values.iter().all(|value| known.contains(**value)), "{values:?}");
    }
}

#[test]
fn a_file_of_all_examples_is_right() {
    let schema = schema();
    let stages: Vec<String> = schema.stages().iter().map(|stage| schema.example(stage)).collect();
    let pipeline = parse(&file(&stages)).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(pipeline.stages.len(), schema.stages().len());
    assert!(pipeline.stages.len() >= 4);
}

#[test]
fn the_parser_knows_the_same_fields_and_the_same_values() {
    let mut seen = 0;
    walk(schema(), &mut |place| {
        let (listed, text): (BTreeSet<&str>, String) = match place {
            Place::Fields(fields, fill) => {
                (fields.iter().map(|field| field.name.as_str()).collect(), fill("nonsense: 1"))
            }
            Place::Choice(variants, fill) => {
                (variants.iter().map(|variant| variant.name.as_str()).collect(), fill("Nonsense"))
            }
        };
        let problems = parse(&text).expect_err(&text);
        let (_, known) = problems.split_once("known: ").unwrap_or_else(|| panic!("{text}\n{problems}"));
        let known: BTreeSet<&str> = known.lines().next().expect("a line").split(", ").collect();
        assert_eq!(listed, known, "{text}\n{problems}");
        seen += 1;
    });
    assert!(seen > 40, "only {seen} places were seen");
}

#[test]
fn every_value_of_every_choice_is_right() {
    let schema = schema();
    walk(schema, &mut |place| {
        if let Place::Choice(variants, fill) = place {
            for variant in variants {
                let text = fill(&schema.example(variant));
                assert_eq!(parse(&text).err(), None, "{text}");
            }
        }
    });
}

#[test]
fn a_field_without_default_is_required_and_every_default_is_the_parser_s() {
    walk(schema(), &mut |place| {
        let Place::Fields(fields, fill) = place else { return };
        for field in fields {
            let others = required(fields, &field.name);
            match &field.presence {
                Presence::Required => {
                    let problems = parse(&fill(&others)).expect_err(&field.name);
                    let missing = format!("the field `{}`", field.name);
                    assert!(problems.contains(&missing), "{problems}");
                }
                Presence::Default(default) => {
                    let text = fill(&format!("{others}{}: {default}", field.name));
                    let [left_out, written] =
                        [fill(&others), text].map(|text| format!("{:?}", parse(&text).map(|it| it.stages)));
                    assert_eq!(left_out, written);
                    assert!(written.starts_with("Ok"), "{written}");
                }
                Presence::Optional => {}
            }
        }
    });
}

/// Somewhere in a file, with what makes a file of a text that is put there.
enum Place<'s> {
    /// Between the parentheses of settings.
    Fields(&'s [Field], &'s dyn Fn(&str) -> String),
    /// Where one of these values stands.
    Choice(&'s [Variant], &'s dyn Fn(&str) -> String),
}

/// What is wrong with it, in words.
fn parse(text: &str) -> Result<Pipeline, String> {
    Pipeline::parse("test.ron", text).map_err(|problems| problems.to_string())
}

fn file(stages: &[String]) -> String {
    format!("Pipeline(name: \"test\", stages: [{}])", stages.join(", "))
}

/// The examples of all required fields but the one of this name, each with a comma behind it.
fn required(fields: &[Field], but: &str) -> String {
    let is_needed = |field: &&Field| field.presence == Presence::Required && field.name != but;
    fields.iter().filter(is_needed).map(|field| format!("{}: {}, ", field.name, field.example)).collect()
}

/// Visits every place that a file can have.
fn walk(schema: &Schema, visit: &mut dyn FnMut(Place<'_>)) {
    visit(Place::Fields(schema.file().fields(), &|fields| format!("Pipeline({fields})")));
    visit(Place::Choice(schema.stages(), &|stage| {
        // A kind that is known has to find the stages above that it refers to.
        let above: Vec<String> = schema.stages().iter().map(|stage| schema.example(stage)).collect();
        let kinds_above = above.iter().take_while(|other| *other != stage).cloned();
        file(&kinds_above.chain([stage.to_owned()]).collect::<Vec<_>>())
    }));
    let mut above: Vec<String> = Vec::new();
    for stage in schema.stages() {
        let fill = |fields: &str| file(&[&above[..], &[format!("{}({fields})", stage.name)]].concat());
        walk_fields(schema, schema.fields(stage), &fill, visit);
        above.push(schema.example(stage));
    }
}

fn walk_fields(
    schema: &Schema,
    fields: &[Field],
    fill: &dyn Fn(&str) -> String,
    visit: &mut dyn FnMut(Place<'_>),
) {
    visit(Place::Fields(fields, fill));
    for field in fields {
        let others = required(fields, &field.name);
        let with = |value: &str| fill(&format!("{others}{}: {value}", field.name));
        for section in &field.sections {
            // The parser tells whether the field takes one of them or a list.
            let in_list = |value: &str| with(&format!("[{value}]"));
            if is_place_of(schema, section, &with) {
                walk_section(schema, section, &with, visit);
            } else if is_place_of(schema, section, &in_list) {
                walk_section(schema, section, &in_list, visit);
            } else {
                let is_text =
                    schema.section(section).is_some_and(|it| matches!(it.content, Content::Text(_)));
                assert!(is_text, "`{}` takes no {section}", field.name);
            }
        }
    }
}

/// Does the parser miss a known name there?
fn is_place_of(schema: &Schema, section: &str, fill: &dyn Fn(&str) -> String) -> bool {
    let nonsense = match schema.section(section).map(|section| &section.content) {
        Some(Content::Settings(_)) => "(nonsense: 1)",
        _ => "Nonsense",
    };
    let names = ["`nonsense`", "`Nonsense`"];
    parse(&fill(nonsense))
        .is_err_and(|problems| names.iter().any(|name| problems.contains(&format!(" {name}"))))
}

fn walk_section(
    schema: &Schema,
    name: &str,
    fill: &dyn Fn(&str) -> String,
    visit: &mut dyn FnMut(Place<'_>),
) {
    match &schema.section(name).expect("sections name only sections").content {
        Content::Text(_) => {}
        Content::Settings(fields) => {
            walk_fields(schema, fields, &|fields| fill(&format!("({fields})")), visit);
        }
        Content::Choice(variants) => {
            visit(Place::Choice(variants, fill));
            for variant in variants {
                let behind = |settings: &str| fill(&format!("{}({settings})", variant.name));
                let section = match &variant.settings {
                    Settings::None => continue,
                    Settings::Fields(fields) => {
                        walk_fields(schema, fields, &behind, visit);
                        continue;
                    }
                    Settings::Of(section) => schema.section(section).expect("sections name only sections"),
                };
                match &section.content {
                    Content::Settings(fields) => walk_fields(schema, fields, &behind, visit),
                    _ => walk_section(schema, &section.name, &behind, visit),
                }
            }
        }
    }
}
