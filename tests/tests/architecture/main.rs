//! The house keeps its own order. What `docs/architecture.md` says of the crates is checked here against the manifests
//! and the sources, so that neither drifts away from the other.

mod circles;
mod crates;
mod modules;
mod registries;
mod rooms;
mod sizes;
mod statements;
mod tasks;
mod tokens;
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use crate::modules::Sources;

struct Crate {
    name: String,
    /// The name of its library in `use`.
    library: String,
    folder: PathBuf,
    /// Direct dependencies that end up in the product: not those for tests.
    dependencies: BTreeSet<String>,
    /// Direct dependencies of its tests.
    test_dependencies: BTreeSet<String>,
}

fn workspace_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the workspace's folder")
}

fn crates() -> Vec<Crate> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(workspace_folder())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata answers in JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    packages
        .iter()
        .map(|package| {
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            let dependencies = package["dependencies"].as_array().expect("a list of dependencies");
            let named = |wanted: &dyn Fn(&Value) -> bool| {
                let wanted = dependencies.iter().filter(|dependency| wanted(&dependency["kind"]));
                wanted.map(|dependency| text(&dependency["name"])).collect()
            };
            let targets = package["targets"].as_array().expect("a list of targets");
            let library = targets.iter().find(|target| target["kind"][0] == "lib").unwrap_or(package);
            Crate {
                name: text(&package["name"]),
                library: text(&library["name"]),
                folder: PathBuf::from(text(&package["manifest_path"])).parent().expect("a folder").to_owned(),
                dependencies: named(&|kind| kind != "dev"),
                test_dependencies: named(&|kind| kind == "dev"),
            }
        })
        .collect()
}

fn crate_named(name: &str) -> Crate {
    crates().into_iter().find(|member| member.name == name).unwrap_or_else(|| panic!("{name} is a crate"))
}

fn product_crates() -> impl Iterator<Item = Crate> {
    crates().into_iter().filter(Crate::is_product)
}

/// The product's sources as its crates declare them.
fn sources() -> &'static Sources {
    static SOURCES: LazyLock<Sources> = LazyLock::new(|| {
        let mut sources = Sources::default();
        for member in product_crates() {
            let library = member.folder.join("src/lib.rs");
            if library.is_file() {
                sources.read_crate(workspace_folder(), &library, Some(&member.library));
            }
            let program = member.folder.join("src/main.rs");
            if program.is_file() {
                sources.read_crate(workspace_folder(), &program, None);
            }
        }
        sources
    });
    &SOURCES
}

impl Crate {
    /// Whether it is the product, and not what tests it.
    fn is_product(&self) -> bool {
        self.name != "system-tests"
    }

    /// The lines of code below these folders of the crate, each with where it stands. Comments are not code.
    fn lines(&self, folders: &[&str]) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        let mut open: Vec<PathBuf> = folders.iter().map(|folder| self.folder.join(folder)).collect();
        while let Some(folder) = open.pop() {
            if !folder.is_dir() {
                continue;
            }
            for entry in fs::read_dir(&folder).expect("a folder of sources") {
                let path = entry.expect("an entry of the folder").path();
                let is_source = path.extension().is_some_and(|extension| extension == "rs" || extension == "sql");
                if path.is_dir() {
                    open.push(path);
                } else if is_source {
                    let source = fs::read_to_string(&path).expect("a source file");
                    let place = path.strip_prefix(workspace_folder()).unwrap_or(&path).display();
                    for (number, line) in (1..).zip(source.lines()) {
                        let code = line.trim();
                        if !code.starts_with("//") && !code.starts_with("--") {
                            lines.push((format!("{place}:{number}"), code.to_owned()));
                        }
                    }
                }
            }
        }
        lines
    }

    /// The places of the product's code in this crate where one of the words stands.
    fn mentions(&self, words: &[&str]) -> Vec<String> {
        let found = |line: &str| words.iter().find(|word| line.contains(**word)).copied();
        let lines = self.lines(&["src", "sql"]);
        lines.iter().filter_map(|(place, line)| found(line).map(|word| format!("{place} has {word}"))).collect()
    }
}

fn none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_search_of_the_sources_finds_what_is_there() {
    assert!(!crate_named("commands").mentions(&["EventLog"]).is_empty());
}
