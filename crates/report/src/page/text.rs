//! Text for the page.

use std::borrow::Cow;

/// Replaces each character that a browser, or a strict parser of XML, would read as markup or refuse.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if text.chars().all(|character| replacement(character).is_none()) {
        return Cow::Borrowed(text);
    }
    let mut result = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match replacement(character) {
            Some(harmless) => result.push_str(harmless),
            None => result.push(character),
        }
    }
    Cow::Owned(result)
}

fn replacement(character: char) -> Option<&'static str> {
    match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        '\n' | '\t' => None,
        '\r' => Some(""),
        // A parser of XML refuses these, escaped or not.
        '\u{fffe}' | '\u{ffff}' => Some("\u{fffd}"),
        other if other.is_control() => Some("\u{fffd}"),
        _ => None,
    }
}

/// Returns at most that many characters, the last one an ellipsis if some are left out.
pub fn shortened(text: &str, characters: usize) -> Cow<'_, str> {
    if text.chars().count() <= characters {
        return Cow::Borrowed(text);
    }
    let kept: String = text.chars().take(characters.saturating_sub(1)).collect();
    Cow::Owned(format!("{}…", kept.trim_end()))
}

/// Returns `3 seeds`, `1 seed`.
pub fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", super::number::whole(count))
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
        assert!(matches!(escaped("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn long_text_ends_in_an_ellipsis() {
        assert_eq!(shortened("backprop", 8), "backprop");
        assert_eq!(shortened("backprop 2x500", 10), "backprop…");
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
