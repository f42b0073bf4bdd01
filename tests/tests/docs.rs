//! The documentation says what is so. Paths, links and numbers in `README.md` and `docs/` are compared with the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use medicalpro::catalogue::CATALOGUE;
use projections::publisher::NatsNames;

/// Endings by which a word in code style is the name of a file.
const FILES: [&str; 11] = [".rs", ".sql", ".md", ".toml", ".sh", ".json", ".jsonl", ".conf", ".yml", ".html", ".css"];

/// Names of files that the product or its tools make.
const MADE: [&str; 4] = ["latest.json", "openapi.json", "asyncapi.json", "endpoints.json"];

/// Folders that are no part of the repository.
const OUTSIDE: [&str; 4] = ["target", "data", ".git", "node_modules"];

/// The pages on which a number in front of one of the [`counts`] is today's. Measurements and decisions speak of their own
/// day.
const COUNTING: [&str; 4] = ["README.md", "docs/architecture.md", "docs/adding-a-module.md", "docs/operations.md"];

const NUMBERS: &str = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen \
    seventeen eighteen nineteen twenty";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the workspace's folder")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files below a folder of the repository, as paths from its root.
fn files_below(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry of the folder").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() && !OUTSIDE.contains(&name) {
                open.push(path);
            } else if path.is_file() {
                let path = path.strip_prefix(root()).expect("a path below the root");
                found.push(path.to_str().expect("a path in UTF-8").to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The pages of the documentation, each with its text.
fn pages() -> Vec<(String, String)> {
    let mut pages: Vec<String> = files_below("docs").into_iter().filter(|path| path.ends_with(".md")).collect();
    pages.push("README.md".to_owned());
    pages.into_iter().map(|page| (page.clone(), read(&page))).collect()
}

/// The text without its blocks of code.
fn prose(text: &str) -> String {
    let outside = text.split("\n```").step_by(2);
    outside.map(|part| part.to_owned() + "\n").collect()
}

/// The words in code style.
fn in_code_style(text: &str) -> Vec<String> {
    prose(text).split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The targets of the links.
fn links(text: &str) -> Vec<String> {
    let text = prose(text);
    let after = text.split("](").skip(1);
    after.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
}

/// The anchors of a page: its headings as the links of a rendered page name them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text);
    let headings = headings.lines().filter_map(|line| Some(line.strip_prefix('#')?.trim_start_matches('#').trim()));
    let anchor = |heading: &str| {
        let kept = heading.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    };
    headings.map(anchor).collect()
}

/// Why a word in code style is no path of this repository, if it looks like one.
fn missing(word: &str, files: &[String]) -> Option<String> {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    if !plain || word.starts_with(['.', '/']) {
        return None;
    }
    let first = word.split('/').next().unwrap_or_default();
    let from_the_root = word.contains('/') && !OUTSIDE.contains(&first) && root().join(first).is_dir();
    let name = word.rsplit('/').next().unwrap_or_default();
    let is_file = FILES.iter().any(|ending| word.len() > ending.len() && word.ends_with(ending));
    if from_the_root {
        (!root().join(word).exists()).then(|| format!("there is no {word}"))
    } else if is_file && !OUTSIDE.contains(&first) && !MADE.contains(&name) {
        let end = format!("/{word}");
        let found = files.iter().any(|file| file == word || file.ends_with(&end));
        (!found).then(|| format!("no file is called {word}"))
    } else {
        None
    }
}

fn none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_path_that_the_documentation_names_exists() {
    let files = files_below(".");
    let found = pages().into_iter().flat_map(|(page, text)| {
        let missing = in_code_style(&text).into_iter().filter_map(|word| missing(&word, &files));
        missing.map(|why| format!("{page}: {why}")).collect::<Vec<_>>()
    });
    none(found.collect());
}

#[test]
fn a_path_that_does_not_exist_is_found() {
    let files = files_below("docs");
    for word in ["docs/nothing.md", "domain/src/nothing/", "nothing.rs", "reminders/nothing.sql"] {
        assert!(missing(word, &files).is_some(), "{word}");
    }
    for word in ["docs/README.md", "README.md"].map(|word| word.replace("README", "architecture")) {
        assert_eq!(missing(&word, &files), None);
    }
    for word in ["health/ready", "/api/v1/patients", "domain/src/<x>/mod.rs", "target/bench/latest.json", "log.append"]
    {
        assert_eq!(missing(word, &files), None);
    }
}

#[test]
fn every_link_of_the_documentation_leads_somewhere() {
    let mut astray = Vec::new();
    for (page, text) in pages() {
        let folder: PathBuf = Path::new(&page).parent().expect("a page stands in a folder").to_owned();
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { root().join(&page) } else { root().join(&folder).join(path) };
            let leads = if anchor.is_empty() {
                target.exists()
            } else {
                fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor))
            };
            if !leads {
                astray.push(format!("{page}: {link}"));
            }
        }
    }
    none(astray);
}

/// The rows of the table whose header begins with this cell.
fn table(text: &str, first: &str) -> Vec<Vec<String>> {
    let header = format!("\n| {first} |");
    let (_, table) = text.split_once(&header).unwrap_or_else(|| panic!("there is no table of {first}"));
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The crates of the workspace, each with its folder.
fn crates() -> BTreeMap<String, String> {
    let manifest = read("Cargo.toml");
    let (_, members) = manifest.split_once("members = [").expect("the workspace has members");
    let (members, _) = members.split_once(']').expect("the list has an end");
    let folders = members.split('"').skip(1).step_by(2);
    let named = folders.map(|folder| {
        let manifest = read(&format!("{folder}/Cargo.toml"));
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = \""));
        (name.expect("a crate has a name").trim_end_matches('"').to_owned(), folder.to_owned())
    });
    named.collect()
}

#[test]
fn the_map_gives_every_crate_a_job_and_an_invariant() {
    let mut mapped = BTreeMap::new();
    for row in table(&read("docs/architecture.md"), "crate") {
        let [named, job, invariant] = row.as_slice() else { panic!("a row of three cells: {row:?}") };
        assert!(job.len() > 20 && invariant.len() > 20, "{named} has a job and an invariant");
        let (name, folder) = named.split_once("](../").expect("a crate and the way to it");
        mapped.insert(name.trim_matches(['[', '`']).to_owned(), folder.trim_end_matches(')').to_owned());
    }
    assert_eq!(mapped, crates(), "left: the map, right: the workspace");
}

/// What is counted, and how many there are.
fn counts() -> BTreeMap<&'static str, usize> {
    let files = files_below(".");
    let golden = files.iter().filter_map(|path| path.strip_prefix("domain/tests/golden/")?.split('.').next());
    let sources =
        |folder: &'static str| files.iter().filter(move |path| path.starts_with(folder) && path.ends_with(".rs"));
    let aggregates = sources("domain/src/").map(|path| read(path).matches("\nimpl AggregateRoot for ").count());
    let streams = sources("projections/src/").map(|path| read(path).matches(".get_or_create_stream(").count());
    let migrations = files.iter().filter(|path| path.contains("/migrations/") && path.ends_with(".sql"));
    let schemas: BTreeSet<String> = migrations.flat_map(|path| schemas_made(&read(path))).collect();
    BTreeMap::from([
        ("crates", crates().len()),
        ("services", CATALOGUE.len()),
        ("aggregates", aggregates.sum()),
        ("types of events", golden.collect::<BTreeSet<_>>().len()),
        ("read models", projections::all().len()),
        ("policies", CATALOGUE.iter().map(|service| service.policies.len()).sum()),
        ("stream on NATS", streams.sum()),
        ("kinds of subjects", NatsNames::KINDS.len()),
        ("schemas of the database", schemas.len()),
    ])
}

/// The schemas that a migration makes.
fn schemas_made(migration: &str) -> Vec<String> {
    let statements = migration.split("CREATE SCHEMA ").skip(1);
    let names = statements.map(|rest| rest.trim_start_matches("IF NOT EXISTS "));
    names.map(|rest| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect()).collect()
}

/// The numbers that stand right before these words.
fn numbers_before(text: &str, words: &str) -> Vec<usize> {
    let text = prose(text).split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let words = format!(" {}", words.to_lowercase());
    let before = text.match_indices(&words).filter_map(|(place, _)| text[..place].rsplit([' ', '(']).next());
    let number = |word: &str| {
        let named = NUMBERS.split_whitespace().position(|name| name == word).map(|place| place + 1);
        named.or_else(|| word.parse().ok())
    };
    before.filter_map(number).collect()
}

#[test]
fn the_map_counts_what_there_is() {
    let text = read("docs/architecture.md");
    let rows = table(&text, "there are");
    let counted: BTreeMap<&str, usize> =
        rows.iter().map(|row| (row[1].as_str(), row[0].parse().expect("a number"))).collect();
    assert_eq!(counted, counts(), "left: the map, right: the code");
}

#[test]
fn a_number_in_the_documentation_is_that_of_the_code() {
    let mut wrong = Vec::new();
    for page in COUNTING {
        let text = read(page);
        for (counted, right) in counts() {
            let others = numbers_before(&text, counted).into_iter().filter(|number| *number != right);
            wrong.extend(others.map(|number| format!("{page} has {number} {counted}, there are {right}")));
        }
    }
    none(wrong);
}

#[test]
fn a_number_is_read_in_words_and_in_digits() {
    let text =
        "There are ten\nread models (8 read models), the read models, and `8` services.\n```\n5 read models\n```\n";
    assert_eq!(numbers_before(text, "read models"), [10, 8]);
}

/// The tests that a page names: words in code style that are as long as the name of a test.
fn named_tests(text: &str) -> BTreeSet<String> {
    let is_name = |word: &str| word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let words = in_code_style(text).into_iter();
    words.filter(|word| is_name(word) && word.matches('_').count() >= 3).collect()
}

#[test]
fn every_test_that_the_guide_to_changes_names_exists() {
    let sources = files_below(".").into_iter().filter(|path| path.ends_with(".rs")).map(|path| read(&path));
    let functions: BTreeSet<String> = sources.flat_map(|source| functions_of(&source)).collect();
    let named = named_tests(&read("docs/adding-a-module.md"));
    assert!(named.len() > 20, "the guide says which test fails: {named:?}");
    none(named.difference(&functions).map(|name| format!("no function is called {name}")).collect());
}

fn functions_of(source: &str) -> Vec<String> {
    let declared = source.lines().filter_map(|line| line.split_once("fn ")?.1.split(['(', '<']).next());
    declared.map(str::to_owned).collect()
}
