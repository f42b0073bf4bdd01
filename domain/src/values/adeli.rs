//! The older departmental number of a health professional.

use super::RuleBroken;
use super::text::text_value;

text_value! {
    /// An ADELI number: the department (two digits, `2A` or `2B` in Corsica, `9A` to `9F` overseas) and seven digits.
    /// No key is published, so the form is all there is to check.
    Adeli {
        length: 9 to 9,
        pattern: Some("^(?:[0-9]{2}|2[AB]|9[A-F])[0-9]{7}$"),
        format: None,
        description: "ADELI number: department and seven digits.",
        example: "759912345",
        accept: adeli,
    }
}

fn adeli(raw: &str) -> Result<String, RuleBroken> {
    let well_formed = raw.split_at_checked(2).is_some_and(|(department, rest)| {
        matches!(department.as_bytes(), [b'0'..=b'9', b'0'..=b'9'] | [b'2', b'A' | b'B'] | [b'9', b'A'..=b'F'])
            && rest.len() == 7
            && rest.bytes().all(|byte| byte.is_ascii_digit())
    });
    if !well_formed {
        return Err(RuleBroken::new("adeli_format", "An ADELI number is a department and seven digits."));
    }
    Ok(raw.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::TextValue;

    #[test]
    fn an_adeli_number_is_a_department_and_seven_digits() {
        for number in ["759912345", "2A1234567", "2B1234567", "9D1234567"] {
            assert_eq!(Adeli::parse(number).unwrap().as_str(), number);
        }
        for number in ["2C1234567", "75991234A", "2a1234567", "é59912345"] {
            assert_eq!(Adeli::parse(number).unwrap_err().rule, "adeli_format", "{number}");
        }
        assert_eq!(Adeli::parse("75991234").unwrap_err().rule, "length");
    }
}
