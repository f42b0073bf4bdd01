//! What all values written as text have in common: bounds that the API publishes, one way in, and a silent `Debug`.
//!
//! Prose (names, streets, reasons) is normalised: NFC, trimmed, white space collapsed to single spaces. Codes (RPPS,
//! e-mail, phone …) are taken as written, with the separators their own type tolerates and none around them.

use unicode_normalization::UnicodeNormalization;

use super::RuleBroken;

/// A value that travels as one JSON string.
///
/// The constants are published in the OpenAPI document. [`TextValue::parse`] refuses whatever lies outside
/// `MIN_LENGTH..=MAX_LENGTH` (Unicode scalar values of the raw string) or does not match `PATTERN`; it may refuse more
/// (a wrong key, a date that does not exist).
///
/// Deserializing does *not* validate: it is how stored events are read, and what was once accepted must load for ever,
/// even after a rule was tightened. Validation is `parse`, and only `parse`.
pub trait TextValue: Sized {
    /// The fewest characters of a raw value.
    const MIN_LENGTH: usize;
    /// The most characters of a raw value.
    const MAX_LENGTH: usize;
    /// What a raw value looks like: an ECMA-262 expression, to be read with the `u` flag.
    const PATTERN: Option<&'static str>;
    /// The OpenAPI `format`, where there is one.
    const FORMAT: Option<&'static str>;
    /// What the value is, in one sentence.
    const DESCRIPTION: &'static str;
    /// A made-up value that `parse` accepts.
    const EXAMPLE: &'static str;

    /// The value in its normal form, or the rule that the raw string breaks.
    fn parse(raw: &str) -> Result<Self, RuleBroken>;

    /// The normal form.
    fn as_str(&self) -> &str;
}

/// Declares value types over a `String`: the type, its [`TextValue`], its serde as a plain string, and a `Debug` that
/// shows the type's name only. `accept` turns a raw string of the right length into the normal form.
macro_rules! text_value {
    ($($(#[$doc:meta])* $name:ident {
        length: $min:literal to $max:literal,
        pattern: $pattern:expr,
        format: $format:expr,
        description: $description:expr,
        example: $example:expr,
        accept: $accept:expr,
    })+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $crate::values::TextValue for $name {
            const MIN_LENGTH: usize = $min;
            const MAX_LENGTH: usize = $max;
            const PATTERN: Option<&'static str> = $pattern;
            const FORMAT: Option<&'static str> = $format;
            const DESCRIPTION: &'static str = $description;
            const EXAMPLE: &'static str = $example;

            fn parse(raw: &str) -> Result<Self, $crate::values::RuleBroken> {
                $crate::values::text::check_length(raw, $min, $max)?;
                let accept: fn(&str) -> Result<String, $crate::values::RuleBroken> = $accept;
                accept(raw).map(Self)
            }

            fn as_str(&self) -> &str {
                &self.0
            }
        }

        /// The type's name only: a debug print must not carry personal data into a log.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )+};
}
pub(super) use text_value;

/// Refuses a raw string that is too short or too long, counted in Unicode scalar values as JSON Schema counts.
pub(super) fn check_length(raw: &str, min: usize, max: usize) -> Result<(), RuleBroken> {
    // The byte length bounds the count from above, so that a megabyte is refused without being read.
    let length = if raw.len() > max * 4 { usize::MAX } else { raw.chars().count() };
    if (min..=max).contains(&length) {
        return Ok(());
    }
    let bounds = if min == max { format!("exactly {min}") } else { format!("{min} to {max}") };
    Err(RuleBroken::new("length", format!("The value must have {bounds} characters.")))
}

/// The characters nobody sees and [`is_hidden`] finds, as the inside of a regular expression's class, but for the end of a
/// line.
macro_rules! hidden_but_line_ends {
    () => {
        r"\u0000-\u0009\u000B-\u001F\u007F-\u009F\u00AD\u061C\u115F\u1160\u180E\u200B-\u200F\u2028-\u202E\u2060-\u206F\u3164\uFEFF\uFFA0\uFFF9-\uFFFB"
    };
}

/// All of them.
macro_rules! hidden_class {
    () => {
        concat!(r"\u000A", hidden_but_line_ends!())
    };
}

/// Text of at least one visible character and no hidden one.
pub(super) const PROSE_PATTERN: &str = concat!(
    "^[^",
    hidden_class!(),
    "]*[^",
    hidden_class!(),
    r"\u0020\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000]",
    "[^",
    hidden_class!(),
    "]*$"
);

/// Text of one or several lines, at least one of them with a visible character, and no other hidden character.
pub(super) const LINES_PATTERN: &str = concat!(
    "^[^",
    hidden_but_line_ends!(),
    "]*[^",
    hidden_class!(),
    r"\u0020\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000]",
    "[^",
    hidden_but_line_ends!(),
    "]*$"
);

/// Control characters, bidirectional overrides, zero-width characters and fillers. They make two texts that look alike
/// differ, or one text look like another (Unicode TR 36), and no name, address or reason needs them.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1F}' | '\u{7F}'..='\u{9F}' | '\u{AD}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180E}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}')
}

/// A space of any width: general category Zs. (`char::is_whitespace` holds line ends as well, which are hidden.)
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() && !is_hidden(c)
}

/// Free text in normal form: NFC, trimmed, each run of spaces one space. Refuses hidden characters and blanks.
pub(super) fn prose(raw: &str) -> Result<String, RuleBroken> {
    if raw.chars().any(is_hidden) {
        return Err(RuleBroken::new("hidden_character", "The value holds a control or invisible character."));
    }
    let composed: String = raw.nfc().collect();
    let normal = composed.split(is_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if normal.is_empty() {
        return Err(RuleBroken::new("blank", "The value holds nothing but white space."));
    }
    Ok(normal)
}

/// Free text of one or several lines, each of them as [`prose`] has it. Empty lines stay between others.
pub(super) fn lines(raw: &str) -> Result<String, RuleBroken> {
    let lines = raw.split('\n').map(|line| if line.chars().all(is_space) { Ok(String::new()) } else { prose(line) });
    let lines = lines.collect::<Result<Vec<_>, _>>()?.join("\n");
    match lines.trim_matches('\n') {
        "" => Err(RuleBroken::new("blank", "The value holds nothing but white space.")),
        text => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_composed_trimmed_and_its_spaces_collapsed() {
        assert_eq!(prose("  Le\u{301}a \u{A0} Dupont ").as_deref(), Ok("Léa Dupont"));
    }

    #[test]
    fn lines_are_kept_and_each_is_prose() {
        assert_eq!(lines("\n  Léa \n\n  vient   seule \n ").as_deref(), Ok("Léa\n\nvient seule"));
        assert_eq!(lines("\n \n").map_err(|e| e.rule), Err("blank"));
        assert_eq!(lines("a\r\nb").map_err(|e| e.rule), Err("hidden_character"));
    }

    #[test]
    fn no_hidden_character_passes() {
        for hidden in ['\0', '\n', '\t', '\u{7F}', '\u{AD}', '\u{200B}', '\u{200D}', '\u{202E}', '\u{2066}', '\u{FEFF}']
        {
            assert_eq!(prose(&format!("a{hidden}b")).map_err(|e| e.rule), Err("hidden_character"), "{hidden:?}");
        }
        assert_eq!(prose(" \u{3000} ").map_err(|e| e.rule), Err("blank"));
    }

    #[test]
    fn length_is_counted_in_unicode_scalar_values() {
        assert_eq!(check_length("ééé", 1, 3), Ok(()));
        assert_eq!(check_length("𝒳𝒳𝒳", 1, 3), Ok(()));
        assert!(check_length("éééé", 1, 3).is_err());
        assert!(check_length("", 1, 3).is_err());
    }
}
