//! The schema as a page of Markdown.

use crate::{Content, Field, Presence, Schema, Section, Settings, Variant};

const INTRODUCTION: &str = "\
# What a pipeline file may hold

<!-- Made by `cargo xtask schema > pipelines/schema.md` from the types that read pipeline files and their doc comments.
     A test holds it against the parser. -->

A pipeline file says what is to be compared: which images, which learning rules, how they train, which table comes out.
`cargo xtask init NAME` writes one to begin with, `cargo xtask plan FILE` says what it asks for and what of that is done
already, `cargo xtask run FILE` does the rest.

- The file is one `Pipeline(...)` in RON: `field: value` in parentheses, lists in brackets, texts in quotes, choices by
  their bare names; a comment begins with `//`, and a comma may follow the last value.
- A stage has a name, and refers by name to stages above it, never to one below.
- A field with a default may be left out, which says the same as the default itself: equal work has one name in the store.
- Every random number follows from a seed in the file: the same file gives the same numbers on the same kind of processor.
- What is not listed here is refused, with line, column and the nearest name that is known.
";

/// Longest line of an example.
const LONGEST: usize = 100;

pub fn markdown(schema: &Schema) -> String {
    let stages: Vec<(&Variant, &Section)> =
        schema.stages().iter().filter_map(|stage| Some((stage, of(schema, stage)?))).collect();
    let is_value = |section: &&Section| {
        let is_stage = stages.iter().any(|(_, stage)| stage.name == section.name);
        !is_stage && section.name != schema.file().name && !is_list_of_stages(schema, section)
    };
    let values: Vec<&Section> = schema.sections.iter().filter(is_value).collect();
    let mut page = vec![
        INTRODUCTION.trim_end().to_owned(),
        format!("## Contents\n\n{}", contents(schema, &stages)),
        format!("## {}", schema.file().name),
    ];
    page.extend(body(schema, schema.file()));
    page.push("## Stages".into());
    for (stage, section) in &stages {
        page.push(format!("### {}", stage.name));
        page.push(stage.meaning.clone());
        page.push(table(schema, section.fields()));
        page.push(format!("With every field:\n\n```ron\n{}\n```", broken(&schema.example(stage), 0)));
    }
    page.push("## Values".into());
    for section in values {
        page.push(format!("### {}", section.name));
        page.extend(body(schema, section));
    }
    page.join("\n\n")
}

/// The file and its stages, each with the values that it is the first to need.
fn contents(schema: &Schema, stages: &[(&Variant, &Section)]) -> String {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for section in schema.sections.iter().filter(|section| !is_list_of_stages(schema, section)) {
        let is_stage = stages.iter().any(|(_, stage)| stage.name == section.name);
        match lines.last_mut() {
            Some((_, values)) if !is_stage => values.push(link(&section.name)),
            _ => lines.push((link(&section.name), Vec::new())),
        }
    }
    let line = |(section, values): (String, Vec<String>)| match values.as_slice() {
        [] => format!("- {section}"),
        values => format!("- {section}: {}", values.join(", ")),
    };
    lines.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

fn link(name: &str) -> String {
    format!("[{name}](#{})", name.to_lowercase())
}

/// The section of a variant's settings.
fn of<'s>(schema: &'s Schema, variant: &Variant) -> Option<&'s Section> {
    match &variant.settings {
        Settings::Of(name) => schema.section(name),
        Settings::None | Settings::Fields(_) => None,
    }
}

fn is_list_of_stages(schema: &Schema, section: &Section) -> bool {
    matches!(&section.content, Content::Choice(variants) if std::ptr::eq(variants.as_slice(), schema.stages()))
}

/// What stands below a section's heading.
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
        Content::Text(forms) if forms.is_empty() => {}
        Content::Text(forms) => {
            let list: Vec<String> = forms.iter().map(|form| format!("- {form}")).collect();
            parts.push(list.join("\n"));
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn choices(schema: &Schema, variants: &[Variant]) -> String {
    let rows = variants.iter().map(|variant| {
        let settings = match &variant.settings {
            Settings::Of(name) => format!(" Settings: {}.", link(name)),
            Settings::None | Settings::Fields(_) => String::new(),
        };
        vec![format!("`{}`", schema.example(variant)), format!("{}{settings}", variant.meaning)]
    });
    rows_under(&["value, with every setting", "meaning"], rows)
}

fn table(schema: &Schema, fields: &[Field]) -> String {
    let stages = schema.stages();
    let rows = fields.iter().map(|field| {
        let default = match &field.presence {
            Presence::Required => "required".into(),
            Presence::Optional => "none".into(),
            Presence::Default(value) => format!("`{value}`"),
        };
        // Stages have no section in common: each has its own.
        let leads_to_stages = |name: &String| {
            let section = schema.section(name);
            section.is_some_and(|it| !stages.is_empty() && is_list_of_stages(schema, it))
        };
        let kind = match field.sections.iter().find(|name| leads_to_stages(name)) {
            Some(name) => {
                field.kind.replace(&format!("(#{})", name.to_lowercase()), "(#stages)").replace('`', "")
            }
            None => field.kind.clone(),
        };
        vec![format!("`{}`", field.name), kind, default, field.meaning.clone()]
    });
    rows_under(&["field", "type", "default", "meaning"], rows)
}

fn rows_under(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | ").replace('\n', " "));
    let escaped = |cells: Vec<String>| cells.into_iter().map(|cell| cell.replace('|', "\\|")).collect();
    let head_line = line(head.iter().map(|&cell| cell.to_owned()).collect());
    let rule = format!("|{}", "---|".repeat(head.len()));
    let rows = rows.map(escaped).map(line);
    [head_line, rule].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// A value on one line, or, where that is long, with a line for each of its parts.
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

/// What commas outside of brackets and quotes separate.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_broken_where_commas_are_their_own() {
        let long =
            format!("Train(name: \"a, (b\", axes: (of: [{}], to: 1), of: [[1, 2]])", ["Dfa"; 24].join(", "));
        let lines = broken(&long, 0);
        assert_eq!(lines.lines().count(), 9 + 24, "{lines}");
        assert!(lines.starts_with("Train(\n    name: \"a, (b\",\n    axes: (\n        of: [\n"), "{lines}");
        assert!(lines.ends_with("        to: 1,\n    ),\n    of: [[1, 2]],\n)"), "{lines}");
    }
}
