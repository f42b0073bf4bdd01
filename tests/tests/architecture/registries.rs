//! Lists that name one thing after another, and what must not be missing in them. Whoever adds a thing and forgets a list is
//! told here. `docs/adding-a-module.md` names these tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::rooms::aggregate_families;
use crate::tokens::is_sign;
use crate::{Crate, crate_named, none, product_crates, workspace_folder};

/// Lists of all aggregates, and those that are in none on purpose.
const LISTS_OF_AGGREGATES: [(&str, &[(&str, &str)]); 4] = [
    ("domain/tests/golden_events.rs", &[]),
    ("projections/tests/versions.rs", &[]),
    (
        "projections/src/push.rs",
        &[
            ("User", "who came and went is for those who read the trail"),
            ("Availability", "calendars are read anew when they are opened"),
        ],
    ),
    (
        "projections/src/push/tests.rs",
        &[("User", "no event of staff has a frame"), ("Availability", "no event of a calendar has a frame")],
    ),
];

fn text(file: &str) -> String {
    fs::read_to_string(workspace_folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn tokens(file: &str) -> Vec<TokenTree> {
    text(file).parse::<TokenStream>().unwrap_or_else(|error| panic!("{file}: {error}")).into_iter().collect()
}

/// The sources of a crate, tests among them.
fn files(member: &Crate) -> BTreeSet<String> {
    let lines = member.lines(&["src"]);
    let place = |(place, _): &(String, String)| place.split(':').next().map(str::to_owned);
    lines.iter().filter_map(place).filter(|file| file.ends_with(".rs")).collect()
}

/// Every group of tokens, from the outside in.
fn groups(tokens: &[TokenTree], found: &mut Vec<(Delimiter, Vec<TokenTree>)>) {
    for token in tokens {
        if let TokenTree::Group(group) = token {
            let inside: Vec<_> = group.stream().into_iter().collect();
            groups(&inside, found);
            found.push((group.delimiter(), inside));
        }
    }
}

fn words(tokens: &[TokenTree]) -> Vec<String> {
    let word = |token: &TokenTree| match token {
        TokenTree::Ident(word) => Some(word.to_string()),
        TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => None,
    };
    tokens.iter().filter_map(word).collect()
}

#[test]
fn every_aggregate_stands_in_each_list_of_aggregates() {
    let families = aggregate_families();
    assert!(families.len() >= 6, "{families:?}");
    let mut missing = Vec::new();
    for (file, left_out) in LISTS_OF_AGGREGATES {
        let text = text(file);
        let has = |name: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
        for (aggregate, event) in &families {
            let reason = left_out.iter().find(|(name, _)| name == aggregate);
            match (has(aggregate) || has(event), reason) {
                (false, None) => missing.push(format!("{file} has neither {aggregate} nor {event}")),
                (true, Some((_, why))) => missing.push(format!("{file} has {aggregate}, which is left out as {why}")),
                (true, None) | (false, Some(_)) => {}
            }
        }
    }
    none(missing);
}

#[test]
fn every_projection_is_in_the_list_that_starts_them() {
    let projections = crate_named("projections");
    let written = projections.lines(&["src"]).into_iter().filter_map(|(_, line)| {
        let name = line.strip_prefix("impl Projection for ")?;
        Some(name.trim_end_matches([' ', '{']).to_owned())
    });
    let written: BTreeSet<String> = written.collect();
    assert!(written.contains("Patients"), "{written:?}");
    let list = text("projections/src/lib.rs");
    let (_, list) = list.split_once("pub fn all()").expect("the list");
    none(written.into_iter().filter(|name| !list.contains(&format!("::{name})"))).collect());
}

/// The enums of the product that know all their variants, each with them.
fn enums_with_all(files: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
    let mut enums = BTreeMap::new();
    let mut with_all = BTreeSet::new();
    for file in files {
        let mut found = vec![(Delimiter::None, tokens(file))];
        groups(&found[0].1.clone(), &mut found);
        for (_, tokens) in found {
            for (place, token) in tokens.iter().enumerate() {
                let TokenTree::Ident(word) = token else { continue };
                let rest = &tokens[place + 1..];
                if let ("enum", [TokenTree::Ident(name), TokenTree::Group(body), ..]) = (&*word.to_string(), rest) {
                    enums.insert(name.to_string(), variants(body.stream(), ','));
                }
                // `code_value! { Name("rule", "description") { Variant = "code", } }`
                if let ("code_value", [sign, TokenTree::Group(body), ..]) = (&*word.to_string(), rest)
                    && is_sign(sign, '!')
                {
                    let body: Vec<_> = body.stream().into_iter().collect();
                    if let Some(TokenTree::Group(list)) = body.last() {
                        let name = words(&body).remove(0);
                        enums.insert(name.clone(), variants(list.stream(), '='));
                        with_all.insert(name);
                    }
                }
                if let ("impl", [TokenTree::Ident(name), TokenTree::Group(body), ..]) = (&*word.to_string(), rest)
                    && body.to_string().contains("const ALL :")
                {
                    with_all.insert(name.to_string());
                }
            }
        }
    }
    enums.retain(|name, variants| with_all.contains(name) && variants.len() > 1);
    enums
}

/// The names before each such sign.
fn variants(list: TokenStream, sign: char) -> BTreeSet<String> {
    let list: Vec<_> = list.into_iter().collect();
    let named = list.windows(2).filter(|pair| is_sign(&pair[1], sign));
    named.flat_map(|pair| words(&pair[..1])).collect()
}

/// The enum that a list names one variant after another of: `[Kind::One, Kind::Two]`.
fn listed(list: &[TokenTree]) -> Option<(String, BTreeSet<String>)> {
    let mut found: Option<(String, BTreeSet<String>)> = None;
    for entry in list.split(|token| is_sign(token, ',')).filter(|entry| !entry.is_empty()) {
        let (path, more) = (words(entry), entry.iter().any(|token| matches!(token, TokenTree::Group(_))));
        let [.., of, variant] = path.as_slice() else { return None };
        let (name, variants) = found.get_or_insert_with(|| (of.clone(), BTreeSet::new()));
        if more || name != of {
            return None;
        }
        variants.insert(variant.clone());
    }
    found
}

#[test]
fn no_list_of_codes_is_written_by_hand() {
    let files: BTreeSet<String> = product_crates().flat_map(|member| files(&member)).collect();
    let enums = enums_with_all(&files);
    let channels = BTreeSet::from(["Email".to_owned(), "Sms".to_owned()]);
    assert_eq!(enums.get("Channel"), Some(&channels), "{enums:?}");
    assert!(enums.contains_key("Role"), "{enums:?}");
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !file.contains("tests")) {
        let mut all = Vec::new();
        groups(&tokens(file), &mut all);
        let lists = all.into_iter().filter(|(delimiter, _)| *delimiter == Delimiter::Bracket);
        for (name, variants) in lists.filter_map(|(_, list)| listed(&list)) {
            if enums.get(&name) == Some(&variants) {
                found.push(format!("{file} lists all of {name}: it has `{name}::ALL`"));
            }
        }
    }
    none(found);
}

/// The value that stands behind `before` in a file of these crates.
fn after<'a>(lines: &'a [(String, String)], before: &str) -> &'a str {
    let found = lines.iter().find_map(|(_, line)| line.split_once(before)).map(|(_, value)| value);
    let value = found.unwrap_or_else(|| panic!("`{before}` is no more: tell this test where the number is"));
    value.trim_end_matches([';', ')', ','])
}

#[test]
fn no_token_outlives_the_memory_of_its_session() {
    let config = text("medicalpro/src/config.rs");
    let (before, _) = config.split_once("pub token_lifetime_seconds").expect("the setting");
    let (_, setting) = before.rsplit_once("MEDICALPRO_TOKEN_LIFETIME_SECONDS").expect("its variable");
    let between = |from: &str, to: &str| {
        let value = setting.split_once(from).and_then(|(_, rest)| rest.split_once(to));
        value.and_then(|(value, _)| value.replace('_', "").parse::<u64>().ok()).expect(from)
    };
    let (longest, default) = (between("..=", ")"), between("default_value = \"", "\""));
    let accounts = crate_named("accounts").lines(&["src"]);
    let hours = after(&accounts, "const TOKENS_GONE_AFTER: SignedDuration = SignedDuration::from_hours(");
    let remembered = hours.parse::<u64>().expect("hours") * 3600;
    assert!(longest <= remembered, "a token may live {longest} s; that its session ended is known for {remembered} s");
    let verified = after(&accounts, "const VERIFYING_SECONDS: i32 = ");
    let verified: u64 = verified.split('+').map(|part| part.trim().parse::<u64>().expect("seconds")).sum();
    assert!(longest <= verified, "a token may live {longest} s; its key verifies for {verified} s");
    let told = format!("{} minutes unless configured otherwise", default / 60);
    assert!(text("docs/errors.md").contains(&told), "docs/errors.md does not say {told:?}");
}

/// Metrics that a crate's code counts, each with whether it is a histogram.
fn metrics_of(member: &Crate) -> Vec<(String, bool)> {
    let lines = member.lines(&["src"]);
    let lines: Vec<_> = lines.iter().filter(|(place, _)| !place.contains("tests")).map(|(_, line)| line).collect();
    let code = lines.iter().map(|line| line.as_str()).collect::<Vec<_>>().join("\n");
    let constants: BTreeMap<&str, &str> = lines
        .iter()
        .filter_map(|line| line.split_once("const ")?.1.split_once(": &str = \""))
        .filter_map(|(name, value)| Some((name, value.split_once('"')?.0)))
        .collect();
    let quoted = |text: &str| text.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let mut found = Vec::new();
    for (kind, is_histogram) in [("counter!(", false), ("gauge!(", false), ("histogram!(", true)] {
        for called in code.split(kind).skip(1).map(str::trim_start) {
            let name = called.split([',', ')']).next().unwrap_or_default().trim();
            match name.strip_prefix('"') {
                Some(name) => found.push((name.trim_end_matches('"').to_owned(), is_histogram)),
                // A name that is handed over is found where it is written, below.
                None => found.extend(constants.get(name).map(|name| ((*name).to_owned(), is_histogram))),
            }
        }
    }
    for line in &lines {
        if line.contains("const METRICS: (&'static str, &'static str) = (") {
            found.extend(quoted(line).into_iter().map(|name| (name, true)));
        }
        if let Some(name) = line.strip_prefix("measure(\"") {
            found.extend(name.split_once('"').map(|(name, _)| (name.to_owned(), false)));
        }
    }
    found
}

#[test]
fn every_metric_is_described_and_every_described_one_exists() {
    let counted: BTreeMap<String, bool> = product_crates().flat_map(|member| metrics_of(&member)).collect();
    let page = text("docs/operations.md");
    let (_, table) = page.split_once("\n## Metrics\n").expect("the table of metrics");
    let table = table.split("\n## ").next().unwrap_or(table);
    let names = table.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
    let described: BTreeSet<String> =
        names.flat_map(|names| names.split('`').skip(1).step_by(2)).map(str::to_owned).collect();
    assert!(described.len() > 20, "{described:?}");
    let missing = counted.keys().filter(|name| !described.contains(*name));
    let missing = missing.map(|name| format!("docs/operations.md does not describe {name}"));
    let gone = described.iter().filter(|name| !counted.contains_key(*name));
    let gone = gone.map(|name| format!("docs/operations.md describes {name}, which nothing counts"));
    let has_buckets = |name: &str| name.ends_with("_seconds") || name.ends_with("_size");
    let histograms = counted.iter().filter(|(_, is_histogram)| **is_histogram).map(|(name, _)| name);
    let without = histograms.filter(|name| !has_buckets(name));
    let without = without.map(|name| format!("{name} ends neither in `_seconds` nor in `_size`, so it has no buckets"));
    none(missing.chain(gone).chain(without).collect());
}
