//! No task is spawned and forgotten: background work is supervised, and the rest is waited for.

use std::collections::BTreeMap;

use crate::{none, sources};

/// Where something is spawned that no `Tasks` supervises, how often, and why it is not forgotten all the same.
const SPAWNS: [(&str, usize, &str); 15] = [
    ("accounts/src/passwords.rs", 1, "threads that go on after a panic, and show it in readiness"),
    ("api/frame/src/shutdown.rs", 1, "waits for the signals that end the program, and ends it"),
    ("api/frame/src/tls.rs", 2, "the acceptor waits for handshakes, and its server for the acceptor"),
    ("api/frame/src/unread_body.rs", 1, "reads what nobody wants for some seconds at most, whatever becomes of it"),
    ("api/realtime/src/traces.rs", 1, "the next trace waits for it, and a server that stops for all of them"),
    ("embedded-servers/src/scratch.rs", 1, "a process that is waited for"),
    ("embedded-servers/src/supervisor.rs", 2, "the supervisor of processes, and the processes"),
    ("event-store-schema/src/database.rs", 1, "a connection: its client says that it is closed"),
    ("event-store-schema/src/group_commit.rs", 1, "a supervisor"),
    ("event-store-schema/src/migrating.rs", 1, "a connection, which is waited for"),
    ("event-store-schema/src/tasks.rs", 2, "the supervisor itself"),
    ("policies/src/reminders/mod.rs", 1, "a message: the tick waits for it, and tells its panic"),
    ("policies/src/waiting_list/telling.rs", 1, "a message: its panic is caught, told, and it is tried again"),
    ("projections/engine/src/session.rs", 1, "a connection: its client says that it is closed"),
    ("projections/src/patients/loading.rs", 1, "a thread of a scope, which waits for it"),
];

#[test]
fn no_task_is_spawned_and_forgotten() {
    let known: BTreeMap<String, usize> = SPAWNS.iter().map(|(place, count, _)| ((*place).to_owned(), *count)).collect();
    let files = sources().files.iter().filter(|file| !file.spawns.is_empty());
    let found: BTreeMap<String, Vec<usize>> =
        files.map(|file| (file.place.display().to_string(), file.spawns.clone())).collect();
    let new = found.iter().filter(|(place, lines)| known.get(*place) != Some(&lines.len())).map(|(place, lines)| {
        format!("{place} spawns in the lines {lines:?}: start it with `Tasks::start`, or say here who waits for it")
    });
    let gone = known.keys().filter(|place| !found.contains_key(*place));
    none(new.chain(gone.map(|place| format!("{place} spawns nothing any more, so take it out of the list"))).collect());
}
