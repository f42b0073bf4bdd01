//! No room outgrows the house. Counted are the lines of `.rs` files that are no tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::{product_crates, sources, workspace_folder};

/// The lines of product code, by what `belongs` says of a file.
fn lines_by(belongs: impl Fn(&Path) -> Option<PathBuf>) -> BTreeMap<PathBuf, usize> {
    let mut lines = BTreeMap::new();
    for file in &sources().files {
        let place = belongs(&file.place).unwrap_or_else(|| panic!("{} belongs nowhere", file.place.display()));
        *lines.entry(place).or_insert(0) += file.product_lines();
    }
    lines
}

/// Holds the largest to its share of all lines, and prints them all.
fn hold_to_one_part_of(parts: usize, lines: &BTreeMap<PathBuf, usize>) {
    let all: usize = lines.values().sum();
    for (place, count) in lines {
        println!("{:>7} lines, {:>4.1} %: {}", count, *count as f64 * 100.0 / all as f64, place.display());
    }
    let (place, largest) = lines.iter().max_by_key(|(_, count)| **count).expect("the product has code");
    println!("{all:>7} lines in all");
    assert!(largest * parts <= all, "{} has {largest} of {all} lines", place.display());
}

#[test]
fn the_largest_folder_holds_at_most_a_third_of_the_code() {
    hold_to_one_part_of(3, &lines_by(|file| file.iter().next().map(PathBuf::from)));
}

#[test]
fn the_largest_crate_holds_at_most_a_fifth_of_the_code() {
    let crates: Vec<PathBuf> = product_crates()
        .map(|member| member.folder.strip_prefix(workspace_folder()).unwrap_or(&member.folder).to_owned())
        .collect();
    // `projections` is a crate, and `projections/engine` in it is another.
    let deepest = |file: &Path| {
        crates.iter().filter(|folder| file.starts_with(folder)).max_by_key(|folder| folder.iter().count()).cloned()
    };
    hold_to_one_part_of(5, &lines_by(deepest));
}
