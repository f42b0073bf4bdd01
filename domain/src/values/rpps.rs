//! The national number of a health professional.

use super::RuleBroken;
use super::luhn::ends_with_its_luhn_key;
use super::text::text_value;

text_value! {
    /// An RPPS number (Répertoire partagé des professionnels de santé): a ten-digit serial and its Luhn key.
    Rpps {
        length: 11 to 11,
        pattern: Some("^[0-9]{11}$"),
        format: None,
        description: "RPPS number: ten digits and their Luhn key.",
        example: "10002909371",
        accept: rpps,
    }
}

fn rpps(raw: &str) -> Result<String, RuleBroken> {
    if !raw.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RuleBroken::new("rpps_format", "An RPPS number has eleven digits and nothing else."));
    }
    if !ends_with_its_luhn_key(raw) {
        return Err(RuleBroken::new("luhn_key", "The last digit is not the Luhn key of the others."));
    }
    Ok(raw.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::TextValue;

    /// Public test data of the Agence du numérique en santé.
    const VALID: [&str; 10] = [
        "10002909371",
        "99900023351",
        "10100375103",
        "10107592544",
        "10107592585",
        "10000927870",
        "10002485232",
        "10000000900",
        "10000001916",
        "10000005479",
    ];

    #[test]
    fn the_public_test_numbers_are_accepted() {
        for number in VALID {
            assert_eq!(Rpps::parse(number).unwrap().as_str(), number);
        }
    }

    #[test]
    fn a_number_without_its_key_is_refused() {
        // An example in public documentation that was made up without its key.
        assert_eq!(Rpps::parse("10005678901").unwrap_err().rule, "luhn_key");
        assert_eq!(Rpps::parse("1000290937A").unwrap_err().rule, "rpps_format");
        assert_eq!(Rpps::parse("1000290937").unwrap_err().rule, "length");
    }

    proptest! {
        #[test]
        fn a_number_with_its_key_is_accepted_and_no_other_digit_anywhere(
            serial in "[0-9]{10}",
            place in 0..11_usize,
            shift in 1..10_u8,
        ) {
            let number = (0..10).map(|key| format!("{serial}{key}")).find(|number| Rpps::parse(number).is_ok());
            let mut digits = number.expect("one of ten keys is right").into_bytes();
            digits[place] = b'0' + (digits[place] - b'0' + shift) % 10;
            let changed = String::from_utf8(digits).expect("digits are ASCII");
            prop_assert_eq!(Rpps::parse(&changed).map_err(|broken| broken.rule), Err("luhn_key"));
        }
    }
}
