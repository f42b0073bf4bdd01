//! One spelling for many: what search and the duplicate rule compare instead of names.

use unicode_normalization::{UnicodeNormalization, char::canonical_combining_class, char::is_combining_mark};

/// The text in lower case, without accents, with ligatures expanded (`œ` → `oe`), and with a single space for every run
/// of anything that is neither letter nor digit. Folding twice changes nothing.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut word_ended = false;
    // Lower case comes between two decompositions: `ℌ` decomposes to a capital, and `İ` lower-cases to `i` and a dot.
    for c in text.nfkd().flat_map(char::to_lowercase).nfkd() {
        if is_accent(c) {
            continue;
        }
        let plain = plain_letters(c);
        if plain.is_none() && (!c.is_alphanumeric() || is_apostrophe(c)) {
            word_ended = true;
            continue;
        }
        if word_ended && !folded.is_empty() {
            folded.push(' ');
        }
        word_ended = false;
        match plain {
            Some(letters) => folded.push_str(letters),
            None => folded.push(c),
        }
    }
    folded
}

/// A mark that changes a letter without being one. The vowel signs of Indic scripts are marks as well, but letters to
/// their readers: they have combining class 0 and are alphabetic, and stay.
fn is_accent(c: char) -> bool {
    canonical_combining_class(c) != 0 || (is_combining_mark(c) && !c.is_alphanumeric())
}

/// The letters of a lower-case character that has no Unicode decomposition, as French and European registers write
/// them without special characters.
fn plain_letters(c: char) -> Option<&'static str> {
    Some(match c {
        'œ' => "oe",
        'æ' => "ae",
        'ß' => "ss",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ħ' => "h",
        'ŧ' => "t",
        'ŋ' => "n",
        'ı' => "i",
        'ς' => "σ",
        _ => return None,
    })
}

/// An apostrophe that Unicode counts among the letters, as in `Oʼbrien`.
fn is_apostrophe(c: char) -> bool {
    matches!(c, '\u{2B9}'..='\u{2BF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_name_fold_alike() {
        for spelling in ["Jean-Pierre", "jean pierre", "JEAN  PIERRE", " Jean‑Pierre ", "Jéan.Pierre"] {
            assert_eq!(fold(spelling), "jean pierre", "{spelling}");
        }
        for spelling in ["D'Alembert", "d’alembert", "Dʼ Alembert"] {
            assert_eq!(fold(spelling), "d alembert", "{spelling}");
        }
    }

    #[test]
    fn accents_go_and_ligatures_expand() {
        for (name, folded) in [
            ("Moreau-Nguyễn", "moreau nguyen"),
            ("Lefèvre", "lefevre"),
            ("Œuvrard", "oeuvrard"),
            ("Lætitia", "laetitia"),
            ("Weiß", "weiss"),
            ("WEIẞ", "weiss"),
            ("Łukasz Đorđević", "lukasz dordevic"),
            ("Sørensen", "sorensen"),
            ("Þór Ħal Ŧer Ŋa", "thor hal ter na"),
            ("İpek Işık", "ipek isik"),
            ("ﬁlho", "filho"),
            ("ΟΔΥΣΣΕΎΣ", "οδυσσευσ"),
            ("…", ""),
        ] {
            assert_eq!(fold(name), folded, "{name}");
        }
    }

    #[test]
    fn folding_any_single_character_twice_changes_nothing() {
        for c in '\0'..=char::MAX {
            let once = fold(c.encode_utf8(&mut [0; 4]));
            assert_eq!(fold(&once), once, "U+{:04X}", u32::from(c));
        }
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in any::<String>()) {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn case_and_composition_do_not_matter(text in "[A-Za-zÀ-ÖØ-öø-ÿœŒ' -]{1,40}") {
            let decomposed: String = text.nfd().collect();
            prop_assert_eq!(fold(&text), fold(&text.to_uppercase()));
            prop_assert_eq!(fold(&text), fold(&decomposed));
        }
    }
}
