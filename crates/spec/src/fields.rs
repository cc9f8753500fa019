//! The fields of a struct in RON text. Comments, and brackets in strings, never count.

use std::iter;

/// The fields of one struct.
pub(crate) struct Fields<'a> {
    /// The text after the opening bracket.
    pub inside: &'a str,
    /// Names and values in their order, without the comments around them.
    named: Vec<(&'a str, &'a str)>,
}

impl<'a> Fields<'a> {
    /// Reads the struct that `text` begins with, with or without its name; `None` where there is no bracket.
    pub fn of(text: &'a str) -> Option<Self> {
        let mut tokens = tokens(text);
        let (open, _) = tokens.find(|(_, token)| *token == "(")?;
        let mut depth = 0_usize;
        let mut field: Vec<(usize, &str)> = Vec::new();
        let mut named = Vec::new();
        for (start, token) in tokens {
            match token {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" if depth == 0 => break,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 && token == "," {
                named.extend(name_and_value(text, &field));
                field.clear();
            } else {
                field.push((start, token));
            }
        }
        named.extend(name_and_value(text, &field));
        Some(Self { inside: &text[open + 1..], named })
    }

    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.named.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// Reads `name: value` from tokens of `text`.
fn name_and_value<'a>(text: &'a str, tokens: &[(usize, &'a str)]) -> Option<(&'a str, &'a str)> {
    let [(_, name), (_, ":"), value @ ..] = tokens else { return None };
    let ((start, _), (last, token)) = (value.first()?, value.last()?);
    Some((name.trim_start_matches("r#"), &text[*start..last + token.len()]))
}

/// Returns strings, brackets, commas, colons and words, each with the offset of its first byte.
fn tokens(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = text;
    iter::from_fn(move || {
        let token = skip_comments(rest);
        let (token, after) = token.split_at(token_length(token)?);
        let start = text.len() - after.len() - token.len();
        rest = after;
        Some((start, token))
    })
}

/// Returns the rest of `text` after the spaces and comments that it begins with.
pub(crate) fn skip_comments(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        let length = match text.get(..2) {
            Some("//") => text.find('\n').unwrap_or(text.len()),
            Some("/*") => block_comment_length(text),
            _ => return text,
        };
        text = &text[length..];
    }
}

/// Returns the length of the comment that `text` begins with; comments nest.
fn block_comment_length(text: &str) -> usize {
    let mut depth = 0;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let (change, length) = match rest.get(..2) {
            Some("/*") => (1, 2),
            Some("*/") => (-1, 2),
            _ => (0, character.len_utf8()),
        };
        depth += change;
        rest = &rest[length..];
        if depth == 0 {
            break;
        }
    }
    text.len() - rest.len()
}

/// Returns the length of the token that `text` begins with; `None` at the end.
fn token_length(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    if first == '"' || first == '\'' {
        return Some(quoted_length(text, first));
    }
    let is_end = |c: char| c.is_whitespace() || "()[]{},:\"'/".contains(c);
    let word_length = text.find(is_end).unwrap_or(text.len());
    // A bracket, a comma and a colon are tokens of their own.
    Some(raw_string_length(text).unwrap_or(word_length.max(1)))
}

fn quoted_length(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        if character == quote && !is_escaped {
            return index + 1;
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    text.len()
}

/// Returns the length of a string such as `r#"..."#`; `None` if `text` begins with something else.
fn raw_string_length(text: &str) -> Option<usize> {
    let after_r = text.strip_prefix('b').unwrap_or(text).strip_prefix('r')?;
    let after_hashes = after_r.trim_start_matches('#');
    let content = after_hashes.strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(after_r.len() - after_hashes.len()));
    let end = content.find(&closing).map_or(content.len(), |end| end + closing.len());
    Some(text.len() - content.len() + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let fields = Fields::of(text).expect("there is a bracket");
        assert_eq!(fields.named, expected);
        assert!(text.contains(&format!("({}", fields.inside)));
    }

    #[test]
    fn fields_are_found_at_the_first_level_of_brackets_only() {
        check("Train(axes: (grid: 1), grid: [2, (3)],)", &[("axes", "(grid: 1)"), ("grid", "[2, (3)]")]);
        check("(a: Some((b: 1)), c: Dfa (d: 2))", &[("a", "Some((b: 1))"), ("c", "Dfa (d: 2)")]);
        check("()", &[]);
        assert!(Fields::of("Dataset").is_none());
    }

    #[test]
    fn comments_never_count() {
        check("Dataset /* (a: 1) */ (b: 2)", &[("b", "2")]);
        check("( // a: 1)\n  b /* c: */ : /* d */ 2 /* e, */, f: 3 // )\n)", &[("b", "2"), ("f", "3")]);
        check("(/* a: 1, /* b: 2, */ c: 3, */ d: 4)", &[("d", "4")]);
        check("(a: 1/* b */, /**/ c: 2/", &[("a", "1"), ("c", "2/")]);
    }

    #[test]
    fn strings_and_characters_are_single_tokens() {
        check(
            r#"(a: "): \" /* b: 1", c: 'x', d: '\'', e: 2)"#,
            &[("a", r#""): \" /* b: 1""#), ("c", "'x'"), ("d", r"'\''"), ("e", "2")],
        );
        check(
            r###"(a: r#"" ), "#, b: br"\", r#c: 1)"###,
            &[("a", r###"r#"" ), "#"###), ("b", r#"br"\""#), ("c", "1")],
        );
        check("(a: \"é(", &[("a", "\"é(")]);
    }
}
