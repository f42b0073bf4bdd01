//! Numbers of documents that this product cannot check further.

use super::RuleBroken;
use super::text::text_value;

/// Words of ASCII letters and digits, with single spaces, full stops, slashes or hyphens between them.
pub(super) const DOCUMENT_NUMBER_PATTERN: &str = "^[A-Za-z0-9]+(?:[ ./-][A-Za-z0-9]+)*$";

text_value! {
    /// The number of an identity document (`idNumber`): passport, identity card, residence permit of any country.
    IdNumber {
        length: 1 to 40,
        pattern: Some(DOCUMENT_NUMBER_PATTERN),
        format: None,
        description: "Number of an identity document of any country.",
        example: "87654321B",
        accept: document_number,
    }
}

/// The number as written, or why it is none.
pub(super) fn document_number(raw: &str) -> Result<String, RuleBroken> {
    let words_are_alphanumeric = raw
        .split([' ', '.', '/', '-'])
        .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if !words_are_alphanumeric {
        return Err(RuleBroken::new(
            "document_number_format",
            "The number holds letters A to Z and digits, with single separators between them.",
        ));
    }
    Ok(raw.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::TextValue;

    #[test]
    fn document_numbers_are_letters_and_digits_with_single_separators() {
        for number in ["87654321B", "ID100003", "12 AB 34567", "X-1/2.3"] {
            assert_eq!(IdNumber::parse(number).unwrap().as_str(), number);
        }
        for number in ["-1", "1-", "1--2", "1  2", "é1", "1\n2", " 1"] {
            assert_eq!(IdNumber::parse(number).unwrap_err().rule, "document_number_format", "{number:?}");
        }
    }
}
