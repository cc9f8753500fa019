//! `pipelines/schema.md` is made here from the types that read pipeline files, and held against the parser: it is up to date, lacks
//! nothing, invents nothing, and its examples can be parsed.
//!
//! `UPDATE_SCHEMA=1 cargo test -p tests --test schema` writes it, and `docs/rules.md`, the page of the learning rules.

mod attributes;
mod axes;
mod defaults;
mod page;
mod reader;
mod rules;
mod sections;
mod sources;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use sections::{Content, Field, Presence, Schema, Settings, Variant};
use spec::{Pipeline, Stage, template::Draft};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| Schema::read(&root()))
}

#[track_caller]
fn check_page(path: &str, page: &str) {
    let path = root().join(path);
    if env::var_os("UPDATE_SCHEMA").is_some_and(|value| value == "1") {
        fs::write(&path, page).expect("the page can be written");
    }
    let is_current = fs::read_to_string(&path).unwrap_or_default() == page;
    assert!(is_current, "update it: UPDATE_SCHEMA=1 cargo test -p tests --test schema");
}

#[test]
fn the_page_is_up_to_date() {
    check_page("pipelines/schema.md", &(schema().markdown() + "\n"));
}

#[test]
fn the_page_of_rules_is_up_to_date() {
    check_page("docs/rules.md", &rules::page(&root()));
}

#[test]
fn the_comments_of_a_new_file_name_only_known_values() {
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
        // `DIR` is no value: it has no lowercase letter.
        let is_value =
            |word: &&&str| word.starts_with(char::is_uppercase) && word.contains(char::is_lowercase);
        let values: Vec<&&str> = words.iter().filter(is_value).collect();
        assert!(values.len() > 10);
        assert!(values.iter().all(|value| known.contains(**value)), "{values:?}");
    }
}

#[test]
fn a_file_of_all_examples_can_be_parsed() {
    let schema = schema();
    let stages: Vec<String> = schema.stages().iter().map(|stage| schema.example(stage)).collect();
    let pipeline = parse(&file(&stages)).unwrap_or_else(|problems| panic!("{problems}"));
    let is_rung = |stage: &&Stage| stage.name().contains("-rung-");
    assert_eq!(pipeline.stages.iter().filter(|stage| !is_rung(stage)).count(), schema.stages().len());
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
fn every_value_of_every_choice_can_be_parsed() {
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
                Presence::Required | Presence::RequiredUnless(_) => {
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

/// A place in a file, with a function that returns the file with a given text in this place.
enum Place<'s> {
    /// The inside of the parentheses of settings.
    Fields(&'s [Field], &'s dyn Fn(&str) -> String),
    /// The place of one of these values.
    Choice(&'s [Variant], &'s dyn Fn(&str) -> String),
}

fn parse(text: &str) -> Result<Pipeline, String> {
    Pipeline::parse("test.ron", text).map_err(|problems| problems.to_string())
}

fn file(stages: &[String]) -> String {
    format!("Pipeline(name: \"test\", stages: [{}])", stages.join(", "))
}

/// Returns the examples of all required fields but `but`, each with a comma after it.
fn required(fields: &[Field], but: &str) -> String {
    let is_needed = |field: &&Field| {
        let is_required = matches!(field.presence, Presence::Required | Presence::RequiredUnless(_));
        is_required && field.name != but
    };
    fields.iter().filter(is_needed).map(|field| format!("{}: {}, ", field.name, field.example)).collect()
}

/// Visits every place of a file.
fn walk(schema: &Schema, visit: &mut dyn FnMut(Place<'_>)) {
    visit(Place::Fields(schema.file().fields(), &|fields| format!("Pipeline({fields})")));
    visit(Place::Choice(schema.stages(), &|stage| {
        // A stage refers to stages above it.
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
                let is_text = matches!(schema.section(section).content, Content::Text(_));
                assert!(is_text, "`{}` takes no {section}", field.name);
            }
        }
    }
}

/// Returns whether the parser reports an unknown name in the place.
fn is_place_of(schema: &Schema, section: &str, fill: &dyn Fn(&str) -> String) -> bool {
    let nonsense = match schema.section(section).content {
        Content::Settings(_) => "(nonsense: 1)",
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
    match &schema.section(name).content {
        Content::Text(_) => {}
        Content::Settings(fields) => {
            walk_fields(schema, fields, &|fields| fill(&format!("({fields})")), visit);
        }
        Content::Choice(variants) => {
            visit(Place::Choice(variants, fill));
            for variant in variants {
                let behind = |settings: &str| fill(&format!("{}({settings})", variant.name));
                let section = match &variant.settings {
                    Settings::None | Settings::Value { .. } => continue,
                    Settings::Fields(fields) => {
                        walk_fields(schema, fields, &behind, visit);
                        continue;
                    }
                    Settings::Section(section) => schema.section(section),
                };
                match &section.content {
                    Content::Settings(fields) => walk_fields(schema, fields, &behind, visit),
                    _ => walk_section(schema, &section.name, &behind, visit),
                }
            }
        }
    }
}
