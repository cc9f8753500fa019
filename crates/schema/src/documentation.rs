//! What a doc comment says.

use syn::{Attribute, Expr, Lit, Meta};

/// A doc comment: its text, and the labels that it ends in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documentation {
    /// Paragraphs, each in one line.
    pub paragraphs: Vec<String>,
    pub kind: Option<String>,
    pub allowed: Option<String>,
    pub default: Option<String>,
    pub example: Option<String>,
}

const LABELS: [&str; 4] = ["Type: ", "Allowed: ", "Default: ", "Example: "];

impl Documentation {
    pub fn read(attributes: &[Attribute]) -> Self {
        let lines: Vec<String> = attributes.iter().filter_map(line).collect();
        Self::parse(&lines.join("\n"))
    }

    fn parse(text: &str) -> Self {
        let paragraphs = text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>());
        let mut documentation = Self {
            paragraphs: paragraphs.map(|words| words.join(" ")).filter(|text| !text.is_empty()).collect(),
            ..Self::default()
        };
        let last = documentation.paragraphs.pop_if(|last| LABELS.iter().any(|label| last.starts_with(label)));
        for (label, value) in labels(&last.unwrap_or_default()) {
            let place = match label {
                "Type: " => &mut documentation.kind,
                "Allowed: " => &mut documentation.allowed,
                "Default: " => &mut documentation.default,
                _ => &mut documentation.example,
            };
            *place = Some(value);
        }
        documentation
    }

    /// In one line.
    pub fn text(&self) -> String {
        self.paragraphs.join(" ")
    }
}

fn line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(value) = &attribute.meta else { return None };
    match &value.value {
        Expr::Lit(literal) if value.path.is_ident("doc") => match &literal.lit {
            Lit::Str(text) => {
                let text = text.value();
                Some(text.strip_prefix(' ').unwrap_or(&text).to_owned())
            }
            _ => None,
        },
        _ => None,
    }
}

/// Each label with what follows it, up to the next one.
fn labels(paragraph: &str) -> Vec<(&'static str, String)> {
    let place = |label: &'static str| {
        let later = || paragraph.find(&format!(". {label}")).map(|at| at + 2);
        let at = if paragraph.starts_with(label) { Some(0) } else { later() };
        at.map(|at| (at, label))
    };
    let mut places: Vec<(usize, &'static str)> = LABELS.into_iter().filter_map(place).collect();
    places.sort_unstable();
    let ends = places.iter().skip(1).map(|(at, _)| *at).chain([paragraph.len()]);
    let value = |((at, label), end): (&(usize, &'static str), usize)| {
        let text = paragraph[at + label.len()..end].trim();
        (*label, text.strip_suffix('.').unwrap_or(text).to_owned())
    };
    places.iter().zip(ends).map(value).collect()
}

/// What stands between the backticks that `text` is made of.
pub fn code(text: &str) -> Option<&str> {
    text.strip_prefix('`')?.strip_suffix('`').filter(|code| !code.contains('`'))
}

/// The paths in links like ``[`Source`]``, and the text with each link replaced by what `shown` makes of its path.
pub fn with_links(text: &str, mut shown: impl FnMut(&str) -> String) -> String {
    let mut rest = text;
    let mut replaced = String::new();
    while let Some((before, after)) = rest.split_once("[`") {
        let Some((path, after)) = after.split_once("`]") else { break };
        replaced.push_str(before);
        replaced.push_str(&shown(path));
        // [`text`](target): the target is of no use outside the code.
        rest = match after.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((_, after)) => after,
            None => after,
        };
    }
    replaced + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_end_a_doc_comment() {
        let text = "Which images.\nAll of them.\n\nMore. Default: none of it.\n\nType: a [`Source`], or 3. Default: \
                    `0.5`. Example: `(a: \"b. c\")`.";
        let documentation = Documentation::parse(text);
        assert_eq!(documentation.text(), "Which images. All of them. More. Default: none of it.");
        assert_eq!(documentation.kind.as_deref(), Some("a [`Source`], or 3"));
        assert_eq!(documentation.allowed, None);
        assert_eq!(documentation.default.as_deref().and_then(code), Some("0.5"));
        assert_eq!(documentation.example.as_deref().and_then(code), Some("(a: \"b. c\")"));
    }

    #[test]
    fn links_are_replaced() {
        let shown = |path: &str| format!("<{path}>");
        assert_eq!(with_links("a [`B::C`] or [`d`](super::d), [e]", shown), "a <B::C> or <d>, [e]");
    }
}
