//! What each room may not know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::{crate_named, crates, none, product_crates, sources};

/// All that the domain may build on: values, their JSON, recurrence rules, and the traits of an aggregate. No I/O among it.
const DOMAIN_LIBRARIES: [&str; 9] =
    ["chrono", "cqrs-es", "jiff", "rrule", "serde", "serde_json", "thiserror", "unicode-normalization", "uuid"];

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

/// Crates that are used without HTTP: by policies, by tools, by screens and operations alike.
const WITHOUT_HTTP: [&str; 9] = [
    "domain",
    "event-store-schema",
    "commands",
    "projections-engine",
    "projections",
    "accounts",
    "policies",
    "embedded-servers",
    "replay-tools",
];

/// The libraries of HTTP servers.
const HTTP: [&str; 3] = ["poem", "poem-openapi", "frame"];

/// The aggregates, each with the names of its commands, its events and its refusals.
fn families() -> &'static BTreeMap<String, BTreeMap<String, String>> {
    static FAMILIES: LazyLock<BTreeMap<String, BTreeMap<String, String>>> = LazyLock::new(|| {
        let word = |text: &str| text.trim_end_matches(['{', ';', ' ']).to_owned();
        let mut families: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        let mut aggregate = None;
        for (_, line) in crate_named("domain").lines(&["src"]) {
            if line.starts_with("impl ") {
                aggregate = line.strip_prefix("impl Aggregate for ").map(word);
            }
            let (Some(aggregate), Some(named)) = (&aggregate, line.strip_prefix("type ")) else { continue };
            if let Some((kind, name)) = named.split_once(" = ") {
                families.entry(aggregate.clone()).or_default().insert(kind.to_owned(), word(name));
            }
        }
        families
    });
    &FAMILIES
}

/// The aggregates, each with the name of its events.
pub fn aggregate_families() -> Vec<(String, String)> {
    let event = |family: &BTreeMap<String, String>| family.get("Event").cloned().unwrap_or_default();
    families().iter().map(|(aggregate, family)| (aggregate.clone(), event(family))).collect()
}

/// Whether it is the name of an aggregate, of its commands, its events or its refusals.
fn is_of_an_aggregate(name: &str) -> bool {
    let kinds = ["Command", "Event", "Error"];
    families().iter().any(|(aggregate, family)| {
        aggregate == name || kinds.iter().any(|kind| family.get(*kind).is_some_and(|known| known == name))
    })
}

/// The aggregate that a path leads to. An area of permissions may be called like one.
fn aggregate_in(path: &[String]) -> Option<String> {
    let is_area = path.iter().any(|name| name == "Area");
    path.iter().find(|name| is_of_an_aggregate(name)).filter(|_| !is_area).cloned()
}

/// Where the product's code below a folder of the repository has a path that `found` finds something in.
fn mentions_of(folder: &str, found: impl Fn(&[String]) -> Option<String>) -> Vec<String> {
    let paths = sources().paths().filter(|(place, _)| place.starts_with(folder));
    let told = paths.filter_map(|(place, path)| found(path).map(|what| format!("{} has {what}", place.display())));
    told.collect()
}

#[test]
fn the_search_for_aggregates_finds_them() {
    for name in ["Patient", "WaitingEntry", "UserCommand", "AppointmentEvent", "AvailabilityError"] {
        assert!(is_of_an_aggregate(name), "{name}");
    }
    assert!(!mentions_of("commands", aggregate_in).is_empty());
}

#[test]
fn the_domain_builds_on_values_alone() {
    let domain = crate_named("domain");
    let allowed = BTreeSet::from(DOMAIN_LIBRARIES.map(str::to_owned));
    let more: Vec<_> = domain.dependencies.difference(&allowed).cloned().collect();
    none(more);
}

#[test]
fn the_domain_has_no_clock_no_randomness_and_no_io() {
    let domain = crate_named("domain");
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
    none(mentions_of("projections/engine", aggregate_in));
}

#[test]
fn what_every_operation_shares_knows_no_aggregate() {
    none(mentions_of("api/frame", aggregate_in));
}

#[test]
fn no_command_is_decided_on_a_read_model() {
    let commands = crate_named("commands");
    none(commands.mentions(&["read_model"]));
}

#[test]
fn nothing_but_operations_and_screens_knows_http() {
    let built = WITHOUT_HTTP.map(crate_named).into_iter().flat_map(|member| {
        let used: Vec<_> = member.dependencies.iter().filter(|name| HTTP.contains(&name.as_str())).cloned().collect();
        used.into_iter().map(move |name| format!("{} builds on {name}", member.name))
    });
    let http =
        |path: &[String]| path.first().filter(|name| name.as_str() == "poem" || *name == "poem_openapi").cloned();
    let written = ["accounts", "policies", "domain", "commands", "projections", "event-store-schema"];
    none(built.chain(written.into_iter().flat_map(|folder| mentions_of(folder, http))).collect());
}

#[test]
fn no_service_builds_on_another() {
    let services: Vec<_> = product_crates().filter(|member| member.name.starts_with("service-")).collect();
    assert_eq!(services.len(), 6);
    let both = services.iter().flat_map(|member| {
        let built_on = member.dependencies.iter().chain(&member.test_dependencies);
        let others = built_on.filter(|name| services.iter().any(|other| other.name == **name));
        others.map(|name| format!("{} builds on {name}", member.name))
    });
    none(both.collect());
}

#[test]
fn embedded_servers_stand_alone() {
    let servers = crate_named("embedded-servers");
    let house: BTreeSet<_> = crates().into_iter().map(|member| member.name).collect();
    let built_on = servers.dependencies.union(&servers.test_dependencies);
    none(built_on.filter(|name| house.contains(*name)).cloned().collect());
}
