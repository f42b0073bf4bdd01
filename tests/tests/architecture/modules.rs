//! The modules of the product as its sources declare them: what each defines, imports and mentions. Modules and items
//! for tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::tokens::{
    Import, attributes, defined_name, in_attribute_sign, is_for_tests, is_sign, is_value_or_import, lines_of,
    read_use_tree, without_attributes, without_visibility,
};

#[derive(Debug, Default)]
struct Module {
    /// The number of its file.
    file: usize,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    /// Names that its file defines.
    items: BTreeSet<String>,
    imports: Vec<Import>,
    /// Every path in its code, and every private import. A public import hands a name on without using it.
    mentions: BTreeSet<Vec<String>>,
}

/// What a path leads to.
enum Found {
    Module(usize),
    /// A name that this file defines.
    In(usize),
}

/// A source file of the product.
pub struct SourceFile {
    /// Its place in the repository.
    pub place: PathBuf,
    /// The texts in its code, each with its line. Attributes and comments are no code.
    pub texts: Vec<(usize, String)>,
    /// The lines in which something is spawned: a task, a thread or a process.
    pub spawns: Vec<usize>,
    /// Lines of code for tests among its lines.
    tests: usize,
    lines: usize,
}

impl SourceFile {
    /// Its lines that are no tests.
    pub fn product_lines(&self) -> usize {
        self.lines - self.tests
    }
}

/// The product's modules and files.
#[derive(Default)]
pub struct Sources {
    pub files: Vec<SourceFile>,
    modules: Vec<Module>,
    /// The libraries of the house by the name that `use` knows them by.
    libraries: BTreeMap<String, usize>,
}

/// Re-exports that lead to re-exports: more in a row than the house has.
const MOST_RE_EXPORTS: usize = 16;

impl Sources {
    /// Reads what a crate's root (`lib.rs`, `main.rs`) declares, file by file. `repository` is what places are told from.
    pub fn read_crate(&mut self, repository: &Path, root: &Path, library: Option<&str>) {
        let module = self.read_file(repository, root, None, root.parent().expect("a folder of sources"));
        if let Some(name) = library {
            self.libraries.insert(name.replace('-', "_"), module);
        }
    }

    /// Every path in the product's code and its imports, with the file that has it.
    pub fn paths(&self) -> impl Iterator<Item = (&Path, &[String])> {
        self.modules.iter().flat_map(|module| {
            let imported = module.imports.iter().map(|import| &import.path);
            let place = self.files[module.file].place.as_path();
            module.mentions.iter().chain(imported).map(move |path| (place, path.as_slice()))
        })
    }

    /// The files that each file's code mentions, with the path that does it.
    pub fn mentioned_files(&self) -> Vec<BTreeMap<usize, String>> {
        let mut mentioned = vec![BTreeMap::new(); self.files.len()];
        for (number, module) in self.modules.iter().enumerate() {
            for path in &module.mentions {
                if let Some(Found::In(file)) = self.find(number, path, MOST_RE_EXPORTS)
                    && file != module.file
                {
                    mentioned[module.file].entry(file).or_insert_with(|| path.join("::"));
                }
            }
        }
        mentioned
    }

    fn read_file(&mut self, repository: &Path, file: &Path, parent: Option<usize>, children: &Path) -> usize {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let place = file.strip_prefix(repository).unwrap_or(file).to_owned();
        let lines = text.lines().count();
        self.files.push(SourceFile { place, texts: Vec::new(), spawns: Vec::new(), tests: 0, lines });
        let number = self.new_module(self.files.len() - 1, parent);
        Reading { sources: self, repository, module: number, children }.items(tokens);
        number
    }

    fn new_module(&mut self, file: usize, parent: Option<usize>) -> usize {
        self.modules.push(Module { file, parent, ..Module::default() });
        self.modules.len() - 1
    }

    /// What a path leads to that stands in the code of a module, if it leads into the house at all.
    fn find(&self, module: usize, path: &[String], depth: usize) -> Option<Found> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.find_within(self.root_of(module), rest, depth),
            "self" => self.find_within(module, rest, depth),
            "super" => {
                let parent = self.modules[module].parent?;
                // `super::super` goes on upwards; every other name is looked for in the parent.
                match rest.first().map(String::as_str) {
                    Some("super") => self.find(parent, rest, depth),
                    _ => self.find_within(parent, rest, depth),
                }
            }
            _ => self.find_name(module, path, depth).or_else(|| {
                let library = *self.libraries.get(first)?;
                self.find_within(library, rest, depth)
            }),
        }
    }

    /// The same for a path that starts in a module. A name that no source spells out was made by a macro there.
    fn find_within(&self, module: usize, path: &[String], depth: usize) -> Option<Found> {
        if path.is_empty() {
            return Some(Found::Module(module));
        }
        self.find_name(module, path, depth).or(Some(Found::In(self.modules[module].file)))
    }

    /// The same for a path whose first name is defined, declared or imported in a module.
    fn find_name(&self, number: usize, path: &[String], depth: usize) -> Option<Found> {
        let (first, rest) = path.split_first()?;
        let module = &self.modules[number];
        let defined = module.items.contains(first);
        if let Some(child) = module.children.get(first)
            && !(defined && rest.is_empty())
        {
            return self.find_within(*child, rest, depth);
        }
        if defined {
            return Some(Found::In(module.file));
        }
        let depth = depth.checked_sub(1)?;
        let (named, globs): (Vec<_>, Vec<_>) = module.imports.iter().partition(|import| import.name.is_some());
        let through_name = named.into_iter().filter(|import| import.name.as_ref() == Some(first)).find_map(|import| {
            // `use domain;` and the like would look for themselves.
            if import.path.first() == Some(first) && !module.children.contains_key(first) {
                let library = *self.libraries.get(first)?;
                return self.find_within(library, &[&import.path[1..], rest].concat(), depth);
            }
            match self.find(number, &import.path, depth)? {
                Found::Module(other) => self.find_within(other, rest, depth),
                found @ Found::In(_) => Some(found),
            }
        });
        through_name.or_else(|| {
            globs.into_iter().find_map(|import| match self.find(number, &import.path, depth)? {
                Found::Module(other) if other != number => self.find_name(other, path, depth),
                _ => None,
            })
        })
    }

    fn root_of(&self, mut module: usize) -> usize {
        while let Some(parent) = self.modules[module].parent {
            module = parent;
        }
        module
    }
}

/// One module while it is read.
struct Reading<'a> {
    sources: &'a mut Sources,
    repository: &'a Path,
    module: usize,
    /// The folder in which the files of its children are.
    children: &'a Path,
}

impl Reading<'_> {
    fn items(&mut self, tokens: TokenStream) {
        let mut open: Vec<TokenTree> = Vec::new();
        for token in tokens {
            let ends_attribute = matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket)
                && matches!(open.last(), Some(TokenTree::Punct(sign)) if sign.as_char() == '!')
                && open.len() == 2;
            let ends = match &token {
                TokenTree::Punct(sign) => sign.as_char() == ';',
                TokenTree::Group(group) => {
                    group.delimiter() == Delimiter::Brace && !is_value_or_import(&open) || ends_attribute
                }
                _ => false,
            };
            open.push(token);
            if ends {
                self.item(&std::mem::take(&mut open));
            }
        }
        self.item(&open);
    }

    fn item(&mut self, tokens: &[TokenTree]) {
        let rest = without_attributes(tokens);
        if attributes(tokens).any(|attribute| is_for_tests(&attribute)) {
            let lines = lines_of(tokens);
            let file = self.sources.modules[self.module].file;
            self.sources.files[file].tests += lines.end() - lines.start() + 1;
            return;
        }
        let (public, rest) = without_visibility(rest);
        match rest {
            [TokenTree::Ident(word), tree @ ..] if word == "use" => self.import(tree, public),
            [TokenTree::Ident(word), TokenTree::Ident(name), body @ ..] if word == "mod" => {
                self.child(&name.to_string(), body);
            }
            _ => {
                if let Some(name) = defined_name(rest) {
                    self.sources.modules[self.module].items.insert(name);
                }
                self.code(tokens, false);
            }
        }
    }

    fn file(&mut self) -> &mut SourceFile {
        let file = self.sources.modules[self.module].file;
        &mut self.sources.files[file]
    }

    fn import(&mut self, tree: &[TokenTree], public: bool) {
        let mut imports = Vec::new();
        read_use_tree(tree, &[], &mut imports);
        let module = &mut self.sources.modules[self.module];
        if !public {
            module.mentions.extend(imports.iter().map(|import| import.path.clone()));
        }
        module.imports.extend(imports);
    }

    fn child(&mut self, name: &str, body: &[TokenTree]) {
        let folder = self.children.join(name);
        let number = if let [TokenTree::Group(inside)] = body {
            let file = self.sources.modules[self.module].file;
            let number = self.sources.new_module(file, Some(self.module));
            let mut reading =
                Reading { sources: self.sources, repository: self.repository, module: number, children: &folder };
            reading.items(inside.stream());
            number
        } else {
            let beside = self.children.join(format!("{name}.rs"));
            let file = if beside.is_file() { beside } else { folder.join("mod.rs") };
            self.sources.read_file(self.repository, &file, Some(self.module), &folder)
        };
        self.sources.modules[self.module].children.insert(name.to_owned(), number);
    }

    /// Takes the paths out of code: `a::b::c`, `name`, and those that attributes hold as texts.
    fn code(&mut self, tokens: &[TokenTree], in_attribute: bool) {
        let mut rest = tokens;
        // Behind a dot stands a field or a method, which is no path.
        let mut after_dot = false;
        while let Some((token, behind)) = rest.split_first() {
            rest = behind;
            match token {
                TokenTree::Ident(word) if word == "use" && !rest.first().is_some_and(|next| is_sign(next, '<')) => {
                    let end = rest.iter().position(|token| is_sign(token, ';')).unwrap_or(rest.len());
                    self.import(&rest[..end], false);
                    rest = &rest[end..];
                }
                TokenTree::Ident(word) => {
                    let mut path = vec![word.to_string()];
                    while let [colon, second, TokenTree::Ident(next), behind @ ..] = rest
                        && is_sign(colon, ':')
                        && is_sign(second, ':')
                    {
                        path.push(next.to_string());
                        rest = behind;
                    }
                    let called = matches!(rest.first(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
                    if called && path.last().is_some_and(|name| name == "spawn") {
                        self.file().spawns.push(word.span().start().line);
                    }
                    if !after_dot {
                        self.sources.modules[self.module].mentions.insert(path);
                    }
                }
                TokenTree::Group(group) => {
                    let is_attribute = group.delimiter() == Delimiter::Bracket && in_attribute_sign(tokens, behind);
                    let inside: Vec<_> = group.stream().into_iter().collect();
                    self.code(&inside, in_attribute || is_attribute);
                }
                TokenTree::Literal(text) if in_attribute => {
                    let text = text.to_string();
                    let path: Vec<String> = text.trim_matches('"').split("::").map(str::to_owned).collect();
                    self.sources.modules[self.module].mentions.insert(path);
                }
                TokenTree::Literal(text) => {
                    let line = text.span().start().line;
                    self.file().texts.push((line, text.to_string()));
                }
                _ => {}
            }
            // Two dots are a range.
            after_dot = is_sign(token, '.') && !after_dot;
        }
    }
}
