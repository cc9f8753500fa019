//! From the types in the code to sections: what is written, not how it is held.

use syn::{Attribute, Field as CodeField, Fields, GenericArgument, PathArguments, Type};

use crate::{
    Content, Error, Field, Presence, Section, Settings, Variant,
    code::{Body, Code, Declaration, only_type},
    documentation::{self, Documentation, with_links},
    in_parentheses,
    serde_attributes::{SerdeAttributes, SerdeDefault},
    value::{self, TooHard, Written},
};

/// What error messages and the file itself call the outermost type.
const FILE: &str = "Pipeline";

/// The file's section, and those of all types that are reached from it, each after the first that needs it.
pub fn sections(code: &Code) -> Result<Vec<Section>, Error> {
    let is_file = |declaration: &Declaration<'_>| {
        SerdeAttributes::read(declaration.attributes()).is_ok_and(|it| it.rename.as_deref() == Some(FILE))
    };
    let Some(file) = code.read_types().find(is_file) else {
        let message = format!("no type is read as `{FILE}`");
        return Err(Error::Unclear { place: "crates".into(), message });
    };
    let mut reader = Reader { code, known: Vec::new() };
    reader.section(file, Form::Written)?;
    Ok(reader.finish())
}

/// How a type is to be seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As serde reads it.
    Written,
    /// As a part of a text that is made from it.
    PartOfText,
}

struct Reader<'c> {
    code: &'c Code,
    known: Vec<Known<'c>>,
}

/// A type that was reached; its section is absent as long as its own parts are read.
struct Known<'c> {
    declaration: Declaration<'c>,
    name: String,
    section: Option<Section>,
}

/// What a value is.
struct Kind {
    words: String,
    sections: Vec<String>,
    example: Option<String>,
}

impl Kind {
    fn plain(words: &str, example: &str) -> Self {
        Self { words: words.into(), sections: Vec::new(), example: Some(example.into()) }
    }
}

fn link(text: &str, name: &str) -> String {
    format!("[`{text}`](#{})", name.to_lowercase())
}

impl<'c> Reader<'c> {
    /// Links in what was read lead to sections where there are some.
    fn finish(self) -> Vec<Section> {
        let idents: Vec<(String, String)> =
            self.known.iter().map(|known| (known.declaration.ident(), known.name.clone())).collect();
        let linked = |text: &mut String| {
            *text = with_links(text, |path| {
                let mut segments = path.rsplit("::");
                let last = segments.next().unwrap_or(path);
                let name_of = |segment: &str| idents.iter().find(|(ident, _)| ident == segment);
                match (name_of(last), segments.next().and_then(name_of)) {
                    (Some((_, name)), _) => link(name, name),
                    (None, Some((_, name))) => link(last, name),
                    (None, None) => format!("`{last}`"),
                }
            });
        };
        let fields = |fields: &mut Vec<Field>| fields.iter_mut().for_each(|field| linked(&mut field.meaning));
        let mut sections: Vec<Section> = self.known.into_iter().filter_map(|known| known.section).collect();
        for section in &mut sections {
            linked(&mut section.meaning);
            match &mut section.content {
                Content::Settings(settings) => fields(settings),
                Content::Text(forms) => forms.iter_mut().for_each(linked),
                Content::Choice(variants) => {
                    for variant in variants {
                        linked(&mut variant.meaning);
                        if let Settings::Fields(settings) = &mut variant.settings {
                            fields(settings);
                        }
                    }
                }
            }
        }
        sections
    }

    /// Reads the type, unless it was read before; the name of its section.
    fn section(&mut self, declaration: Declaration<'c>, form: Form) -> Result<String, Error> {
        let is_it = |known: &Known<'_>| known.declaration.place() == declaration.place();
        if let Some(known) = self.known.iter().find(|known| is_it(known)) {
            return Ok(known.name.clone());
        }
        let attributes = read(&declaration, declaration.attributes())?;
        let name = attributes.rename.clone().unwrap_or_else(|| declaration.ident());
        if let Some(other) = self.known.iter().find(|known| known.name == name) {
            let message =
                format!("{} is called `{name}`, too: rename one for serde", other.declaration.place());
            return Err(declaration.unclear(message));
        }
        let index = self.known.len();
        self.known.push(Known { declaration, name: name.clone(), section: None });
        let documentation = Documentation::read(declaration.attributes());
        let is_text = form == Form::PartOfText || attributes.is_text;
        let content = match declaration.body {
            Body::Enum(item) if is_text => Content::Text(self.forms(declaration, item)?),
            Body::Struct(_) if is_text => Content::Text(Vec::new()),
            Body::Enum(item) => Content::Choice(self.variants(declaration, item)?),
            Body::Struct(item) => {
                Content::Settings(self.fields(declaration, &item.fields, attributes.default)?)
            }
        };
        let example = match documentation.example.as_deref().and_then(documentation::code) {
            Some(example) => example.to_owned(),
            None => self.example(&content),
        };
        let meaning = documentation.paragraphs.join("\n\n");
        self.known[index].section = Some(Section { name: name.clone(), meaning, content, example });
        Ok(name)
    }

    fn example(&self, content: &Content) -> String {
        match content {
            Content::Text(_) => String::new(),
            Content::Settings(fields) => in_parentheses(fields),
            Content::Choice(variants) => match variants.first() {
                Some(Variant { name, settings: Settings::None, .. }) => name.clone(),
                Some(Variant { name, settings: Settings::Fields(fields), .. }) => {
                    crate::behind(name, &in_parentheses(fields))
                }
                Some(Variant { name, settings: Settings::Of(section), .. }) => {
                    crate::behind(name, &self.example_of(section).unwrap_or_default())
                }
                None => String::new(),
            },
        }
    }

    fn example_of(&self, name: &str) -> Option<String> {
        let known = self.known.iter().find(|known| known.name == name)?;
        Some(known.section.as_ref()?.example.clone()).filter(|example| !example.is_empty())
    }

    fn forms(&mut self, declaration: Declaration<'c>, item: &'c syn::ItemEnum) -> Result<Vec<String>, Error> {
        let mut forms = Vec::new();
        for variant in &item.variants {
            forms.push(meaning(&declaration, &variant.ident.to_string(), &variant.attrs)?.text());
            for field in &variant.fields {
                if let Some(part) = self.named(declaration, &field.ty) {
                    self.section(part, Form::PartOfText)?;
                }
            }
        }
        Ok(forms)
    }

    fn variants(
        &mut self,
        declaration: Declaration<'c>,
        item: &'c syn::ItemEnum,
    ) -> Result<Vec<Variant>, Error> {
        let mut variants = Vec::new();
        for variant in &item.variants {
            let attributes = read(&declaration, &variant.attrs)?;
            if attributes.is_skipped {
                continue;
            }
            let meaning = meaning(&declaration, &variant.ident.to_string(), &variant.attrs)?.text();
            let settings = match (&variant.fields, only_type(&variant.fields)) {
                (Fields::Unit, _) => Settings::None,
                (Fields::Named(_), _) => {
                    Settings::Fields(self.fields(declaration, &variant.fields, SerdeDefault::None)?)
                }
                (Fields::Unnamed(_), kind) => match kind.and_then(|kind| self.named(declaration, kind)) {
                    Some(settings) => Settings::Of(self.section(settings, Form::Written)?),
                    None => {
                        let message = "settings of a variant are named, or one type of this project";
                        return Err(declaration.unclear(format!("{}: {message}", variant.ident)));
                    }
                },
            };
            let name = attributes.rename.unwrap_or_else(|| variant.ident.to_string());
            variants.push(Variant { name, meaning, settings });
        }
        Ok(variants)
    }

    fn fields(
        &mut self,
        declaration: Declaration<'c>,
        fields: &'c Fields,
        of_all: SerdeDefault,
    ) -> Result<Vec<Field>, Error> {
        let mut read_fields = Vec::new();
        for field in fields {
            let attributes = read(&declaration, &field.attrs)?;
            if !attributes.is_skipped {
                read_fields.push(self.field(declaration, field, attributes, &of_all)?);
            }
        }
        Ok(read_fields)
    }

    fn field(
        &mut self,
        declaration: Declaration<'c>,
        field: &'c CodeField,
        attributes: SerdeAttributes,
        of_all: &SerdeDefault,
    ) -> Result<Field, Error> {
        let Some(ident) = &field.ident else {
            return Err(declaration.unclear("fields without names cannot be read"));
        };
        let ident = ident.to_string();
        let unclear = |message: &str| declaration.unclear(format!("`{ident}`: {message}"));
        let documentation = meaning(&declaration, &ident, &field.attrs)?;
        let presence = match documentation.default.as_deref() {
            Some(text) => {
                let value = documentation::code(text);
                Presence::Default(value.ok_or_else(|| unclear("`Default:` is not in backticks"))?.to_owned())
            }
            None => {
                self.presence(declaration, field, &ident, &attributes.default, of_all).map_err(|TooHard| {
                    unclear("the code does not tell its default: end its doc comment in \"Default: `...`.\"")
                })?
            }
        };
        let kind = match &documentation.kind {
            Some(words) => self.kind_in_words(declaration, &ident, words)?,
            None => self.kind(declaration, &ident, &field.ty)?,
        };
        let stated = documentation
            .example
            .as_deref()
            .map(|text| documentation::code(text).ok_or_else(|| unclear("`Example:` is not in backticks")));
        let example = match (stated.transpose()?, &presence) {
            (Some(example), _) => example.to_owned(),
            (None, Presence::Default(value)) => value.clone(),
            (None, _) => kind.example.ok_or_else(|| {
                unclear("no value follows from its type: end its doc comment in \"Example: `...`.\"")
            })?,
        };
        let words = match &documentation.allowed {
            Some(allowed) => format!("{}, {allowed}", kind.words),
            None => kind.words,
        };
        Ok(Field {
            name: attributes.rename.unwrap_or(ident),
            kind: words,
            sections: kind.sections,
            presence,
            meaning: documentation.text(),
            example,
        })
    }

    fn presence(
        &self,
        declaration: Declaration<'c>,
        field: &CodeField,
        name: &str,
        own: &SerdeDefault,
        of_all: &SerdeDefault,
    ) -> Result<Presence, TooHard> {
        let file = declaration.file;
        let written: Written = match (own, of_all) {
            (SerdeDefault::By(function), _) => {
                let (file, expression) = self.code.function(file, function).ok_or(TooHard)?;
                value::of_expression(file, expression)?
            }
            (SerdeDefault::OfType, _) => value::default_of_type(self.code, file, &field.ty)?,
            (SerdeDefault::None, SerdeDefault::OfType) => {
                value::default_of_field(self.code, declaration, name)?
            }
            (SerdeDefault::None, SerdeDefault::By(_)) => return Err(TooHard),
            (SerdeDefault::None, SerdeDefault::None) if inner(&field.ty, "Option").is_none() => {
                return Ok(Presence::Required);
            }
            (SerdeDefault::None, SerdeDefault::None) => None,
        };
        Ok(written.map_or(Presence::Optional, Presence::Default))
    }

    fn kind_in_words(
        &mut self,
        declaration: Declaration<'c>,
        field: &str,
        words: &str,
    ) -> Result<Kind, Error> {
        let mut paths = Vec::new();
        with_links(words, |path| {
            paths.push(path.to_owned());
            String::new()
        });
        let mut sections = Vec::new();
        for path in paths {
            let Some(found) = self.code.find(declaration.file, &path) else {
                return Err(declaration.unclear(format!("`{field}`: there is no type `{path}`")));
            };
            sections.push(self.section(found, Form::Written)?);
        }
        let mut names = sections.iter();
        let words =
            with_links(words, |path| names.next().map_or_else(|| path.to_owned(), |name| link(name, name)));
        let example = sections.first().and_then(|name| self.example_of(name));
        let is_list = words.starts_with("list");
        let example = example.map(|example| if is_list { format!("[{example}]") } else { example });
        Ok(Kind { words, sections, example })
    }

    fn kind(&mut self, declaration: Declaration<'c>, field: &str, kind: &'c Type) -> Result<Kind, Error> {
        if let Some(inner) = inner(kind, "Option") {
            return self.kind(declaration, field, inner);
        }
        if let Some(inner) = inner(kind, "Vec") {
            let Kind { words, sections, example } = self.kind(declaration, field, inner)?;
            let example = example.map(|example| format!("[{example}]"));
            return Ok(Kind { words: format!("list of {}", plural(&words)), sections, example });
        }
        if let Type::Array(array) = kind
            && let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(length), .. }) = &array.len
        {
            let Kind { words, sections, example } = self.kind(declaration, field, &array.elem)?;
            let many = |example: String| {
                let values = vec![example; length.base10_parse().unwrap_or_default()];
                format!("({})", values.join(", "))
            };
            let words = format!("{length} {} in parentheses", plural(&words));
            return Ok(Kind { words, sections, example: example.map(many) });
        }
        let name = match kind {
            Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => None,
        };
        Ok(match name.as_deref() {
            Some("bool") => Kind::plain("`true` or `false`", "true"),
            Some("u8" | "u16" | "u32" | "u64" | "usize") => Kind::plain("whole number", "1"),
            Some("NonZeroU32" | "NonZeroU64" | "NonZeroUsize") => {
                Kind::plain("whole number, at least 1", "1")
            }
            Some("f32" | "f64") => Kind::plain("number", "1.0"),
            Some("String") => Kind::plain("text", "\"text\""),
            Some("PathBuf") => Kind::plain("path, in quotes", "\"path\""),
            _ => match self.named(declaration, kind) {
                Some(found) => {
                    let name = self.section(found, Form::Written)?;
                    Kind { words: link(&name, &name), example: self.example_of(&name), sections: vec![name] }
                }
                None => {
                    let message =
                        "its type does not say what is written: end its doc comment in \"Type: ...\"";
                    return Err(declaration.unclear(format!("`{field}`: {message}")));
                }
            },
        })
    }

    /// The type of this project that `kind` names.
    fn named(&self, declaration: Declaration<'c>, kind: &Type) -> Option<Declaration<'c>> {
        let Type::Path(path) = kind else { return None };
        let segments: Vec<String> =
            path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.code.find(declaration.file, &segments.join("::"))
    }
}

fn read(declaration: &Declaration<'_>, attributes: &[Attribute]) -> Result<SerdeAttributes, Error> {
    SerdeAttributes::read(attributes).map_err(|message| declaration.unclear(message))
}

/// The doc comment of a field or variant, which has to be there.
fn meaning(
    declaration: &Declaration<'_>,
    name: &str,
    attributes: &[Attribute],
) -> Result<Documentation, Error> {
    let documentation = Documentation::read(attributes);
    if documentation.paragraphs.is_empty() {
        let message = format!("`{name}` has no doc comment: what is it for?");
        return Err(declaration.unclear(message));
    }
    Ok(documentation)
}

/// `T` of `Option<T>`, for `outer` being `Option`.
fn inner<'t>(kind: &'t Type, outer: &str) -> Option<&'t Type> {
    let Type::Path(path) = kind else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == outer)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
}

/// Of the words for a single value.
fn plural(words: &str) -> String {
    if words.ends_with("number") { format!("{words}s") } else { words.into() }
}
