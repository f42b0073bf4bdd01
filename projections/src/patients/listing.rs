//! What a patient's row holds for the order of the list and for the search, besides the document.

use domain::patient::Patient;
use domain::values::{CodeValue, TextValue, fold};

use super::search::{CODE_MARK, birth_date_code, email_code, number_code, phone_code};

/// Keys are cut here. A name of 100 letters can fold to several thousand bytes (ligatures of whole phrases), and a row of
/// an index holds 2,700.
const LONGEST_KEY: usize = 400;

/// The key of a name that was erased, or that has neither letter nor digit: it sorts behind every name.
const NO_KEY: &str = "\u{10FFFF}";

/// By what a patient is listed and found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) status: &'static str,
    pub(super) last_name_key: String,
    pub(super) first_name_key: String,
    codes: Vec<String>,
}

/// A term under which a patient is found, and how many bytes it shares with one of the patient's smaller terms.
///
/// Among the terms that begin with what is searched, `shared` tells the patient's smallest: it is the one that shares less
/// than what is searched is long. So nobody is found twice, however many of their terms match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) text: String,
    pub(super) shared: i32,
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

    /// As the row says it.
    pub(super) fn from_row(last_name_key: &str, first_name_key: &str, codes: &str) -> Self {
        Self {
            status: "",
            last_name_key: last_name_key.to_owned(),
            first_name_key: first_name_key.to_owned(),
            codes: codes.split_whitespace().map(|code| format!("{CODE_MARK}{code}")).collect(),
        }
    }

    /// The codes as the row holds them, each behind a space.
    pub(super) fn codes_text(&self) -> String {
        self.codes.iter().map(|code| format!(" {}", code.trim_start_matches(CODE_MARK))).collect()
    }

    /// Every term, in order.
    pub(super) fn terms(&self) -> Vec<Term> {
        let names = [&self.last_name_key, &self.first_name_key].into_iter().filter(|key| *key != NO_KEY);
        let mut texts: Vec<&str> = names.flat_map(|key| key.split_whitespace()).collect();
        texts.extend(self.codes.iter().map(String::as_str));
        texts.sort_unstable();
        texts.dedup();
        let mut before = "";
        texts
            .into_iter()
            .map(|text| {
                let shared = text.bytes().zip(before.bytes()).take_while(|(a, b)| a == b).count();
                before = text;
                // A term has at most 400 bytes.
                Term { text: text.to_owned(), shared: i32::try_from(shared).unwrap_or(i32::MAX) }
            })
            .collect()
    }

    /// Whether a term of both stands at the same place of the index.
    pub(super) fn has_same_place(&self, other: &Self) -> bool {
        self.status == other.status
            && self.last_name_key == other.last_name_key
            && self.first_name_key == other.first_name_key
    }

    /// Under what the patient is counted: everybody (the empty prefix), and the beginning of the last name. That is short
    /// enough that there are few counts, and long enough that no count but the first is large.
    pub(super) fn prefixes(&self) -> [String; 2] {
        [String::new(), self.last_name_key.chars().take(3).collect()]
    }
}

fn name_key(name: &str) -> String {
    Some(key(&fold(name))).filter(|key| !key.is_empty()).unwrap_or_else(|| NO_KEY.to_owned())
}

/// At most so many bytes of a folded text.
pub(super) fn key(folded: &str) -> String {
    let ends = folded.char_indices().map(|(start, c)| start + c.len_utf8());
    let end = ends.take_while(|end| *end <= LONGEST_KEY).last().unwrap_or(0);
    folded[..end].trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::tests::zoe;

    fn texts(listing: &Listing) -> Vec<(String, i32)> {
        listing.terms().into_iter().map(|term| (term.text, term.shared)).collect()
    }

    #[test]
    fn a_patient_is_found_by_names_number_birth_date_phone_and_email() {
        let found_by: Vec<String> = texts(&Listing::of(&zoe())).into_iter().map(|(text, _)| text).collect();
        assert_eq!(
            found_by,
            ["#0612345678", "#1980-03-12", "#p260001", "#zoe.moreau@exemple.fr", "moreau", "nguyen", "zoe"]
        );
    }

    #[test]
    fn a_term_knows_what_it_shares_with_a_smaller_one() {
        let listing = Listing::from_row("martin martinez", "marie martin", "");
        let expected = [("marie", 0), ("martin", 3), ("martinez", 6)];
        assert_eq!(texts(&listing), expected.map(|(text, shared)| (text.to_owned(), shared)));
    }

    #[test]
    fn of_a_forgotten_patient_the_number_is_left() {
        let forgotten = Patient { patient_number: zoe().patient_number, ..Patient::default() };
        let listing = Listing::of(&forgotten);
        assert_eq!(texts(&listing), [("#p260001".to_owned(), 0)]);
        assert!(listing.last_name_key.as_str() > "zz");
    }

    #[test]
    fn a_row_tells_its_terms() {
        let listing = Listing::of(&zoe());
        let row = Listing::from_row(&listing.last_name_key, &listing.first_name_key, &listing.codes_text());
        assert_eq!(row.terms(), listing.terms());
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
