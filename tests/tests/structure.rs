//! The structure of the sources: no circles of files, no crate that outgrows its subject, no words of our own in documentation.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{Item, UseTree};
use walkdir::WalkDir;

/// The largest number of lines in a crate's sources.
const MAX_CRATE_LINES: usize = 5_000;
/// Crates that are lists: a source of images or a kernel for each backend is one file more, and no new subject.
const LISTS: [(&str, usize); 3] = [("data", 6_200), ("kernels", 6_000), ("report", 6_000)];

/// A module's path within its crate; empty for the root.
type Module = Vec<String>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The source folder of each crate, by the crate's name.
fn crates() -> BTreeMap<String, PathBuf> {
    let folders = fs::read_dir(root().join("crates")).expect("the crates");
    let mut crates: BTreeMap<String, PathBuf> = folders
        .map(|entry| entry.expect("an entry"))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path().join("src")))
        .collect();
    crates.insert("xtask".into(), root().join("xtask/src"));
    crates
}

fn rust_files(folder: &Path) -> Vec<(PathBuf, String)> {
    WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("an entry").into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file");
            (path, text)
        })
        .collect()
}

/// A source file: the items that it defines, and the paths that it imports.
struct Source {
    defined: BTreeSet<String>,
    /// Each path with the name that it has in this file; `true` for a re-export.
    imports: Vec<(Vec<String>, String, bool)>,
}

impl Source {
    fn parse(text: &str) -> Self {
        let file = syn::parse_file(text).expect("Rust");
        let (mut defined, mut imports) = (BTreeSet::new(), Vec::new());
        for item in &file.items {
            match item {
                Item::Use(item) => {
                    let is_export = !matches!(item.vis, syn::Visibility::Inherited);
                    flatten(&item.tree, &mut Vec::new(), is_export, &mut imports);
                }
                Item::Struct(item) => drop(defined.insert(item.ident.to_string())),
                Item::Enum(item) => drop(defined.insert(item.ident.to_string())),
                Item::Trait(item) => drop(defined.insert(item.ident.to_string())),
                Item::Type(item) => drop(defined.insert(item.ident.to_string())),
                Item::Const(item) => drop(defined.insert(item.ident.to_string())),
                Item::Static(item) => drop(defined.insert(item.ident.to_string())),
                Item::Fn(item) => drop(defined.insert(item.sig.ident.to_string())),
                _ => {}
            }
        }
        Self { defined, imports }
    }
}

fn flatten(
    tree: &UseTree,
    prefix: &mut Vec<String>,
    is_export: bool,
    imports: &mut Vec<(Vec<String>, String, bool)>,
) {
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten(&path.tree, prefix, is_export, imports);
            prefix.pop();
        }
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| flatten(tree, prefix, is_export, imports));
        }
        UseTree::Name(name) if name.ident == "self" => {
            let last = prefix.last().expect("`self` follows a path").clone();
            imports.push((prefix.clone(), last, is_export));
        }
        UseTree::Name(name) => {
            let path = prefix.iter().cloned().chain([name.ident.to_string()]).collect();
            imports.push((path, name.ident.to_string(), is_export));
        }
        UseTree::Rename(rename) => {
            let path = prefix.iter().cloned().chain([rename.ident.to_string()]).collect();
            imports.push((path, rename.rename.to_string(), is_export));
        }
        UseTree::Glob(_) => {}
    }
}

/// Returns the module of the file that `path`, as written in `module`, leads to; none for other crates.
fn resolve(
    files: &BTreeMap<Module, Source>,
    module: &Module,
    path: &[String],
    depth: usize,
) -> Option<Module> {
    let mut current = module.clone();
    for (index, segment) in path.iter().enumerate() {
        match segment.as_str() {
            "crate" => current.clear(),
            "super" => drop(current.pop()),
            "self" => {}
            name => {
                let child: Module = current.iter().cloned().chain([name.to_owned()]).collect();
                if files.contains_key(&child) {
                    current = child;
                    continue;
                }
                let source = files.get(&current)?;
                if source.defined.contains(name) {
                    return Some(current);
                }
                let export = source.imports.iter().find(|(_, known, _)| known == name);
                return match export {
                    Some((path, ..)) if depth < 8 && (index > 0 || path[0] != name) => {
                        resolve(files, &current, path, depth + 1)
                    }
                    _ => None,
                };
            }
        }
    }
    Some(current)
}

/// The files that each file of a crate takes something from. Roots of modules (`lib.rs`, `main.rs`, `mod.rs`), which list their
/// files, are left out.
fn dependencies(folder: &Path) -> BTreeMap<Module, BTreeSet<Module>> {
    let (mut files, mut roots) = (BTreeMap::new(), BTreeSet::new());
    for (path, text) in rust_files(folder) {
        let relative = path.strip_prefix(folder).expect("below the folder").with_extension("");
        let mut module: Module = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
            roots.insert(module.clone());
        }
        files.insert(module, Source::parse(&text));
    }
    let is_file = |module: &Module| !roots.contains(module);
    files
        .iter()
        .filter(|(module, _)| is_file(module))
        .map(|(module, source)| {
            let imports = source.imports.iter().filter(|(_, _, is_export)| !is_export);
            let taken = imports.filter_map(|(path, ..)| resolve(&files, module, path, 0));
            (module.clone(), taken.filter(|other| other != module && is_file(other)).collect())
        })
        .collect()
}

/// Returns whether `module` takes something from itself through others.
fn is_in_a_circle(module: &Module, edges: &BTreeMap<Module, BTreeSet<Module>>) -> bool {
    let mut seen: BTreeSet<&Module> = BTreeSet::new();
    let mut open: Vec<&Module> = edges[module].iter().collect();
    while let Some(next) = open.pop() {
        if next == module {
            return true;
        }
        if seen.insert(next) {
            open.extend(edges.get(next).into_iter().flatten());
        }
    }
    false
}

#[test]
fn no_files_take_from_each_other_in_a_circle() {
    let mut circles = Vec::new();
    for (name, folder) in crates() {
        let edges = dependencies(&folder);
        let found = edges.keys().filter(|module| is_in_a_circle(module, &edges));
        circles.extend(found.map(|module| format!("{name}: {}", module.join("::"))));
    }
    assert_eq!(circles, [""; 0]);
}

#[test]
fn a_circle_is_found_through_re_exports() {
    let source = |text| Source::parse(text);
    let files = BTreeMap::from([
        (vec![], source("mod a; mod b; pub use a::A; pub use b::B;")),
        (vec!["a".to_owned()], source("use crate::B; pub struct A(B);")),
        (vec!["b".to_owned()], source("use super::a::{self, A}; pub struct B;")),
    ]);
    let path = |text: &str| text.split("::").map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(resolve(&files, &path("a"), &path("crate::B"), 0), Some(path("b")));
    assert_eq!(resolve(&files, &path("b"), &path("super::a::A"), 0), Some(path("a")));
    assert_eq!(resolve(&files, &path("b"), &path("std::fmt"), 0), None);
}

#[test]
fn no_crate_outgrows_its_subject() {
    for (name, folder) in crates() {
        let lines: usize = rust_files(&folder).iter().map(|(_, text)| text.lines().count()).sum();
        let list = LISTS.iter().find(|(list, _)| *list == name);
        let allowed = list.map_or(MAX_CRATE_LINES, |(_, lines)| *lines);
        assert!(lines <= allowed, "{name} has {lines} lines, at most {allowed} are allowed");
    }
}

/// Words that no line of a comment begins with: a sentence has a subject, and its noun is not in another sentence.
const BANNED_OPENINGS: [&str; 9] =
    ["What", "Of", "Where", "Who", "Whose", "Whoever", "Those", "So many", "So much"];

/// The text of a comment line, without its slashes.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim_start();
    ["///", "//!", "//"].into_iter().find_map(|slashes| line.strip_prefix(slashes)).map(str::trim)
}

#[test]
fn documentation_opens_with_a_noun_or_a_verb_and_says_more_than_the_name() {
    let mut found = Vec::new();
    for (path, text) in crates().values().flat_map(|folder| rust_files(folder)) {
        let lines: Vec<Option<&str>> = text.lines().map(comment).collect();
        for (index, line) in lines.iter().enumerate() {
            let opens = |banned: &&str| {
                line.and_then(|line| line.strip_prefix(banned)).is_some_and(|rest| rest.starts_with(' '))
            };
            // A crate opens with the question that it answers.
            let is_question = line.is_some_and(|line| line.ends_with('?'));
            if !is_question && BANNED_OPENINGS.iter().any(opens) {
                found.push(format!("{}:{}: {}", path.display(), index + 1, line.unwrap_or_default()));
            }
        }
        let is_documentation =
            |index: usize| text.lines().nth(index).is_some_and(|line| line.trim_start().starts_with("///"));
        let mut index = 0;
        while index < lines.len() {
            let block: Vec<&str> = lines[index..].iter().map_while(|line| *line).collect();
            let words: usize = block.iter().map(|line| line.split_whitespace().count()).sum();
            // A shape is a contract: `[trials, batch, units]`.
            let is_shape = block.first().is_some_and(|line| line.starts_with("`["));
            if !block.is_empty() && words <= 3 && !is_shape && is_documentation(index) {
                found.push(format!("{}:{}: {}", path.display(), index + 1, block.join(" ")));
            }
            index += block.len().max(1);
        }
    }
    assert!(found.is_empty(), "{} lines:\n{}", found.len(), found.join("\n"));
}
