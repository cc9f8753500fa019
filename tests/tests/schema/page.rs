//! The schema as a page of Markdown.

use crate::{
    attributes::with_links,
    sections::{Content, Field, Presence, Schema, Section, Settings, Variant},
};

const INTRODUCTION: &str = "\
# What a pipeline file may hold

<!-- Made by `UPDATE_SCHEMA=1 cargo test -p tests --test schema` from the types that read pipeline files and their doc comments.
     A test holds it against the parser. -->

A pipeline file says what is to be compared: which images, which learning rules, how they train, which table comes out.
`cargo xtask init NAME` writes one to begin with, `cargo xtask plan FILE` says what it asks for and what of that is done
already, `cargo xtask run FILE` does the rest.

- The file is one `Pipeline(...)` in RON: `field: value` in parentheses, lists in brackets, texts in quotes, choices by
  their bare names; a comment begins with `//`, and a comma may follow the last value.
- A stage has a name, and refers by name to stages above it, never to one below.
- A field with a default may be left out, which says the same as the default itself: equal work has one name in the store.
- Every random number follows from a seed in the file: the same file gives the same numbers on every CPU.
- What is not listed here is refused, with line, column and the nearest name that is known.
";

/// The length of the longest line of an example.
const LONGEST: usize = 100;

pub fn markdown(schema: &Schema) -> String {
    let mut page = vec![
        INTRODUCTION.trim_end().to_owned(),
        format!("## Contents\n\n{}", contents(schema)),
        format!("## {}", schema.file().name),
    ];
    page.extend(body(schema, schema.file()));
    page.push("## Stages".into());
    for stage in schema.stages() {
        page.push(format!("### {}", stage.name));
        page.push(stage.meaning.clone());
        page.push(table(schema, schema.fields(stage)));
        page.push(format!("With every field:\n\n```ron\n{}\n```", broken(&schema.example(stage), 0)));
    }
    page.push("## Values".into());
    for section in schema.0.iter().skip(1).filter(|section| is_value(schema, section)) {
        page.push(format!("### {}", section.name));
        page.extend(body(schema, section));
    }
    with_links(&page.join("\n\n"), |path| linked(schema, path))
}

/// Returns a link to the section of the type or variant `path`, or its name where there is none.
fn linked(schema: &Schema, path: &str) -> String {
    let section =
        |segment: &str| schema.0.iter().find(|section| section.ident == segment || section.name == segment);
    let mut segments = path.rsplit("::");
    let name = segments.next().unwrap_or(path);
    if let Some(section) = section(name) {
        return link(&format!("`{}`", section.name), &section.name);
    }
    match segments.next().and_then(section) {
        Some(section) => link(&format!("`{name}`"), &section.name),
        None => format!("`{name}`"),
    }
}

fn link(text: &str, section: &str) -> String {
    format!("[{text}](#{})", section.to_lowercase())
}

/// Returns whether the section is neither a stage nor the list of stages.
fn is_value(schema: &Schema, section: &Section) -> bool {
    !is_stage(schema, section) && section.name != schema.stage_list().name
}

fn is_stage(schema: &Schema, section: &Section) -> bool {
    schema
        .stages()
        .iter()
        .any(|stage| matches!(&stage.settings, Settings::Section(name) if *name == section.name))
}

/// Lists the file and its stages, each with the values that it is the first to need.
fn contents(schema: &Schema) -> String {
    let mut lines: Vec<Vec<String>> = Vec::new();
    for section in schema.0.iter().filter(|section| section.name != schema.stage_list().name) {
        let entry = link(&section.name, &section.name);
        match lines.last_mut() {
            Some(line) if !is_stage(schema, section) => line.push(entry),
            _ => lines.push(vec![entry]),
        }
    }
    let lines = lines.iter().map(|line| format!("- {}", line.join(", ").replacen("), ", "): ", 1)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the text below a section's heading.
fn body(schema: &Schema, section: &Section) -> Vec<String> {
    let mut parts = vec![section.meaning.clone()];
    match &section.content {
        Content::Settings(fields) => parts.push(table(schema, fields)),
        Content::Choice(variants) => {
            parts.push(choices(schema, variants));
            for variant in variants {
                if let Settings::Fields(fields) = &variant.settings {
                    parts.push(format!("Settings of `{}`:", variant.name));
                    parts.push(table(schema, fields));
                }
            }
        }
        Content::Text(forms) => {
            parts.push(forms.iter().map(|form| format!("- {form}")).collect::<Vec<_>>().join("\n"));
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn choices(schema: &Schema, variants: &[Variant]) -> String {
    let rows = variants.iter().map(|variant| {
        let settings = match &variant.settings {
            Settings::Section(name) => format!(" Settings: {}.", link(name, name)),
            Settings::Value { kind, .. } => format!(" Setting: {kind}."),
            Settings::None | Settings::Fields(_) => String::new(),
        };
        [format!("`{}`", schema.example(variant)), format!("{}{settings}", variant.meaning)]
    });
    rows_under(["value, with every setting", "meaning"], rows)
}

fn table(schema: &Schema, fields: &[Field]) -> String {
    let rows = fields.iter().map(|field| {
        let default = match &field.presence {
            Presence::Required => "required".into(),
            Presence::RequiredUnless(condition) => format!("required, {condition}"),
            Presence::Optional => "none".into(),
            Presence::Default(value) => format!("`{value}`"),
        };
        // Stages have no section in common: each has its own.
        let stage = &schema.stage_list().name;
        let kind = field.kind.replace(&format!("[`{stage}`]"), &format!("[{stage}](#stages)"));
        [format!("`{}`", field.name), kind, default, field.meaning.clone()]
    });
    rows_under(["field", "type", "default", "meaning"], rows)
}

fn rows_under<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows = rows.map(|cells| cells.map(|cell| cell.replace('|', "\\|").replace('\n', " ")).join(" | "));
    let lines = rows.map(|row| format!("\n| {row} |"));
    format!("| {} |\n|{}{}", head.join(" | "), "---|".repeat(N), lines.collect::<String>())
}

/// Writes a value on one line, or a long one with a line for each of its parts.
fn broken(value: &str, indent: usize) -> String {
    let too_long = indent + value.len() > LONGEST || indent == 0;
    let opens = value.find(['(', '[', '"']).filter(|&at| too_long && !value[at..].starts_with('"'));
    let Some(open) = opens else { return value.to_owned() };
    let (head, inside) = (&value[..=open], &value[open + 1..value.len() - 1]);
    let inner = " ".repeat(indent + 4);
    let lines = parts(inside).into_iter().map(|part| {
        let part = part.trim();
        match part.split_once(": ").filter(|(name, _)| name.chars().all(|c| c.is_alphanumeric() || c == '_'))
        {
            Some((name, value)) => format!("{inner}{name}: {},\n", broken(value, indent + 4)),
            None => format!("{inner}{},\n", broken(part, indent + 4)),
        }
    });
    format!("{head}\n{}{}{}", lines.collect::<String>(), " ".repeat(indent), &value[value.len() - 1..])
}

/// Splits a text at the commas outside of brackets and quotes.
fn parts(text: &str) -> Vec<&str> {
    let (mut depth, mut is_quoted, mut start) = (0_usize, false, 0);
    let mut parts = Vec::new();
    for (at, character) in text.char_indices() {
        match character {
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}
