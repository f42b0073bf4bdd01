//! No file needs itself by way of others. A file that only declares modules and hands their names on needs none of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::modules::Sources;
use crate::{none, sources};

type Graph = Vec<BTreeMap<usize, String>>;

/// Every file that can be reached from one.
fn reached_from(graph: &Graph, file: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(here) = open.pop() {
        open.extend(graph[here].keys().copied().filter(|next| reached.insert(*next)));
    }
    reached
}

/// The groups of files that all need each other.
fn circles(graph: &Graph) -> Vec<BTreeSet<usize>> {
    let reached: Vec<_> = (0..graph.len()).map(|file| reached_from(graph, file)).collect();
    let circle_of =
        |file: usize| reached[file].iter().copied().filter(|other| reached[*other].contains(&file)).collect();
    let all: BTreeSet<BTreeSet<usize>> =
        (0..graph.len()).map(circle_of).filter(|circle: &BTreeSet<_>| !circle.is_empty()).collect();
    all.into_iter().collect()
}

#[test]
fn no_file_needs_itself_by_way_of_others() {
    let sources = sources();
    let graph = sources.mentioned_files();
    let place = |file: usize| sources.files[file].place.display().to_string();
    let found = circles(&graph);
    let names: Vec<Vec<String>> = found.iter().map(|circle| circle.iter().copied().map(place).collect()).collect();
    let told = found.iter().zip(&names).map(|(circle, names)| {
        let needs = circle.iter().flat_map(|file| {
            let inside = graph[*file].iter().filter(|(other, _)| circle.contains(other));
            inside.map(|(other, path)| format!("\n    {} needs {}: {path}", place(*file), place(*other)))
        });
        format!("a circle of {} files:{}", names.len(), needs.collect::<String>())
    });
    none(told.collect());
}

#[test]
fn a_circle_is_found_and_a_file_that_only_hands_names_on_is_in_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = [
        (
            "lib.rs",
            "pub mod inner;\npub mod other;\npub use inner::Inner;\n#[cfg(test)]\nmod tests { use super::Inner; }\n",
        ),
        ("inner.rs", "mod deep;\npub struct Inner(deep::Deep);\n"),
        ("inner/deep.rs", "pub struct Deep;\nimpl Deep { fn inner() { super::super::Inner; } }\n"),
        ("other.rs", "use crate::{Inner as Known, inner};\npub fn one(_: Known, _: inner::Inner) {}\n"),
    ];
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("a file");
    }
    let mut sources = Sources::default();
    sources.read_crate(folder.path(), &folder.path().join("lib.rs"), Some("sample"));
    let places: Vec<_> = sources.files.iter().map(|file| file.place.display().to_string()).collect();
    assert_eq!(places, ["lib.rs", "inner.rs", "inner/deep.rs", "other.rs"]);
    let graph = sources.mentioned_files();
    let needs: Vec<Vec<_>> = graph.iter().map(|needed| needed.keys().copied().collect()).collect();
    assert_eq!(needs, [vec![], vec![2], vec![1], vec![1]]);
    assert_eq!(circles(&graph), [BTreeSet::from([1, 2])]);
}
