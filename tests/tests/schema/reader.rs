//! From the types in the code to sections: what a file says, not how the code stores it.

use syn::{Attribute, Fields, GenericArgument, Ident, Item, ItemEnum, PathArguments, Type};

use crate::{
    attributes::{Documentation, SerdeAttributes, SerdeDefault, with_links},
    defaults,
    sections::{Content, Field, Presence, Schema, Section, Settings, Variant, in_parentheses},
    sources::{Declaration, Sources},
};

pub fn schema(sources: &Sources) -> Schema {
    let file = sources
        .read_types()
        .find(|it| SerdeAttributes::read(it.attributes).rename.is_some_and(|name| name == "Pipeline"))
        .expect("a type is read as `Pipeline`");
    let mut reader = Reader { sources, schema: Schema(Vec::new()), places: Vec::new() };
    reader.section(file);
    reader.schema
}

struct Reader<'s> {
    sources: &'s Sources,
    /// The types that were reached; a section without an example may not be complete.
    schema: Schema,
    /// The place of each of them in the code.
    places: Vec<String>,
}

/// The type of a field.
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

impl<'s> Reader<'s> {
    /// Reads the type, unless it was read before; returns the name of its section.
    fn section(&mut self, declaration: Declaration<'s>) -> String {
        let (place, ident) = (declaration.place(), declaration.ident.to_string());
        if let Some(index) = self.places.iter().position(|other| *other == place) {
            return self.schema.0[index].name.clone();
        }
        let SerdeAttributes { rename, default, is_text } = SerdeAttributes::read(declaration.attributes);
        let name = rename.unwrap_or_else(|| ident.clone());
        let is_new = self.schema.0.iter().all(|section| section.name != name);
        assert!(is_new, "{place}: another type has the name `{name}`, too");
        // Serde does not read the parts of a text.
        let is_text = is_text || !declaration.is_read();
        let documentation = Documentation::read(declaration.attributes);
        let (index, meaning) = (self.places.len(), documentation.paragraphs.join("\n\n"));
        let (content, example) = (Content::Text(Vec::new()), String::new());
        self.places.push(place);
        self.schema.0.push(Section { name: name.clone(), ident, meaning, content, example });
        let content = match declaration.item {
            Item::Enum(item) if is_text => Content::Text(self.forms(declaration, item)),
            Item::Enum(item) => Content::Choice(self.variants(declaration, item)),
            Item::Struct(item) if !is_text => {
                Content::Settings(self.fields(declaration, &item.fields, &default))
            }
            _ => Content::Text(Vec::new()),
        };
        self.schema.0[index].example = documentation.example.unwrap_or_else(|| match &content {
            Content::Text(_) => String::new(),
            Content::Settings(fields) => in_parentheses(fields),
            Content::Choice(variants) => self.schema.example(&variants[0]),
        });
        self.schema.0[index].content = content;
        name
    }

    fn example(&self, name: &str) -> Option<String> {
        Some(self.schema.section(name).example.clone()).filter(|example| !example.is_empty())
    }

    fn forms(&mut self, declaration: Declaration<'s>, item: &'s ItemEnum) -> Vec<String> {
        let mut forms = Vec::new();
        for variant in &item.variants {
            forms.push(documented(declaration, &variant.ident, &variant.attrs).text());
            for field in &variant.fields {
                if let Some(part) = self.named(declaration, &field.ty) {
                    self.section(part);
                }
            }
        }
        forms
    }

    fn variants(&mut self, declaration: Declaration<'s>, item: &'s ItemEnum) -> Vec<Variant> {
        let mut variants = Vec::new();
        for variant in &item.variants {
            let documentation = documented(declaration, &variant.ident, &variant.attrs);
            let meaning = documentation.text();
            let settings = match &variant.fields {
                Fields::Unit => Settings::None,
                Fields::Named(_) => {
                    Settings::Fields(self.fields(declaration, &variant.fields, &SerdeDefault::None))
                }
                Fields::Unnamed(fields) => match self.named(declaration, &fields.unnamed[0].ty) {
                    Some(settings) => Settings::Section(self.section(settings)),
                    None => self.value(declaration, variant, documentation),
                },
            };
            variants.push(Variant { name: variant.ident.to_string(), meaning, settings });
        }
        variants
    }

    /// Reads the settings of a variant that have no names: one, or several that its doc comment describes.
    fn value(
        &mut self,
        declaration: Declaration<'s>,
        variant: &'s syn::Variant,
        Documentation { kind, allowed, example, .. }: Documentation,
    ) -> Settings {
        if let (Some(kind), Some(example)) = (kind, &example) {
            return Settings::Value { kind, example: example.clone() };
        }
        let field = variant.fields.iter().next().filter(|_| variant.fields.len() == 1);
        let kind = field.and_then(|field| self.kind(declaration, &field.ty));
        let kind =
            kind.unwrap_or_else(|| panic!("{}: {} needs named settings", declaration.place(), variant.ident));
        let words = kind.words + &allowed.map_or(String::new(), |allowed| format!(", {allowed}"));
        let example = example.or(kind.example);
        let example = example.expect("a plain value has an example");
        Settings::Value { kind: words, example }
    }

    fn fields(
        &mut self,
        declaration: Declaration<'s>,
        fields: &'s Fields,
        of_type: &SerdeDefault,
    ) -> Vec<Field> {
        fields.iter().map(|field| self.field(declaration, field, of_type)).collect()
    }

    fn field(
        &mut self,
        declaration: Declaration<'s>,
        field: &'s syn::Field,
        of_type: &SerdeDefault,
    ) -> Field {
        let ident = field.ident.as_ref().expect("settings have names");
        let place = format!("{}: `{ident}`", declaration.place());
        let SerdeAttributes { rename, default: of_field, .. } = SerdeAttributes::read(&field.attrs);
        let Documentation { kind, allowed, default, required, example, paragraphs } =
            documented(declaration, ident, &field.attrs);
        let is_required = of_field == SerdeDefault::None && *of_type == SerdeDefault::None;
        let presence = match default {
            Some(value) => Presence::Default(value),
            None if required.is_some() => Presence::RequiredUnless(required.unwrap_or_default()),
            None if is_required && inner(&field.ty, "Option").is_none() => Presence::Required,
            None if is_required => Presence::Optional,
            None => match defaults::of_field(self.sources, declaration, field, [&of_field, of_type]) {
                Some(value) if value == "None" => Presence::Optional,
                Some(value) => Presence::Default(value),
                None => panic!("{place}: end its doc comment in \"Default: `...`.\""),
            },
        };
        let kind = match kind {
            Some(words) => self.kind_in_words(declaration, &words),
            None => self
                .kind(declaration, &field.ty)
                .unwrap_or_else(|| panic!("{place}: end its doc comment in \"Type: ...\"")),
        };
        let value = match &presence {
            Presence::Default(value) => Some(value.clone()),
            _ => kind.example,
        };
        let example = example.or(value);
        Field {
            name: rename.unwrap_or_else(|| ident.to_string()),
            kind: kind.words + &allowed.map_or(String::new(), |allowed| format!(", {allowed}")),
            sections: kind.sections,
            presence,
            meaning: paragraphs.join(" "),
            example: example.unwrap_or_else(|| panic!("{place}: end its doc comment in \"Example: `...`.\"")),
        }
    }

    /// Reads the types that `words` link to.
    fn kind_in_words(&mut self, declaration: Declaration<'s>, words: &str) -> Kind {
        let mut sections = Vec::new();
        let words = with_links(words, |path| {
            let found = self.sources.find(declaration.file, path);
            let found = found.unwrap_or_else(|| panic!("{}: there is no `{path}`", declaration.place()));
            sections.push(self.section(found));
            format!("[`{}`]", sections[sections.len() - 1])
        });
        let example = sections.first().and_then(|name| self.example(name));
        let is_list = words.starts_with("list");
        let example = example.map(|example| if is_list { format!("[{example}]") } else { example });
        Kind { words, sections, example }
    }

    fn kind(&mut self, declaration: Declaration<'s>, kind: &'s Type) -> Option<Kind> {
        if let Some(inner) = inner(kind, "Option") {
            return self.kind(declaration, inner);
        }
        if let Some(inner) = inner(kind, "Vec") {
            let Kind { words, sections, example } = self.kind(declaration, inner)?;
            let example = example.map(|example| format!("[{example}]"));
            return Some(Kind { words: format!("list of {}", plural(&words)), sections, example });
        }
        if let Type::Array(array) = kind
            && let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(length), .. }) = &array.len
        {
            let Kind { words, sections, example } = self.kind(declaration, &array.elem)?;
            let values = vec![example?; length.base10_parse().ok()?].join(", ");
            let words = format!("{length} {} in parentheses", plural(&words));
            return Some(Kind { words, sections, example: Some(format!("({values})")) });
        }
        let Type::Path(path) = kind else { return None };
        Some(match path.path.segments.last()?.ident.to_string().as_str() {
            "bool" => Kind::plain("`true` or `false`", "true"),
            "u8" | "u16" | "u32" | "u64" | "usize" => Kind::plain("whole number", "1"),
            "NonZeroU32" | "NonZeroU64" | "NonZeroUsize" => Kind::plain("whole number, at least 1", "1"),
            "f32" | "f64" => Kind::plain("number", "1.0"),
            "String" => Kind::plain("text", "\"text\""),
            "PathBuf" => Kind::plain("path, in quotes", "\"path\""),
            _ => {
                let found = self.named(declaration, kind)?;
                let name = self.section(found);
                Kind { words: format!("[`{name}`]"), example: self.example(&name), sections: vec![name] }
            }
        })
    }

    /// Returns the type of this project that `kind` names.
    fn named(&self, declaration: Declaration<'s>, kind: &Type) -> Option<Declaration<'s>> {
        let Type::Path(path) = kind else { return None };
        let segments: Vec<String> =
            path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.sources.find(declaration.file, &segments.join("::"))
    }
}

/// Returns the doc comment of a field or variant, which must not be empty.
fn documented(declaration: Declaration<'_>, ident: &Ident, attributes: &[Attribute]) -> Documentation {
    let documentation = Documentation::read(attributes);
    assert!(!documentation.paragraphs.is_empty(), "{}: `{ident}` has no doc comment", declaration.place());
    documentation
}

/// Returns `T` of `Option<T>`, for `outer` being `Option`.
fn inner<'t>(kind: &'t Type, outer: &str) -> Option<&'t Type> {
    let Type::Path(path) = kind else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == outer)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
}

fn plural(words: &str) -> String {
    if words.ends_with("number") { format!("{words}s") } else { words.into() }
}
