//! The search for patients: the text is taken apart into words, each of which begins one of the patient's terms.
//!
//! Terms are the words of the names without accents, and codes: patient number, birth date, telephone, e-mail. Every word
//! must match, in any order. The search walks the index of places from the first to the last whose term begins with one of
//! the words, so its results come by matching term (an exact match is the smallest) and then by name; what the walk does
//! not see of the other words is judged on the way. Of two names, the walk is among the places of the one beside the
//! beginning of the other: everybody on it matches both, but for the letters after the third.
//!
//! An index of trigrams would have to be read whole and sorted. It knows no facility, and has nothing for words of one or
//! two letters. Row-level security would not let it be used, because its operators are not leakproof.

use std::cmp::Reverse;
use std::mem::swap;

use domain::values::fold;
use jiff::civil::Date;

use super::terms::{CODE_MARK, beginning, birth_date_code, email_code, key, number_code, phone_code, walk_from};

/// How many words are taken into account.
const MOST_WORDS: usize = 8;

/// The greatest character: what begins with a text is less than the text with this behind it.
const GREATEST: char = char::MAX;

/// A code of this length is shared by few patients: a whole birth date, most of a telephone or patient number.
const RARE_CODE: usize = 6;

/// One word of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word(String);

impl Word {
    /// What the terms that match begin with.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Its length as `shared` counts.
    pub(super) fn length(&self) -> i16 {
        i16::try_from(self.0.len()).unwrap_or(i16::MAX)
    }

    /// The code, if it is one.
    pub(super) fn code(&self) -> Option<&str> {
        self.0.strip_prefix(CODE_MARK)
    }
}

/// A way through the index that meets every patient whom all words match, and what is asked of each on the way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Walk {
    /// The word that the terms begin with.
    pub(super) word: Word,
    /// The beginning of another word that they stand beside; empty for none.
    pub(super) beside: String,
    /// Patterns for the names in a place: words of letters and digits only, so there is nothing to escape.
    pub(super) names: Vec<String>,
    /// Other codes, as `patients.codes` has them.
    pub(super) codes: Vec<String>,
}

impl Walk {
    /// By a code that few share, else by two names, else by what there is; each time by the longest. None without words.
    pub(super) fn of(mut words: Vec<Word>) -> Option<Self> {
        words.sort_by_key(|word| Reverse(word.length()));
        let rare = |word: &Word| word.code().is_some_and(|code| code.len() >= RARE_CODE);
        let walked = words.iter().position(rare).or_else(|| words.iter().position(|word| word.code().is_none()));
        let mut word = (!words.is_empty()).then(|| words.remove(walked.unwrap_or(0)))?;
        let mut beside = String::new();
        if word.code().is_none()
            && let Some(other) = words.iter_mut().find(|word| word.code().is_none())
        {
            // A word that is too short to have a beginning can still be walked by.
            if beginning(other.text()).is_none() {
                swap(other, &mut word);
            }
            beside = beginning(other.text()).unwrap_or_default().to_owned();
            if beside == other.text() {
                words.retain(|word| word.text() != beside);
            }
        }
        Some(Self {
            word,
            beside,
            names: words
                .iter()
                .filter(|word| word.code().is_none())
                .map(|word| format!("% {}%", word.text()))
                .collect(),
            codes: words.iter().filter_map(Word::code).map(|code| format!(" {code}")).collect(),
        })
    }

    /// What is less than every place on it, and with what it ends, among the patients of a status.
    pub(super) fn bounds(&self, status: &str) -> (String, String) {
        let from = walk_from(status, &self.beside, self.word.text());
        let to = format!("{from}{GREATEST}");
        (from, to)
    }
}

/// The words of a search; none if nothing in it could ever match.
pub(super) fn words(search: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let tokens: Vec<&str> = search.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    while let Some((token, after)) = rest.split_first() {
        let figures = rest.iter().take_while(|token| token.chars().all(is_figure)).count();
        let spaced_date = if figures == 3 { date_prefix(&rest[..3].join("-")) } else { None };
        if let Some(date) = spaced_date {
            words.push(Word(birth_date_code(&date)));
            rest = &rest[3..];
        } else if let Some(date) = date_prefix(token) {
            words.push(Word(birth_date_code(&date)));
            rest = after;
        } else if figures > 0 {
            // Telephone numbers are written in groups.
            words.push(Word(phone_code(&rest[..figures].concat())));
            rest = &rest[figures..];
        } else if token.contains('@') {
            words.push(Word(email_code(token)));
            rest = after;
        } else if token.contains(|c: char| c.is_ascii_digit()) {
            words.push(Word(number_code(token)));
            rest = after;
        } else {
            words.extend(fold(token).split_whitespace().map(|word| Word(key(word))));
            rest = after;
        }
    }
    words.retain(|word| word.code() != Some(""));
    let implied = |word: &Word| words.iter().any(|other| other != word && other.0.starts_with(&word.0));
    let mut needed: Vec<Word> = words.iter().filter(|word| !implied(word)).cloned().collect();
    needed.sort_by(|a, b| a.0.cmp(&b.0));
    needed.dedup();
    needed.truncate(MOST_WORDS);
    needed
}

/// What telephone numbers are written with.
fn is_figure(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '+' | '.' | '-' | '(' | ')' | '/')
}

/// The ISO form of a date in ISO or French form, or of a month in one of them: what birth dates of it begin with.
fn date_prefix(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
    let numbers = parts.iter().map(|part| number(part)).collect::<Option<Vec<i16>>>()?;
    let (year, month, day) = match (parts.as_slice(), numbers.as_slice()) {
        ([first, ..], [year, month, day]) if first.len() == 4 => (*year, *month, Some(*day)),
        ([.., last], [day, month, year]) if last.len() == 4 => (*year, *month, Some(*day)),
        ([first, _], [year, month]) if first.len() == 4 => (*year, *month, None),
        ([_, last], [month, year]) if last.len() == 4 => (*year, *month, None),
        _ => return None,
    };
    let (month, first_day) = (i8::try_from(month).ok()?, i8::try_from(day.unwrap_or(1)).ok()?);
    let date = Date::new(year, month, first_day).ok()?.to_string();
    Some(if day.is_some() { date } else { date[..7].to_owned() })
}

/// A number of one to four digits.
fn number(text: &str) -> Option<i16> {
    let short = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if short { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(search: &str) -> Vec<String> {
        words(search).into_iter().map(|word| word.0).collect()
    }

    #[test]
    fn words_lose_accents_and_case_and_are_split_like_names() {
        assert_eq!(words_of("  ZOÉ moreau-nguyễn "), ["moreau", "nguyen", "zoe"]);
        assert_eq!(words_of("d’Alembert"), ["alembert", "d"]);
    }

    #[test]
    fn a_word_that_another_begins_with_says_nothing_new() {
        assert_eq!(words_of("mar martin mar"), ["martin"]);
        assert_eq!(words_of("martin martin"), ["martin"]);
    }

    #[test]
    fn a_birth_date_is_known_in_its_iso_and_french_forms() {
        for text in ["1980-03-12", "12/03/1980", "12-03-1980", "12.3.1980", "12 03 1980"] {
            assert_eq!(words_of(text), ["#1980-03-12"], "{text}");
        }
        for text in ["1980-03", "03/1980"] {
            assert_eq!(words_of(text), ["#1980-03"], "{text}");
        }
        assert_eq!(words_of("1980"), ["#1980"]);
        assert_eq!(words_of("31/02/1980"), ["#31021980"]);
    }

    #[test]
    fn a_telephone_number_is_known_however_it_is_written() {
        for text in [
            "0612345678",
            "06 12 34 56 78",
            "06.12.34.56.78",
            "+33612345678",
            "+33 6 12 34 56 78",
            "0033 (0)6 12 34 56 78",
        ] {
            assert_eq!(words_of(text), ["#0612345678"], "{text}");
        }
        assert_eq!(words_of("+590 690 12 34 56"), ["#0690123456"]);
        assert_eq!(words_of("+34 620 98"), ["#3462098"]);
        assert_eq!(words_of("Moreau 06 12"), ["#0612", "moreau"]);
    }

    #[test]
    fn numbers_and_addresses_are_codes() {
        assert_eq!(words_of("P260001"), ["#p260001"]);
        assert_eq!(words_of("p26"), ["#p26"]);
        assert_eq!(words_of("Zoe_M%@Exemple.fr"), ["#zoe_m%@exemple.fr"]);
    }

    #[test]
    fn what_has_neither_letter_nor_digit_has_no_words() {
        for text in ["", "  ", "…", "%_", "+", "()", "-"] {
            assert!(words(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_search_has_eight_words_at_most() {
        assert_eq!(words("a b c d e f g h i j").len(), MOST_WORDS);
    }

    fn walk(text: &str) -> (String, String, Vec<String>, Vec<String>) {
        let Walk { word, beside, names, codes } = Walk::of(words(text)).unwrap();
        (word.text().to_owned(), beside, names, codes)
    }

    fn all(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn two_names_are_walked_together_and_the_rest_is_asked_for_on_the_way() {
        assert_eq!(walk("mar martin"), ("martin".into(), String::new(), vec![], vec![]));
        assert_eq!(walk("zoe martin"), ("martin".into(), "zoe".into(), vec![], vec![]));
        assert_eq!(walk("marie lefevre"), ("lefevre".into(), "mar".into(), all(&["% marie%"]), vec![]));
        assert_eq!(walk("martin z"), ("z".into(), "mar".into(), all(&["% martin%"]), vec![]));
        assert_eq!(walk("ma z"), ("z".into(), String::new(), all(&["% ma%"]), vec![]));
        assert_eq!(walk("martin zoe 06"), ("martin".into(), "zoe".into(), vec![], all(&[" 06"])));
    }

    #[test]
    fn a_code_that_few_share_is_walked_before_all_names() {
        assert_eq!(
            walk("Zoé martin P26 z_e@x.fr"),
            ("#z_e@x.fr".into(), String::new(), all(&["% martin%", "% zoe%"]), all(&[" p26"]))
        );
        assert_eq!(Walk::of(words("…")), None);
    }

    #[test]
    fn every_place_whose_term_begins_with_the_word_lies_within_the_bounds() {
        let (from, to) = Walk::of(words("mart")).unwrap().bounds("active");
        for term in ["mart", "martin", "martzzz", "mart\u{4E00}"] {
            let place = format!("{}\u{1} martin\u{1} zoe", walk_from("active", "", term));
            assert!(from < place && place < to, "{term}");
        }
        assert!(walk_from("active", "", "maru") > to);
    }
}
