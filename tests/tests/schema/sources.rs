//! The sources of all crates, and the declarations in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Expr, Ident, ImplItem, Item, ItemImpl, Stmt, Type};
use walkdir::WalkDir;

use crate::axes;

pub struct Sources(Vec<SourceFile>);

pub struct SourceFile {
    /// The path below the folder of the crates.
    path: PathBuf,
    items: Vec<Item>,
}

/// The declaration of a struct or an enum.
#[derive(Clone, Copy)]
pub struct Declaration<'s> {
    pub file: &'s SourceFile,
    pub item: &'s Item,
    pub ident: &'s Ident,
    pub attributes: &'s [Attribute],
}

impl Sources {
    /// Reads every file in `crates/*/src`.
    pub fn read(crates: &Path) -> Self {
        let mut files = Vec::new();
        for entry in WalkDir::new(crates).sort_by_file_name() {
            let entry = entry.expect("the sources can be read");
            let path = entry.path().strip_prefix(crates).expect("it is below this folder").to_owned();
            let is_source = path.iter().nth(1).is_some_and(|folder| folder == "src");
            if is_source && path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(entry.path()).expect("the sources can be read");
                let parsed = syn::parse_file(&text);
                let parsed = parsed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                files.push(SourceFile { path, items: parsed.items });
            }
        }
        let generated = syn::parse_file(&axes::declarations()).expect("Rust");
        files.push(SourceFile { path: "settings/src/axes.rs".into(), items: generated.items });
        Self(files)
    }

    /// Returns the types that are deserialized.
    pub fn read_types(&self) -> impl Iterator<Item = Declaration<'_>> {
        self.0.iter().flat_map(SourceFile::declarations).filter(Declaration::is_read)
    }

    /// Finds the type that `path` means in `file`: the closest one of the name, in the module or crate that the path names.
    pub fn find<'s>(&'s self, file: &SourceFile, path: &str) -> Option<Declaration<'s>> {
        let (module, name) = split(path);
        let named = self.near(file, module).into_iter().flat_map(SourceFile::declarations);
        let mut named = named.filter(|found| found.ident == name);
        named.find(|found| module.is_some() || found.file.path == file.path || found.is_read())
    }

    /// Finds the expression that the function `path` in `file` returns, and the function's file.
    pub fn function<'s>(&'s self, file: &SourceFile, path: &str) -> Option<(&'s SourceFile, &'s Expr)> {
        let (module, name) = split(path);
        self.near(file, module).into_iter().find_map(|file| {
            let function = file.items.iter().find_map(|item| match item {
                Item::Fn(function) if function.sig.ident == name => Some(function),
                _ => None,
            })?;
            Some((file, result(&function.block)?))
        })
    }

    /// Returns the files of the module or crate, or all files, from the closest to `file` to the farthest.
    fn near(&self, file: &SourceFile, module: Option<&str>) -> Vec<&SourceFile> {
        let mut files: Vec<&SourceFile> = self.0.iter().collect();
        files.retain(|other| module.is_none_or(|module| other.is_called(module)));
        files.sort_by_key(|other| (other.crate_name() != file.crate_name(), other.path != file.path));
        files
    }
}

/// Splits a path into the last segment and the module or crate before it.
fn split(path: &str) -> (Option<&str>, &str) {
    let mut segments = path.rsplit("::");
    let name = segments.next().unwrap_or(path);
    (segments.find(|segment| !["crate", "super", "self"].contains(segment)), name)
}

impl SourceFile {
    fn crate_name(&self) -> Option<&str> {
        self.path.iter().next()?.to_str()
    }

    /// Returns whether this is the name of the file's module or of its crate.
    fn is_called(&self, name: &str) -> bool {
        let module = if self.path.ends_with("mod.rs") { self.path.parent() } else { Some(&*self.path) };
        module.and_then(Path::file_stem).is_some_and(|stem| stem == name) || self.crate_name() == Some(name)
    }

    fn declarations(&self) -> impl Iterator<Item = Declaration<'_>> {
        self.items.iter().filter_map(move |item| {
            let (ident, attributes) = match item {
                Item::Struct(item) => (&item.ident, &item.attrs),
                Item::Enum(item) => (&item.ident, &item.attrs),
                _ => return None,
            };
            Some(Declaration { file: self, item, ident, attributes })
        })
    }

    pub fn constant(&self, name: &Ident) -> Option<&Expr> {
        self.items.iter().find_map(|item| match item {
            Item::Const(item) if item.ident == *name => Some(&*item.expr),
            _ => None,
        })
    }

    /// Returns the value of a `Default` implementation that is written out.
    pub fn default_of(&self, name: &Ident) -> Option<&Expr> {
        let implementation = self.items.iter().find_map(|item| match item {
            Item::Impl(item) if is_default_of(item, name) => Some(item),
            _ => None,
        });
        implementation?.items.iter().find_map(|item| match item {
            ImplItem::Fn(function) => result(&function.block),
            _ => None,
        })
    }
}

fn is_default_of(item: &ItemImpl, name: &Ident) -> bool {
    let is_default = item.trait_.as_ref().is_some_and(|(_, path, _)| path.is_ident("Default"));
    is_default && matches!(&*item.self_ty, Type::Path(path) if path.path.is_ident(name))
}

/// Returns the last expression of a block.
pub fn result(block: &syn::Block) -> Option<&Expr> {
    match block.stmts.last() {
        Some(Stmt::Expr(expression, None)) => Some(expression),
        _ => None,
    }
}

impl Declaration<'_> {
    /// Returns the file and the name, for messages.
    pub fn place(&self) -> String {
        format!("crates/{}: {}", self.file.path.display(), self.ident)
    }

    /// Returns whether serde reads the type.
    pub fn is_read(&self) -> bool {
        self.attributes.iter().filter(|attribute| attribute.path().is_ident("derive")).any(|attribute| {
            let mut is_read = false;
            let parsed = attribute.parse_nested_meta(|meta| {
                is_read |= meta.path.segments.last().is_some_and(|segment| segment.ident == "Deserialize");
                Ok(())
            });
            parsed.is_ok() && is_read
        })
    }
}
