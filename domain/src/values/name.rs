//! Names of people, in any script.

use unicode_normalization::char::is_combining_mark;

use super::RuleBroken;
use super::text::{is_space, prose, text_value};

/// Letters of any script with their marks, spaces, hyphens, apostrophes and full stops; at least one letter. (The four
/// Hangul fillers are letters that show nothing: `parse` refuses them, which a portable expression cannot say.)
pub(super) const NAME_PATTERN: &str = r"^[\p{L}\p{M}\p{Zs}.'’-]*\p{L}[\p{L}\p{M}\p{Zs}.'’-]*$";

text_value! {
    /// The first name or names of a person.
    FirstName {
        length: 1 to 100,
        pattern: Some(NAME_PATTERN),
        format: None,
        description: "First name: letters of any script, spaces, hyphens, apostrophes and full stops.",
        example: "Jean-Pierre",
        accept: name,
    }

    /// The family name of a person.
    LastName {
        length: 1 to 100,
        pattern: Some(NAME_PATTERN),
        format: None,
        description: "Family name: letters of any script, spaces, hyphens, apostrophes and full stops.",
        example: "D'Alembert",
        accept: name,
    }

    /// The whole name of a person of whom no more is known, such as an emergency contact.
    PersonName {
        length: 1 to 200,
        pattern: Some(NAME_PATTERN),
        format: None,
        description: "Full name: letters of any script, spaces, hyphens, apostrophes and full stops.",
        example: "Ana Martín",
        accept: name,
    }
}

/// A name in normal form, or why it is none.
pub(super) fn name(raw: &str) -> Result<String, RuleBroken> {
    let is_name_character =
        |c| is_letter(c) || is_combining_mark(c) || is_space(c) || matches!(c, '.' | '\'' | '’' | '-');
    let normal = prose(raw)?;
    if !raw.chars().all(is_name_character) {
        return Err(RuleBroken::new(
            "name_characters",
            "A name holds letters, spaces, hyphens, apostrophes and full stops only.",
        ));
    }
    if !raw.chars().any(is_letter) {
        return Err(RuleBroken::new("name_letter", "A name holds at least one letter."));
    }
    Ok(normal)
}

/// General category L. The standard library tells only the wider property `Alphabetic`, which also has vowel marks,
/// numerals (Roman, Suzhou, cuneiform …) and encircled letters.
fn is_letter(c: char) -> bool {
    let letter_number = matches!(c,
        '\u{16EE}'..='\u{16F0}' | '\u{2160}'..='\u{2182}' | '\u{2185}'..='\u{2188}' | '\u{3007}'
        | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303A}' | '\u{A6E6}'..='\u{A6EF}' | '\u{10140}'..='\u{10174}'
        | '\u{10341}' | '\u{1034A}' | '\u{103D1}'..='\u{103D5}' | '\u{12400}'..='\u{1246E}');
    let enclosed = matches!(c,
        '\u{24B6}'..='\u{24E9}' | '\u{1F130}'..='\u{1F149}' | '\u{1F150}'..='\u{1F169}' | '\u{1F170}'..='\u{1F189}');
    c.is_alphabetic() && !is_combining_mark(c) && !letter_number && !enclosed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::TextValue;

    #[test]
    fn names_of_the_existing_client_are_names() {
        for text in ["Moreau-Nguyễn", "D'Alembert", "Ben Saïd", "Rodríguez Martín", "Müller", "Zoé", "X"] {
            assert_eq!(LastName::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn names_of_any_script_are_names() {
        for text in ["Ольга", "محمد", "王小明", "नरेन्द्र", "Ἀλέξανδρος", "O’Brien", "St. John", "김", "'t Hooft"]
        {
            assert_eq!(FirstName::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_name_is_composed_trimmed_and_its_spaces_collapsed() {
        assert_eq!(FirstName::parse("  Noe\u{301}mie \u{A0} Anne ").unwrap().as_str(), "Noémie Anne");
    }

    #[test]
    fn a_name_without_letters_or_with_other_signs_is_refused() {
        for (text, rule) in [
            ("", "length"),
            ("   ", "blank"),
            ("-", "name_letter"),
            ("…", "name_characters"),
            ("R2D2", "name_characters"),
            ("Louis Ⅳ", "name_characters"),
            ("<b>Zoé</b>", "name_characters"),
            ("Zoé\u{202E}", "hidden_character"),
            ("Zo\u{200D}é", "hidden_character"),
            ("Zoé\n", "hidden_character"),
        ] {
            assert_eq!(FirstName::parse(text).unwrap_err().rule, rule, "{text:?}");
        }
        assert_eq!(FirstName::parse(&"a".repeat(101)).unwrap_err().rule, "length");
    }
}
