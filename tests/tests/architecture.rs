//! The house keeps its own order: what `docs/architecture.md` says of the crates is checked here against the manifests and
//! the sources. The suite `docs` compares the text with the repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The rooms, from the inside out. A crate builds on crates of rooms further in, and never on one beside it.
const ROOMS: [&[&str]; 9] = [
    &["domain"],
    &["event-store-schema"],
    &["commands", "projections-engine"],
    &["projections", "accounts"],
    &["policies", "frame"],
    &["realtime"],
    &["service"],
    &[
        "service-auth",
        "service-patients",
        "service-appointments",
        "service-records",
        "service-notifications",
        "service-analytics",
    ],
    &["medicalpro"],
];

/// Whether a crate may build on the crate of this name.
type MayBuildOn = fn(&str) -> bool;

/// Crates beside the rooms, and what they may not build on. Tests and tools start servers without compiling the house;
/// tools need no HTTP.
const BESIDE: [(&str, MayBuildOn); 3] = [
    ("embedded-servers", |_| false),
    ("replay-tools", |other| room_of(other).is_some_and(|room| room < 4) || other == "embedded-servers"),
    ("system-tests", |_| true),
];

/// The number of a crate's room.
fn room_of(name: &str) -> Option<usize> {
    ROOMS.iter().position(|room| room.contains(&name))
}

/// Whether a crate may build on another one of the house.
fn may_build_on(name: &str, other: &str) -> bool {
    match (BESIDE.iter().find(|(beside, _)| *beside == name), room_of(name)) {
        (Some((_, allows)), _) => allows(other),
        (None, Some(room)) => room_of(other).is_some_and(|inner| inner < room) || is_started_by(name, other),
        (None, None) => false,
    }
}

/// The program starts the servers underneath.
fn is_started_by(name: &str, other: &str) -> bool {
    (name, other) == ("medicalpro", "embedded-servers")
}

/// All that the domain may build on: values, their JSON, recurrence rules, and the traits of an aggregate. No I/O among it.
const DOMAIN_LIBRARIES: [&str; 9] =
    ["chrono", "cqrs-es", "jiff", "rrule", "serde", "serde_json", "thiserror", "unicode-normalization", "uuid"];

/// One library per job: what the product does not use, and what does that job.
const SECOND_CHOICES: [(&str, &str); 8] = [
    ("sqlx", "tokio-postgres"),
    ("postgres-es", "event-store-schema"),
    ("diesel", "tokio-postgres"),
    ("openssl", "ring"),
    ("native-tls", "ring"),
    ("chrono", "jiff"),
    ("time", "jiff"),
    ("paseto", "pasetors"),
];

/// Where a second choice is used all the same, and for what: the one file that speaks of it.
const INTERPRETERS: [(&str, &str, &str); 1] = [
    // The library that reads recurrence rules (RFC 5545) tells times in no other way.
    ("domain", "chrono", "domain/src/appointment/series.rs:"),
];

/// The tables that only the log itself speaks of in SQL.
const LOG_TABLES: [&str; 8] = [
    "audit.access",
    "log.events",
    "log.idempotency_keys",
    "log.key_reservations",
    "log.shared_time_reservations",
    "log.time_reservations",
    "keys.data_keys",
    "keys.secrets",
];

const IGNORED: &str = concat!("#[ig", "nore");

/// How a test says that it is one half of another, which runs it in a process of its own.
const RUN_BY_ANOTHER_TEST: &str = concat!("#[ig", "nore = \"run by ");

struct Crate {
    name: String,
    folder: PathBuf,
    /// Direct dependencies that end up in the product: not those for tests.
    dependencies: BTreeSet<String>,
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
            Crate {
                name: text(&package["name"]),
                folder: PathBuf::from(text(&package["manifest_path"])).parent().expect("a folder").to_owned(),
                dependencies: dependencies
                    .iter()
                    .filter(|dependency| dependency["kind"] != "dev")
                    .map(|dependency| text(&dependency["name"]))
                    .collect(),
            }
        })
        .collect()
}

fn product_crates() -> impl Iterator<Item = Crate> {
    crates().into_iter().filter(|member| member.name != "system-tests")
}

impl Crate {
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
    let commands = crates().into_iter().find(|member| member.name == "commands").expect("a crate");
    assert!(!commands.mentions(&["EventLog"]).is_empty());
}

#[test]
fn no_crate_builds_on_one_that_is_further_out() {
    let members = crates();
    let names: BTreeSet<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let placed = ROOMS.iter().copied().flatten().copied().chain(BESIDE.map(|(name, _)| name));
    assert_eq!(names, placed.collect(), "every crate has its place in the order");
    let against = members.iter().flat_map(|member| {
        let inside = member.dependencies.iter().filter(|dependency| names.contains(dependency.as_str()));
        inside
            .filter(move |dependency| !may_build_on(&member.name, dependency))
            .map(move |dependency| format!("{} builds on {dependency}", member.name))
    });
    none(against.collect());
}

#[test]
fn the_domain_builds_on_values_alone() {
    let domain = crates().into_iter().find(|member| member.name == "domain").expect("the domain is a crate");
    let allowed = BTreeSet::from(DOMAIN_LIBRARIES.map(str::to_owned));
    let more: Vec<_> = domain.dependencies.difference(&allowed).cloned().collect();
    none(more);
}

#[test]
fn the_domain_has_no_clock_no_randomness_and_no_io() {
    let domain = crates().into_iter().find(|member| member.name == "domain").expect("the domain is a crate");
    none(domain.mentions(&[
        "::now()",
        "now_v7",
        "new_v4",
        "SystemTime",
        "std::env",
        "std::fs",
        "std::io",
        "std::net",
        "std::process",
        "std::thread",
    ]));
}

#[test]
fn one_library_does_each_job() {
    let second = product_crates().flat_map(|member| {
        let name = member.name;
        let dependencies = member.dependencies;
        SECOND_CHOICES.iter().filter(move |(library, _)| dependencies.contains(*library)).map(
            move |(library, first)| {
                (name.clone(), *library, format!("{name} uses {library}, where {first} does the job"))
            },
        )
    });
    let interpreted =
        |name: &str, library: &str| INTERPRETERS.iter().any(|known| (known.0, known.1) == (name, library));
    none(second.filter(|(name, library, _)| !interpreted(name, library)).map(|(.., said)| said).collect());
}

#[test]
fn what_a_library_speaks_is_spoken_in_one_file() {
    let members = crates();
    for (name, library, file) in INTERPRETERS {
        let member = members.iter().find(|member| member.name == name).expect("a crate");
        let mentions = member.mentions(&[&format!("{library}::")]);
        assert!(mentions.iter().any(|place| place.starts_with(file)), "{name} has no use for {library} any more");
        none(mentions.into_iter().filter(|place| !place.starts_with(file)).collect());
    }
}

#[test]
fn nobody_but_the_log_speaks_of_its_tables() {
    let found = product_crates()
        .filter(|member| member.name != "event-store-schema")
        .flat_map(|member| member.mentions(&LOG_TABLES));
    none(found.collect());
}

#[test]
fn projections_read_the_log_and_never_write_it() {
    let readers = ["projections-engine", "projections"];
    let found = crates().into_iter().filter(|member| readers.contains(&member.name.as_str()));
    none(found.flat_map(|member| member.mentions(&["AppendRequest", "StreamAppend", "NewEvent"])).collect());
}

#[test]
fn the_engine_of_read_models_knows_no_aggregate() {
    let members = crates();
    let folder_of = |name: &str| &members.iter().find(|member| member.name == name).expect("a crate").folder;
    let sources = fs::read_dir(folder_of("domain").join("src")).expect("the sources of the domain");
    // One folder per aggregate, and some folders of values.
    let folders = sources.map(|entry| entry.expect("an entry of the folder").path()).filter(|path| path.is_dir());
    let words: Vec<String> = folders
        .filter_map(|folder| Some(format!("domain::{}::", folder.file_name()?.to_str()?)))
        .filter(|word| word != "domain::values::")
        .collect();
    assert!(words.contains(&"domain::patient::".to_owned()), "{words:?}");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let engine = members.iter().find(|member| member.name == "projections-engine").expect("a crate");
    none(engine.mentions(&words));
}

#[test]
fn no_command_is_decided_on_a_read_model() {
    let commands = crates().into_iter().find(|member| member.name == "commands").expect("a crate");
    none(commands.mentions(&["read_model"]));
}

#[test]
fn nothing_is_left_for_later() {
    // In parts, so that this file does not find itself.
    let later = [concat!("to", "do!("), concat!("unimpl", "emented!("), concat!("db", "g!("), IGNORED];
    let found = crates().into_iter().flat_map(|member| {
        let lines = member.lines(&["src", "sql", "tests", "benches", "examples", "migrations"]);
        lines
            .into_iter()
            .filter(|(_, line)| later.iter().any(|word| line.contains(word)) && !line.contains(RUN_BY_ANOTHER_TEST))
    });
    none(found.map(|(place, line)| format!("{place}: {line}")).collect());
}
