//! The fields of a key text, without knowing the types that wrote it.
//!
//! `ron::Value` would not do: it forgets the names of enum variants, so `Tanh` and `Relu` would be equal.

/// One value of the text; every `&str` is a piece of it, as written.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree<'a> {
    /// A struct, a map, or a variant with named fields.
    Fields(Fields<'a>),
    /// Anything else: a number, a list, `LocalLoss(CrossEntropy)`.
    Whole(&'a str),
}

/// What has named parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Fields<'a> {
    /// What precedes the first field: `(`, `Dfa(`, `Some((`.
    pub head: &'a str,
    pub text: &'a str,
    pub named: Vec<(&'a str, Tree<'a>)>,
}

impl<'a> Tree<'a> {
    /// A text that cannot be read is one value, so that a comparison always has an answer.
    pub fn of(text: &'a str) -> Self {
        let mut reader = Reader { text, at: 0 };
        let tree = reader.value();
        reader.skip_space();
        match tree {
            Some(tree) if reader.at == text.len() => tree,
            _ => Self::Whole(text.trim()),
        }
    }

    pub fn text(&self) -> &'a str {
        match self {
            Self::Fields(fields) => fields.text,
            Self::Whole(text) => text,
        }
    }
}

/// Reads from `at` on; `None` is text that is no RON.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Option<Tree<'a>> {
        self.skip_space();
        let start = self.at;
        self.skip_while(|byte| !b",:()[]{}\"'".contains(&byte) && !byte.is_ascii_whitespace());
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.skip_quoted(quote)?,
            Some(b'(') => return self.group(start, b')'),
            Some(b'{') => return self.group(start, b'}'),
            Some(b'[') => return self.group(start, b']'),
            _ => {}
        }
        (self.at > start).then(|| Tree::Whole(&self.text[start..self.at]))
    }

    fn group(&mut self, start: usize, closer: u8) -> Option<Tree<'a>> {
        self.at += 1;
        let head = &self.text[start..self.at];
        let (mut named, mut unnamed) = (Vec::new(), Vec::new());
        while !self.skip_past(closer) {
            let value = self.value()?;
            if self.skip_past(b':') {
                named.push((value.text().trim_matches('"'), self.value()?));
            } else {
                unnamed.push(value);
            }
            if !self.skip_past(b',') && self.peek() != Some(closer) {
                return None;
            }
        }
        let text = &self.text[start..self.at];
        Some(match unnamed.as_slice() {
            [] if closer != b']' => Tree::Fields(Fields { head, text, named }),
            [Tree::Fields(inner)] if closer == b')' => {
                let inner_start = text.len() - text[head.len()..].trim_start().len();
                let head = &text[..inner_start + inner.head.len()];
                Tree::Fields(Fields { head, text, named: inner.named.clone() })
            }
            _ => Tree::Whole(text),
        })
    }

    fn skip_quoted(&mut self, quote: u8) -> Option<()> {
        self.at += 1;
        while self.peek()? != quote {
            self.at += if self.peek() == Some(b'\\') { 2 } else { 1 };
        }
        self.at += 1;
        Some(())
    }

    fn skip_past(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        self.skip_while(|byte| byte.is_ascii_whitespace());
    }

    fn skip_while(&mut self, condition: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&condition) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, head: &str, names: &[&str]) {
        let Tree::Fields(fields) = Tree::of(text) else { panic!("no fields in {text}") };
        let found: Vec<_> = fields.named.iter().map(|(name, _)| *name).collect();
        assert_eq!((fields.head, fields.text, found.as_slice()), (head, text, names));
    }

    #[test]
    fn structs_maps_and_variants_have_fields() {
        check("()", "(", &[]);
        check("(a: 1, b: [1, 2], c: 'x')", "(", &["a", "b", "c"]);
        check("{\"a b\": \"):,\\\"\", \"c\": ()}", "{", &["a b", "c"]);
        check("Dfa(\n    feedback: Orthogonal,\n)", "Dfa(", &["feedback"]);
        check("Some(Stopping(patience: 3))", "Some(Stopping(", &["patience"]);
    }

    #[test]
    fn everything_else_is_whole() {
        for text in
            ["1e-10", "Tanh", "[1, (a: 2)]", "(1, 2)", "LocalLoss(CrossEntropy)", "\"(a: 1)\"", "'\\''"]
        {
            assert_eq!(Tree::of(text), Tree::Whole(text));
        }
    }

    #[test]
    fn text_that_is_no_ron_is_whole() {
        for text in ["", "(", "(a: 1", "(a: 1))", "\"open", "\"\\", "(a b)", "(:)", "é(", "(a: \"é", "[1,,2]"]
        {
            assert_eq!(Tree::of(text), Tree::Whole(text));
        }
    }
}
