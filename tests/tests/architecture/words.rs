//! What is left for later.

use crate::{crates, none};

const IGNORED: &str = concat!("#[ig", "nore");

/// How a test says that it is one half of another, which runs it in a process of its own.
const RUN_BY_ANOTHER_TEST: &str = concat!("#[ig", "nore = \"run by ");

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
