//! The national number of a health establishment.

use super::RuleBroken;
use super::luhn::ends_with_its_luhn_key;
use super::text::text_value;

text_value! {
    /// A FINESS number: the department (two digits, `2A` or `2B` in Corsica), six digits and the Luhn key, for which
    /// `2A` and `2B` count as 21 and 22.
    Finess {
        length: 9 to 9,
        pattern: Some("^(?:[0-9]{2}|2[AB])[0-9]{7}$"),
        format: None,
        description: "FINESS number: department, six digits and their Luhn key.",
        example: "750712184",
        accept: finess,
    }
}

fn finess(raw: &str) -> Result<String, RuleBroken> {
    let digits = match raw.as_bytes() {
        [b'2', b'A', ..] => raw.replacen("2A", "21", 1),
        [b'2', b'B', ..] => raw.replacen("2B", "22", 1),
        _ => raw.to_owned(),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RuleBroken::new("finess_format", "A FINESS number is a department and seven digits."));
    }
    if !ends_with_its_luhn_key(&digits) {
        return Err(RuleBroken::new("luhn_key", "The last digit is not the Luhn key of the others."));
    }
    Ok(raw.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::TextValue;

    /// Numbers of public hospitals.
    const VALID: [&str; 18] = [
        "750712184",
        "330781196",
        "690781810",
        "590780193",
        "290000017",
        "130786049",
        "310781406",
        "350005179",
        "440000289",
        "670780055",
        "970100228",
        "980500011",
        "060785011",
        "2A0000014",
        "2B0000020",
        "2A0002606",
        "2B0000012",
        "2A0000022",
    ];

    #[test]
    fn numbers_of_public_hospitals_are_accepted() {
        for number in VALID {
            assert_eq!(Finess::parse(number).unwrap().as_str(), number);
        }
    }

    #[test]
    fn a_number_with_another_key_is_refused() {
        for number in VALID {
            let wrong_key = (number.as_bytes()[8] - b'0' + 1) % 10;
            let changed = format!("{}{wrong_key}", &number[..8]);
            assert_eq!(Finess::parse(&changed).unwrap_err().rule, "luhn_key", "{changed}");
        }
        for number in ["2C0000014", "2a0000014", "75071218A", "22A000014"] {
            assert_eq!(Finess::parse(number).unwrap_err().rule, "finess_format", "{number}");
        }
    }
}
