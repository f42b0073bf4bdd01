//! The columns of a patient's row by which lists are ordered and the search finds.

use std::collections::{BTreeMap, BTreeSet};

use domain::patient::Patient;
use domain::values::{CodeValue, PatientStatus, TextValue, fold};
use tokio_postgres::Row;

use super::terms::{CODE_MARK, END, beginning, birth_date_code, email_code, key, number_code, phone_code, walk_from};

/// The key of a name that was erased, or that has neither letter nor digit: it sorts behind every name.
const NO_KEY: &str = "\u{10FFFF}";

/// The keys by which a patient is listed and found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) status: &'static str,
    pub(super) last_name_key: String,
    pub(super) first_name_key: String,
    codes: Vec<String>,
}

/// A place in the search's index at which a patient is found. `shared` is how many bytes its term has in common with the
/// patient's next smaller term.
///
/// If several terms of a patient match, the smallest one shares fewer bytes than the searched word has. So each patient is
/// found once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) place: String,
    pub(super) shared: i16,
}

impl Listing {
    pub(super) fn of(patient: &Patient) -> Self {
        let mut codes: Vec<String> = patient.patient_number.iter().map(|number| number_code(number.as_str())).collect();
        let (mut last_name_key, mut first_name_key) = (NO_KEY.to_owned(), NO_KEY.to_owned());
        if let Some(identity) = patient.identity.value() {
            last_name_key = name_key(identity.last_name.as_str());
            first_name_key = name_key(identity.first_name.as_str());
            codes.push(birth_date_code(identity.birth_date.as_str()));
        }
        if let Some(contact) = patient.contact.value() {
            codes.extend(contact.phone.iter().map(|phone| phone_code(phone.as_str())));
            codes.extend(contact.email.iter().map(|email| email_code(email.as_str())));
        }
        Self { status: patient.status().code(), last_name_key, first_name_key, codes }
    }

    /// As the columns of a row say it.
    pub(super) fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let [last_name_key, first_name_key] = [row.try_get("last_name_key")?, row.try_get("first_name_key")?];
        Ok(Self::from_columns(row.try_get("status")?, last_name_key, first_name_key, row.try_get("codes")?))
    }

    fn from_columns(status: &str, last_name_key: &str, first_name_key: &str, codes: &str) -> Self {
        let known = PatientStatus::ALL.iter().map(|known| known.code()).find(|known| *known == status);
        Self {
            status: known.unwrap_or_default(),
            last_name_key: last_name_key.to_owned(),
            first_name_key: first_name_key.to_owned(),
            codes: codes.split_whitespace().map(|code| format!("{CODE_MARK}{code}")).collect(),
        }
    }

    /// The codes as the row holds them, each behind a space.
    pub(super) fn codes_text(&self) -> String {
        self.codes.iter().map(|code| format!(" {}", code.trim_start_matches(CODE_MARK))).collect()
    }

    /// Every place at which the patient is found: each term by itself, and each word of the names beside the beginning of
    /// each other word.
    pub(super) fn terms(&self) -> Vec<Term> {
        let names = [&self.last_name_key, &self.first_name_key].into_iter().filter(|key| *key != NO_KEY);
        let words: BTreeSet<&str> = names.flat_map(|key| key.split_whitespace()).collect();
        let codes = self.codes.iter().map(String::as_str);
        let mut groups = BTreeMap::from([("", words.iter().copied().chain(codes).collect::<BTreeSet<&str>>())]);
        for word in &words {
            if let Some(beside) = beginning(word) {
                groups.entry(beside).or_default().extend(words.iter().filter(|other| *other != word));
            }
        }
        let places = groups.into_iter().flat_map(|(beside, texts)| {
            let mut before = "";
            texts.into_iter().map(move |text| {
                let shared = text.bytes().zip(before.bytes()).take_while(|(a, b)| a == b).count();
                before = text;
                // A term has at most 400 bytes.
                Term { place: self.place(beside, text), shared: i16::try_from(shared).unwrap_or(i16::MAX) }
            })
        });
        places.collect()
    }

    /// Where the patient stands among those who are found by a term beside the beginning of another word: by the term,
    /// then by name. Each word of the names has a space before it, and none of the terms has one in it.
    fn place(&self, beside: &str, term: &str) -> String {
        let Self { last_name_key, first_name_key, .. } = self;
        format!("{}{END} {last_name_key}{END} {first_name_key}", walk_from(self.status, beside, term))
    }

    /// The first place at which the patient is found by a word, beside the beginning of another one.
    pub(super) fn first_place(&self, beside: &str, word: &str) -> Option<String> {
        let from = walk_from(self.status, beside, word);
        self.terms().into_iter().map(|term| term.place).find(|place| place.starts_with(&from))
    }

    /// Under which beginnings of the last name the patient is counted, from the shortest to the longest. Few names share
    /// the longest, and few beginnings are one step longer than any of them.
    pub(super) fn prefixes(&self) -> Vec<String> {
        let key: Vec<char> = self.last_name_key.chars().chain([END]).collect();
        let mut prefixes: Vec<String> = [1, 3, 5].map(|length| key.iter().take(length).collect()).into();
        // A short name has no longer prefix.
        prefixes.dedup();
        prefixes
    }
}

fn name_key(name: &str) -> String {
    Some(key(&fold(name))).filter(|key| !key.is_empty()).unwrap_or_else(|| NO_KEY.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patients::document::tests::zoe;
    use crate::patients::terms::LONGEST_KEY;

    fn row(last_name_key: &str, first_name_key: &str, codes: &str) -> Listing {
        Listing::from_columns("active", last_name_key, first_name_key, codes)
    }

    /// What the patient is found by, beside what.
    fn found_by(listing: &Listing) -> Vec<(String, String, i16)> {
        let part = |part: Option<&str>| part.unwrap_or_default().to_owned();
        let terms = listing.terms().into_iter().map(|term| {
            let mut parts = term.place[1..].split(END);
            (part(parts.next()), part(parts.next()), term.shared)
        });
        terms.collect()
    }

    #[test]
    fn a_patient_is_found_by_names_number_birth_date_phone_and_email() {
        let found_by = found_by(&Listing::of(&zoe()));
        let alone: Vec<&str> =
            found_by.iter().filter(|found| found.0.is_empty()).map(|found| found.1.as_str()).collect();
        assert_eq!(
            alone,
            ["#0612345678", "#1980-03-12", "#p260001", "#zoe.moreau@exemple.fr", "moreau", "nguyen", "zoe"]
        );
    }

    #[test]
    fn every_name_is_found_beside_the_beginning_of_every_other() {
        let found_by = found_by(&row("martin", "li zoe", ""));
        let pairs: Vec<(&str, &str)> =
            found_by.iter().filter(|found| !found.0.is_empty()).map(|(beside, term, _)| (&**beside, &**term)).collect();
        assert_eq!(pairs, [("mar", "li"), ("mar", "zoe"), ("zoe", "li"), ("zoe", "martin")]);
    }

    #[test]
    fn a_term_knows_what_it_shares_with_a_smaller_one() {
        let found_by = found_by(&row("martin martinez", "marie martin", ""));
        let alone: Vec<_> = found_by.iter().take(3).map(|(_, term, shared)| (term.as_str(), *shared)).collect();
        assert_eq!(alone, [("marie", 0), ("martin", 3), ("martinez", 6)]);
    }

    #[test]
    fn places_are_in_the_order_of_terms_and_names() {
        let [short, long] = [row("martin", "zoe", ""), row("martin petit", "anne", "")];
        assert!(short.first_place("", "mart") < long.first_place("", "mart"));
        let longer_term = row("martinez", "anne", "");
        assert!(long.first_place("", "mart") < longer_term.first_place("", "mart"));
    }

    #[test]
    fn of_a_forgotten_patient_the_number_is_left() {
        let forgotten = Patient { patient_number: zoe().patient_number, ..Patient::default() };
        let listing = Listing::of(&forgotten);
        assert_eq!(found_by(&listing), [(String::new(), "#p260001".to_owned(), 0)]);
        assert!(listing.last_name_key.as_str() > "zz");
    }

    #[test]
    fn a_row_tells_its_terms() {
        let listing = Listing::of(&zoe());
        let row = row(&listing.last_name_key, &listing.first_name_key, &listing.codes_text());
        assert_eq!(row.terms(), listing.terms());
    }

    #[test]
    fn a_name_is_counted_by_ever_longer_beginnings_until_it_ends() {
        assert_eq!(row("martin", "", "").prefixes(), ["m", "mar", "marti"]);
        assert_eq!(row("mar", "", "").prefixes(), ["m", "mar", "mar\u{1}"]);
        assert_eq!(row("li", "", "").prefixes(), ["l", "li\u{1}"]);
    }

    #[test]
    fn no_name_is_too_long_for_an_index() {
        // One letter that folds to 18.
        let long = fold(&"\u{FDFA}".repeat(100));
        assert!(long.len() > 2_700);
        assert!(key(&long).len() <= LONGEST_KEY);
        assert_eq!(key("martin"), "martin");
    }
}
