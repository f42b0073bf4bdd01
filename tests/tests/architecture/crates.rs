//! Which crate may build on which, and on which libraries.

use std::collections::BTreeSet;

use crate::{crates, none, product_crates};

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
