//! Text for the page.

/// Replaces each character that a browser, or a strict parser of XML, would read as markup or refuse.
pub fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => result.push_str("&amp;"),
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            '"' => result.push_str("&quot;"),
            '\'' => result.push_str("&#39;"),
            '\n' | '\t' => result.push(character),
            '\r' => {}
            // A parser of XML refuses these, escaped or not.
            '\u{fffe}' | '\u{ffff}' => result.push('\u{fffd}'),
            other if other.is_control() => result.push('\u{fffd}'),
            other => result.push(other),
        }
    }
    result
}

/// Returns `3 seeds`, `1 seed`.
pub fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", crate::number::whole(count))
}

/// Returns `a`, `a and b`, `a, b and c`.
pub fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_shown_and_not_obeyed() {
        assert_eq!(escaped("<b a=\"1\" b='2'>&"), "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;");
        assert_eq!(escaped("\u{1b}[1m\r\n"), "\u{fffd}[1m\n");
    }

    #[test]
    fn lists_read_as_sentences() {
        let items = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(
            [listed(&items[..1]), listed(&items[..2]), listed(&items)],
            ["a", "a and b", "a, b and c"]
        );
        assert_eq!([counted(1, "seed"), counted(12_000, "trial")], ["1 seed", "12,000 trials"]);
    }
}
