//! Statements are files, and a schema has one owner.

use std::fs;

use crate::{none, product_crates, sources, workspace_folder};

/// The schemas of the house, and in which crates SQL speaks of them.
const OWNERS: [(&str, &[&str]); 7] = [
    ("log", &["event-store-schema"]),
    ("keys", &["event-store-schema"]),
    ("audit", &["event-store-schema"]),
    ("read_model", &["projections", "projections-engine"]),
    ("accounts", &["accounts"]),
    ("messaging", &["policies"]),
    ("notifications", &["service-notifications"]),
];

/// Statements in code, by file: how many, and why.
const INLINE: [(&str, usize, &str); 0] = [];

/// Whether a text is a statement on a table. `SELECT 1` is none.
fn is_statement(text: &str) -> bool {
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let has = |first: &str, second: &str| {
        let first = words.iter().position(|word| *word == first);
        first.is_some_and(|first| words[first + 1..].contains(&second))
    };
    has("SELECT", "FROM") || has("INSERT", "INTO") || has("UPDATE", "SET") || has("DELETE", "FROM")
}

/// The schemas that a text speaks of: `schema.name`.
fn schemas_in(text: &str) -> impl Iterator<Item = &'static str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    OWNERS.iter().map(|(schema, _)| *schema).filter(move |schema| {
        text.match_indices(schema).any(|(start, _)| {
            let behind = &text[start + schema.len()..];
            !text[..start].ends_with(|c: char| is_word(c) || c == '.')
                && behind.strip_prefix('.').is_some_and(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
        })
    })
}

#[test]
fn a_statement_and_a_schema_are_known_when_they_are_seen() {
    for statement in [
        "SELECT a FROM b",
        "WITH gone AS (DELETE FROM a) SELECT 1",
        "INSERT INTO a VALUES (1)",
        "UPDATE a SET b = 1",
        "SELECT EXISTS (SELECT FROM a)",
    ] {
        assert!(is_statement(statement), "{statement}");
    }
    for text in ["SELECT 1", "the row that was SELECTed", "DELETE", "an UPDATE of the row"] {
        assert!(!is_statement(text), "{text}");
    }
    assert_eq!(schemas_in("SELECT FROM log.events, accounts.sessions").collect::<Vec<_>>(), ["log", "accounts"]);
    assert_eq!(schemas_in("catalog.x, medicalpro.log.x, accounts. Then").count(), 0);
}

#[test]
fn no_statement_stands_in_code() {
    let sources = sources();
    assert!(sources.files.iter().any(|file| !file.texts.is_empty()), "texts are found");
    let mut found = Vec::new();
    for file in &sources.files {
        let place = file.place.display().to_string();
        let statements = file.texts.iter().filter(|(_, text)| is_statement(text));
        let lines: Vec<_> = statements.map(|(line, _)| *line).collect();
        let allowed = INLINE.iter().find(|(known, ..)| *known == place).map_or(0, |(_, count, _)| *count);
        if lines.len() != allowed {
            found.push(format!("{place} has statements in the lines {lines:?}, and {allowed} are known"));
        }
    }
    none(found);
}

#[test]
fn sql_on_a_schema_stands_with_its_owner_alone() {
    let may_speak =
        |member: &str, schema: &str| OWNERS.iter().any(|(known, owners)| *known == schema && owners.contains(&member));
    let mut found = Vec::new();
    for member in product_crates() {
        let folder = member.folder.strip_prefix(workspace_folder()).unwrap_or(&member.folder);
        let files = member.lines(&["sql", "migrations"]);
        let others =
            product_crates().filter(|other| other.name != member.name && other.folder.starts_with(&member.folder));
        let others: Vec<_> = others.map(|other| other.folder).collect();
        let texts = sources().files.iter().filter(|file| {
            file.place.starts_with(folder)
                && !others.iter().any(|other| workspace_folder().join(&file.place).starts_with(other))
        });
        let texts = texts.flat_map(|file| {
            let place = file.place.display();
            file.texts.iter().map(move |(line, text)| (format!("{place}:{line}"), text.clone()))
        });
        for (place, line) in files.into_iter().chain(texts) {
            let line = line.split("--").next().unwrap_or_default();
            let foreign = schemas_in(line).filter(|schema| !may_speak(&member.name, schema));
            found.extend(foreign.map(|schema| format!("{place} speaks of the schema {schema}")));
        }
    }
    none(found);
}

#[test]
fn every_owner_of_a_schema_has_its_statements_in_files() {
    for (schema, owners) in OWNERS {
        let owned = product_crates().filter(|member| owners.contains(&member.name.as_str()));
        let files =
            owned.flat_map(|member| member.lines(&["sql"])).filter(|(_, line)| schemas_in(line).any(|s| s == schema));
        assert!(files.count() > 0, "{schema}");
    }
    assert!(fs::read_dir(workspace_folder().join("accounts/sql")).expect("a folder").count() > 1);
}
