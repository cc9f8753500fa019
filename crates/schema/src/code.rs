//! The project's sources, and where in them something is declared.

use std::{
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Expr, Fields, ImplItem, Item, ItemEnum, ItemStruct, Stmt, Type};
use walkdir::WalkDir;

use crate::{Error, serde_attributes::derives};

/// Every source file of every crate.
pub struct Code {
    files: Vec<SourceFile>,
}

/// One of them.
pub struct SourceFile {
    /// Relative to the folder of crates.
    pub path: PathBuf,
    items: Vec<Item>,
}

/// A declaration, and the file around it.
#[derive(Clone, Copy)]
pub struct Declaration<'c> {
    pub file: &'c SourceFile,
    pub body: Body<'c>,
}

#[derive(Clone, Copy)]
pub enum Body<'c> {
    Struct(&'c ItemStruct),
    Enum(&'c ItemEnum),
}

impl Declaration<'_> {
    /// In the code.
    pub fn ident(&self) -> String {
        match self.body {
            Body::Struct(item) => item.ident.to_string(),
            Body::Enum(item) => item.ident.to_string(),
        }
    }

    pub fn attributes(&self) -> &[Attribute] {
        match self.body {
            Body::Struct(item) => &item.attrs,
            Body::Enum(item) => &item.attrs,
        }
    }

    /// For messages.
    pub fn place(&self) -> String {
        format!("crates/{}: {}", self.file.path.display(), self.ident())
    }

    pub fn unclear(&self, message: impl Into<String>) -> Error {
        Error::Unclear { place: self.place(), message: message.into() }
    }
}

impl SourceFile {
    /// The crate's folder.
    fn crate_name(&self) -> &Path {
        self.path.iter().next().map_or(Path::new(""), Path::new)
    }

    /// Name of the module: of the file, or of the folder that a `mod.rs` lies in.
    fn module(&self) -> Option<&str> {
        let stem = self.path.file_stem()?.to_str()?;
        if stem == "mod" { self.path.parent()?.file_name()?.to_str() } else { Some(stem) }
    }

    fn declarations(&self) -> impl Iterator<Item = Declaration<'_>> {
        self.items.iter().filter_map(|item| match item {
            Item::Struct(item) => Some(Declaration { file: self, body: Body::Struct(item) }),
            Item::Enum(item) => Some(Declaration { file: self, body: Body::Enum(item) }),
            _ => None,
        })
    }

    /// The value of the constant of this name.
    pub fn constant(&self, name: &str) -> Option<&Expr> {
        self.items.iter().find_map(|item| match item {
            Item::Const(item) if item.ident == name => Some(&*item.expr),
            _ => None,
        })
    }

    /// What the type's `Default` is made by, where that is written out.
    pub fn default_of(&self, type_name: &str) -> Option<&Expr> {
        self.items.iter().find_map(|item| match item {
            Item::Impl(item) if is_default_for(item, type_name) => {
                item.items.iter().find_map(|item| match item {
                    ImplItem::Fn(function) => result(&function.block),
                    _ => None,
                })
            }
            _ => None,
        })
    }
}

fn is_default_for(item: &syn::ItemImpl, type_name: &str) -> bool {
    let is_default = item.trait_.as_ref().is_some_and(|(_, path, _)| path.is_ident("Default"));
    is_default && matches!(&*item.self_ty, Type::Path(path) if path.path.is_ident(type_name))
}

/// The expression that a block ends in.
pub fn result(block: &syn::Block) -> Option<&Expr> {
    match block.stmts.last() {
        Some(Stmt::Expr(expression, None)) => Some(expression),
        _ => None,
    }
}

impl Code {
    /// Every file below `crates/*/src`.
    pub fn read(crates: &Path) -> Result<Self, Error> {
        let mut files = Vec::new();
        for entry in WalkDir::new(crates).sort_by_file_name() {
            let entry =
                entry.map_err(|error| Error::Unreadable { path: crates.to_owned(), source: error.into() })?;
            let path = entry.path().strip_prefix(crates).expect("the walk began there").to_owned();
            let is_source = path.iter().nth(1).is_some_and(|folder| folder == "src");
            if !is_source || path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = fs::read_to_string(entry.path())
                .map_err(|source| Error::Unreadable { path: entry.path().to_owned(), source })?;
            let parsed = syn::parse_file(&text)
                .map_err(|source| Error::NoRust { path: entry.path().to_owned(), source })?;
            files.push(SourceFile { path, items: parsed.items });
        }
        Ok(Self { files })
    }

    fn declarations(&self) -> impl Iterator<Item = Declaration<'_>> {
        self.files.iter().flat_map(SourceFile::declarations)
    }

    /// Every type whose text is read.
    pub fn read_types(&self) -> impl Iterator<Item = Declaration<'_>> {
        self.declarations().filter(|declaration| derives(declaration.attributes(), "Deserialize"))
    }

    /// What `path` means in `file`: a type of the module that it names, or of the file, or the one of that name.
    pub fn find<'c>(&'c self, file: &'c SourceFile, path: &str) -> Option<Declaration<'c>> {
        let mut segments = path.rsplit("::");
        let name = segments.next()?;
        let is_module = |segment: &&str| !["crate", "super", "self"].contains(segment);
        if let Some(module) = segments.find(is_module) {
            let mut modules = self.files.iter().filter(|other| other.module() == Some(module));
            let near = modules.clone().find(|other| other.crate_name() == file.crate_name());
            return near.or_else(|| modules.next())?.declarations().find(|found| found.ident() == name);
        }
        let here = file.declarations().find(|found| found.ident() == name);
        here.or_else(|| {
            let found: Vec<Declaration<'_>> =
                self.read_types().filter(|found| found.ident() == name).collect();
            match found.as_slice() {
                [only] => Some(*only),
                several => several.iter().find(|found| found.file.crate_name() == file.crate_name()).copied(),
            }
        })
    }

    /// What the function `path`, as seen from `file`, gives, and the file that it stands in.
    pub fn function<'c>(&'c self, file: &'c SourceFile, path: &str) -> Option<(&'c SourceFile, &'c Expr)> {
        let (module, name) =
            path.rsplit_once("::").map_or((None, path), |(module, name)| (Some(module), name));
        let file = match module {
            None => file,
            Some(module) => self
                .files
                .iter()
                .find(|other| other.module() == Some(module) && other.crate_name() == file.crate_name())?,
        };
        let result = file.items.iter().find_map(|item| match item {
            Item::Fn(function) if function.sig.ident == name => result(&function.block),
            _ => None,
        });
        result.map(|expression| (file, expression))
    }
}

/// The one type in a newtype variant or struct.
pub fn only_type(fields: &Fields) -> Option<&Type> {
    match fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Some(&fields.unnamed[0].ty),
        _ => None,
    }
}
