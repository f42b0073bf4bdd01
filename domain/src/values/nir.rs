//! The French social security number.

use super::RuleBroken;
use super::text::text_value;

text_value! {
    /// A NIR (numéro d'inscription au répertoire) with its key, as fifteen characters without separators.
    ///
    /// Sex (1, 2; 3, 4, 7, 8 while the registration is under way), year, month (01–12; 20–42 and 50–99 where the
    /// civil status is incomplete), department (`2A`, `2B` in Corsica), commune, order, and the key
    /// 97 − (number mod 97), for which `2A` counts as 19 and `2B` as 18. Source: INSEE, "numéro d'inscription au
    /// répertoire". Single spaces, full stops or hyphens may stand between these groups.
    Nir {
        length: 15 to 21,
        pattern: Some(
            r"^[1-478][ .-]?[0-9]{2}[ .-]?(?:0[1-9]|1[0-2]|[23][0-9]|4[0-2]|[5-9][0-9])[ .-]?(?:0[1-9]|[1-9][0-9]|2[ABab])[ .-]?[0-9]{3}[ .-]?[0-9]{3}[ .-]?[0-9]{2}$"
        ),
        format: None,
        description: "Social security number (NIR): thirteen characters and their key.",
        example: "2 95 10 99 126 111 93",
        accept: nir,
    }
}

/// How many characters each group has: sex, year, month, department, commune, order, key.
const GROUPS: [usize; 7] = [1, 2, 2, 2, 3, 3, 2];

fn nir(raw: &str) -> Result<String, RuleBroken> {
    let form = || RuleBroken::new("nir_format", "A NIR has thirteen characters and a key of two digits.");
    let mut rest = raw;
    let mut groups = [""; GROUPS.len()];
    for (place, length) in GROUPS.into_iter().enumerate() {
        // Separators stand between groups, so none before the first.
        if place > 0 {
            rest = rest.strip_prefix([' ', '.', '-']).unwrap_or(rest);
        }
        (groups[place], rest) = rest.split_at_checked(length).ok_or_else(form)?;
    }
    let [sex, year, month, department, commune, order, key] = groups;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let department = department.to_ascii_uppercase();
    let numeric_department = match department.as_str() {
        "2A" => "19",
        "2B" => "18",
        other => other,
    };
    if !rest.is_empty() || ![sex, year, month, numeric_department, commune, order, key].into_iter().all(is_number) {
        return Err(form());
    }
    if !matches!(sex, "1" | "2" | "3" | "4" | "7" | "8") {
        return Err(RuleBroken::new("nir_sex", "A NIR begins with 1, 2, 3, 4, 7 or 8."));
    }
    if !matches!(month.parse(), Ok(1..=12 | 20..=42 | 50..=99_u8)) {
        return Err(RuleBroken::new("nir_month", "The month of a NIR is 01 to 12, 20 to 42 or 50 to 99."));
    }
    if department == "00" {
        return Err(RuleBroken::new("nir_department", "There is no department 00."));
    }
    let body: u64 = [sex, year, month, numeric_department, commune, order].concat().parse().map_err(|_| form())?;
    if key.parse() != Ok(97 - body % 97) {
        return Err(RuleBroken::new("nir_key", "The last two digits are not the key of the others."));
    }
    Ok([sex, year, month, &department, commune, order, key].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::TextValue;

    #[test]
    fn the_public_examples_are_accepted() {
        // Documentation of python-stdnum and the test data of the Agence du numérique en santé.
        for number in ["295109912611193", "253072B07300470", "253072A07300443", "279035121518989"] {
            assert_eq!(Nir::parse(number).unwrap().as_str(), number);
        }
    }

    #[test]
    fn separators_and_small_letters_are_tolerated() {
        for written in ["2 95 10 99 126 111 93", "2.95.10.99.126.111.93", "2951099126111-93"] {
            assert_eq!(Nir::parse(written).unwrap().as_str(), "295109912611193", "{written}");
        }
        assert_eq!(Nir::parse("2 53 07 2b 073 004 70").unwrap().as_str(), "253072B07300470");
    }

    #[test]
    fn a_number_that_breaks_a_rule_is_refused_by_its_name() {
        for (written, rule) in [
            ("295109912611199", "nir_key"),
            ("253072C07300443", "nir_format"),
            ("170017510112313", "nir_key"),
            ("194052203228988", "nir_key"),
            ("595109912611193", "nir_sex"),
            ("295139912611193", "nir_month"),
            ("295434912611193", "nir_month"),
            ("295100012611193", "nir_department"),
            ("2  95 10 99 126 111 93", "length"),
            ("2  9510991261119", "nir_format"),
            (" 295109912611193", "nir_format"),
            ("295109912611193 ", "nir_format"),
            ("29510991261119é", "nir_format"),
            ("29510991261119", "length"),
        ] {
            assert_eq!(Nir::parse(written).unwrap_err().rule, rule, "{written:?}");
        }
    }

    proptest! {
        #[test]
        fn exactly_one_key_fits_every_number(body in "[12][0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[13-9][0-9]|2[AB])[0-9]{6}") {
            let keys = (0..100).filter(|key| Nir::parse(&format!("{body}{key:02}")).is_ok()).count();
            prop_assert_eq!(keys, 1);
        }
    }
}
