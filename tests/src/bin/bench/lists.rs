//! Pages of patients in a small and a large practice: a hundred users, who ask both in turn.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;

use crate::load::{self, Build, Outcome};
use crate::requests::Practice;

const USERS: usize = 100;
/// Four pages a second and user: more than people ask, and less than makes them queue for the two processors.
const PAGES_A_SECOND: f64 = 400.0;
const PAGE: u64 = 50;
/// How many places in the list the cursors come from.
const CURSORS: usize = 20;

/// Ways to ask for a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Page {
    First,
    DeepCursor,
    LastNumber,
    OneWord,
    TwoWords,
}

impl Page {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::First, Self::DeepCursor, Self::LastNumber, Self::OneWord, Self::TwoWords];

    /// As figures name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first_page",
            Self::DeepCursor => "deep_page",
            Self::LastNumber => "last_page",
            Self::OneWord => "search_one_word",
            Self::TwoWords => "search_two_words",
        }
    }
}

/// Latencies of every way to ask, for each of the practices.
pub async fn run(practices: &[Arc<Practice>], span: Duration, rounds: u32) -> Vec<BTreeMap<Page, Outcome>> {
    let mut asked = Vec::new();
    for practice in practices {
        asked.push(requests(practice).await);
    }
    let mut all: Vec<BTreeMap<Page, Outcome>> = practices.iter().map(|_| BTreeMap::new()).collect();
    for _ in 0..rounds {
        for page in Page::ALL {
            for (place, practice) in practices.iter().enumerate() {
                let build = &asked[place][&page];
                let outcome =
                    load::arriving(&practice.target, USERS, PAGES_A_SECOND, span, build, |status| status == 200);
                all[place].entry(page).or_default().join(outcome.await);
            }
        }
    }
    all
}

/// How each kind of page is asked for.
pub async fn requests(practice: &Arc<Practice>) -> BTreeMap<Page, Build> {
    let target = &practice.target;
    let total = target.get("/patients").await["total"].as_u64().expect("a number of patients");
    let last = total.div_ceil(PAGE).max(1);
    let mut cursors = Vec::new();
    for place in 1..=CURSORS as u64 {
        let number = (last * place / (CURSORS as u64 + 1)).max(1);
        let page = target.get(&format!("/patients?page={number}")).await;
        cursors.push(page["nextCursor"].as_str().expect("a page in the middle has a next one").to_owned());
    }
    let requests: [(Page, Build); 5] = Page::ALL.map(|page| {
        let (practice, cursors) = (Arc::clone(practice), cursors.clone());
        let build: Build = Arc::new(move |_| {
            let query = match page {
                Page::First => "limit=50".to_owned(),
                Page::DeepCursor => format!("cursor={}", cursors[rand::rng().random_range(0..cursors.len())]),
                Page::LastNumber => format!("page={last}"),
                Page::OneWord => format!("search={}", practice.one_word()),
                Page::TwoWords => format!("search={}", practice.two_words()),
            };
            practice.target.request("GET", &format!("/patients?{query}"), None)
        });
        (page, build)
    });
    requests.into_iter().collect()
}
