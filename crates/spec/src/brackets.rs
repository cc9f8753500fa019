//! Brackets that are still open at a place in RON text, for messages about brackets and commas.

/// The tokens before a place in a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Before {
    /// The offsets of the brackets that are open, the innermost last.
    pub open: Vec<usize>,
    /// The offset behind the last token.
    pub end: usize,
    /// The offset behind the token before it, if the last one is a comma.
    pub end_without_comma: usize,
}

impl Before {
    /// Reads `text` up to the offset `until`. Comments, strings and characters hold no brackets.
    pub fn of(text: &str, until: usize) -> Self {
        let mut before = Self::default();
        let mut at = 0;
        while at < until {
            let rest = &text[at..];
            let length = token_length(rest);
            let is_blank =
                rest.starts_with(char::is_whitespace) || rest.starts_with("//") || rest.starts_with("/*");
            if !is_blank {
                match rest.as_bytes()[0] {
                    b'(' | b'[' | b'{' => before.open.push(at),
                    b')' | b']' | b'}' => drop(before.open.pop()),
                    _ => {}
                }
                before.end_without_comma = if rest.starts_with(',') { before.end } else { at + length };
                before.end = at + length;
            }
            at += length;
        }
        before
    }
}

/// Returns the bytes of the blank, comment, string, word or sign that `text` begins with.
fn token_length(text: &str) -> usize {
    let found = |end: Option<usize>| end.unwrap_or(text.len());
    if text.starts_with("//") {
        return found(text.find('\n'));
    }
    if text.starts_with("/*") {
        return comment_length(text);
    }
    let hashes = text.trim_start_matches(['b', 'r']).bytes().take_while(|byte| *byte == b'#').count();
    let prefix = text.len() - text.trim_start_matches(['b', 'r']).len();
    if (1..=2).contains(&prefix) && text[..prefix].contains('r') && text[prefix + hashes..].starts_with('"') {
        let (start, end) = (prefix + hashes + 1, format!("\"{}", "#".repeat(hashes)));
        return found(text[start..].find(&end).map(|length| start + length + end.len()));
    }
    if let Some(string) = text.strip_prefix('"') {
        let mut escaped = false;
        let end = string.find(|letter| {
            let ends = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            ends
        });
        return found(end.map(|length| length + 2));
    }
    if let Some(character) = text.strip_prefix('\'') {
        let skipped = if character.starts_with('\\') { 2 } else { 1 };
        let end = character.char_indices().skip(skipped).find(|(_, letter)| *letter == '\'');
        return found(end.map(|(length, _)| length + 2));
    }
    let is_word = |letter: char| letter.is_alphanumeric() || "_.+-".contains(letter);
    let word = text.find(|letter| !is_word(letter)).unwrap_or(text.len());
    if word > 0 { word } else { text.chars().next().map_or(1, char::len_utf8) }
}

/// Returns the bytes of a comment, which may hold others.
fn comment_length(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, open: &[usize], last: &str) {
        let before = Before::of(text, text.len());
        assert_eq!(before.open, open);
        assert!(text[..before.end].ends_with(last), "{:?}", &text[..before.end]);
    }

    #[test]
    fn open_brackets_are_found_outside_of_comments_and_strings() {
        check("A(b: [1, (2)], c: [", &[1, 18], "[");
        check(r##"A(/* ( /* [ */ */ b: "(\"(", c: r#"("("#, d: '(', e: '\'' // ("##, &[1], r"'\''");
        check("A(b: 1),  // (\n", &[], ",");
        check("A(\"never closed (", &[1], "(");
        check("\u{e4}(\u{e4}: 1,  ", &[2], ",");
    }

    #[test]
    fn a_comma_can_be_left_out() {
        let before = Before::of("A(b: 1) , ", 10);
        assert_eq!((before.end_without_comma, before.end), (7, 9));
    }
}
