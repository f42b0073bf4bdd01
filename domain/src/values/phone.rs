//! Telephone numbers, kept in their international form.
//!
//! France: ARCEP decision 2018-0881 (national numbering plan), as amended by decision 2022-1583. Other calling codes:
//! ITU-T E.164 and its list of assigned country codes. Lengths of the Pacific territories: their own plans, as Google's
//! libphonenumber collects them.

use std::ops::RangeInclusive;

use super::RuleBroken;
use super::text::text_value;

text_value! {
    /// A telephone number in E.164 form (`+33612345678`).
    ///
    /// Read are the French national form (`06 12 34 56 78`, also of an overseas department: `0590 12 34 56`), and the
    /// international form behind `+` or `00`, with single spaces, full stops or hyphens between digits. Short numbers
    /// (15, 3919) reach no patient and are refused.
    PhoneNumber {
        length: 8 to 32,
        pattern: Some(concat!(
            // France and the overseas departments: nine digits behind the 0 or the calling code.
            r"^(?:(?:0[ .-]?|(?:\+|00)(?:33|262|590|594|596)[ .-]?(?:\(0\)[ .-]?)?)[1-9](?:[ .-]?[0-9]){8}",
            // Saint-Pierre-et-Miquelon; Wallis-et-Futuna and Nouvelle-Calédonie; Polynésie française.
            r"|(?:\+|00)(?:508(?:[ .-]?[0-9]){6}(?:(?:[ .-]?[0-9]){3})?|68[17](?:[ .-]?[0-9]){6}|689(?:[ .-]?[0-9]){8}",
            // North America, Russia and Kazakhstan.
            r"|[17](?:[ .-]?[0-9]){10}",
            // The other calling codes of two and of three digits.
            r"|(?:2[07]|3[0-2469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])(?:[ .-]?[0-9]){5,13}",
            r"|(?:21[1-368]|2[234][0-9]|25[0-8]|26[013-9]|29[01789]|35[0-9]|37[0-8]|38[0-35-79]|42[013]|50[0-79]",
            r"|59[1-357-9]|67[02-9]|68[023568]|69[0-2]|85[02356]|88[06]|96[0-8]|97[0-7]|99[2-68])(?:[ .-]?[0-9]){4,12}",
            r"))$"
        )),
        format: None,
        description: "Telephone number, in French national or in international form; answered in E.164 form.",
        example: "+33612345678",
        accept: e164,
    }
}

/// Calling codes with as many digits as may follow them. No code is the beginning of another.
const CALLING_CODES: &[(&str, &[RangeInclusive<usize>])] = &[
    ("33 262 590 594 596", &[9..=9]),
    ("508", &[6..=6, 9..=9]),
    ("681 687", &[6..=6]),
    ("689", &[8..=8]),
    ("1 7", &[10..=10]),
    // E.164 allows 15 digits in all.
    (
        "20 27 30 31 32 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 \
         91 92 93 94 95 98",
        &[5..=13],
    ),
    (
        "211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238 239 240 241 242 \
         243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 263 264 265 266 267 268 269 290 291 297 \
         298 299 350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 380 381 382 383 385 386 387 \
         389 420 421 423 500 501 502 503 504 505 506 507 509 591 592 593 595 597 598 599 670 672 673 674 675 676 677 678 \
         679 680 682 683 685 686 688 690 691 692 850 852 853 855 856 880 886 960 961 962 963 964 965 966 967 968 970 971 \
         972 973 974 975 976 977 992 993 994 995 996 998",
        &[4..=12],
    ),
];

/// The calling code of a French number whose nine national digits begin so; all others have 33. The overseas
/// departments share the national form `0…` with the mainland and have calling codes of their own (ARCEP plan).
const OVERSEAS: &[(&str, &str)] =
    &[("262", "262 263 269 639 692 693"), ("590", "590 690 691"), ("594", "594 694"), ("596", "596 696 697")];

/// The codes whose numbers are written behind a national 0.
const FRENCH_PLAN: [&str; 5] = ["33", "262", "590", "594", "596"];

impl PhoneNumber {
    /// The number as people in France read it: `06 12 34 56 78`, `0590 12 34 56`, `+687 12 34 56`, `+34 620987654`.
    pub fn display(&self) -> String {
        let Some((code, national)) = self.0.strip_prefix('+').and_then(split_calling_code) else {
            return self.0.clone();
        };
        match code {
            "33" => in_pairs(&format!("0{national}")),
            _ if FRENCH_PLAN.contains(&code) => match national.split_at_checked(3) {
                Some((area, rest)) => format!("0{area} {}", in_pairs(rest)),
                None => self.0.clone(),
            },
            "508" | "681" | "687" | "689" => format!("+{code} {}", in_pairs(national)),
            _ => format!("+{code} {national}"),
        }
    }
}

fn e164(raw: &str) -> Result<String, RuleBroken> {
    match raw.strip_prefix('+').or_else(|| raw.strip_prefix("00")) {
        Some(international) => from_international(international),
        None => from_national(raw),
    }
}

fn from_national(raw: &str) -> Result<String, RuleBroken> {
    let digits = digits(raw)?;
    let national = digits
        .strip_prefix('0')
        .filter(|national| is_french(national))
        .ok_or_else(|| RuleBroken::new("phone_france", "A French number has ten digits and begins with 01 to 09."))?;
    Ok(french_e164(national))
}

fn from_international(raw: &str) -> Result<String, RuleBroken> {
    let (code, rest) = split_calling_code(raw)
        .ok_or_else(|| RuleBroken::new("phone_calling_code", "The number begins with no assigned calling code."))?;
    let rest = after_separator(rest);
    if FRENCH_PLAN.contains(&code) {
        // "+33 (0)6 …" is how many letterheads write it.
        let national = digits(rest.strip_prefix("(0)").map_or(rest, after_separator))?;
        if !is_french(&national) {
            let detail = format!("Behind +{code} a number has nine digits, the first not 0.");
            return Err(RuleBroken::new("phone_length", detail));
        }
        // A number of Guadeloupe behind +33 does not ring; its own calling code is meant.
        return Ok(if code == "33" { french_e164(&national) } else { format!("+{code}{national}") });
    }
    let national = digits(rest)?;
    if !lengths(code).iter().any(|length| length.contains(&national.len())) {
        return Err(RuleBroken::new("phone_length", format!("A number behind +{code} has another number of digits.")));
    }
    Ok(format!("+{code}{national}"))
}

/// Nine national digits as a full number.
fn french_e164(national: &str) -> String {
    // Saint-Pierre-et-Miquelon: the calling code is the area code, and six digits follow.
    if national.starts_with("508") {
        return format!("+{national}");
    }
    let area = &national[..3];
    let overseas = OVERSEAS.iter().find(|(_, areas)| areas.split(' ').any(|candidate| candidate == area));
    format!("+{}{national}", overseas.map_or("33", |(code, _)| code))
}

fn is_french(national: &str) -> bool {
    national.len() == 9 && !national.starts_with('0')
}

/// The calling code at the beginning of an international number, and what follows.
fn split_calling_code(international: &str) -> Option<(&'static str, &str)> {
    CALLING_CODES
        .iter()
        .flat_map(|(codes, _)| codes.split(' '))
        .find_map(|code| international.strip_prefix(code).map(|rest| (code, rest)))
}

fn lengths(code: &str) -> &'static [RangeInclusive<usize>] {
    CALLING_CODES
        .iter()
        .find(|(codes, _)| codes.split(' ').any(|listed| listed == code))
        .map_or(&[], |(_, lengths)| lengths)
}

/// The digits of a text in which single separators may stand between two digits.
fn digits(text: &str) -> Result<String, RuleBroken> {
    let groups_are_digits =
        text.split(is_separator).all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()));
    if !groups_are_digits {
        let detail = "A phone number holds digits, with single spaces, full stops or hyphens between them.";
        return Err(RuleBroken::new("phone_format", detail));
    }
    Ok(text.split(is_separator).collect())
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '.' | '-')
}

fn after_separator(text: &str) -> &str {
    text.strip_prefix(is_separator).unwrap_or(text)
}

fn in_pairs(digits: &str) -> String {
    digits.as_bytes().chunks(2).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::TextValue;

    #[test]
    fn every_way_of_writing_a_number_is_the_same_number() {
        for written in [
            "0612345678",
            "06 12 34 56 78",
            "06.12.34.56.78",
            "06-12-34-56-78",
            "+33612345678",
            "+33 6 12 34 56 78",
            "+33 (0)6 12 34 56 78",
            "+33(0)612345678",
            "0033 6 12 34 56 78",
        ] {
            assert_eq!(PhoneNumber::parse(written).unwrap().as_str(), "+33612345678", "{written}");
        }
    }

    #[test]
    fn overseas_numbers_get_their_own_calling_code() {
        for (written, number, shown) in [
            ("0590 12 34 56", "+590590123456", "0590 12 34 56"),
            ("+33 690 12 34 56", "+590690123456", "0690 12 34 56"),
            ("+262 692 12 34 56", "+262692123456", "0692 12 34 56"),
            ("0639 12 34 56", "+262639123456", "0639 12 34 56"),
            ("0694 12 34 56", "+594694123456", "0694 12 34 56"),
            ("0696123456", "+596696123456", "0696 12 34 56"),
            ("0508 41 23 45", "+508412345", "+508 41 23 45"),
            ("+687 75 12 34", "+687751234", "+687 75 12 34"),
            ("+689 87 12 34 56", "+68987123456", "+689 87 12 34 56"),
            ("+681 72 12 34", "+681721234", "+681 72 12 34"),
        ] {
            let parsed = PhoneNumber::parse(written).unwrap();
            assert_eq!((parsed.as_str(), parsed.display().as_str()), (number, shown), "{written}");
        }
    }

    #[test]
    fn foreign_numbers_are_taken_in_international_form() {
        assert_eq!(PhoneNumber::parse("+34 620 987 654").unwrap().as_str(), "+34620987654");
        assert_eq!(PhoneNumber::parse("+34 620 987 654").unwrap().display(), "+34 620987654");
        assert_eq!(PhoneNumber::parse("001 202-555-0143").unwrap().as_str(), "+12025550143");
        assert_eq!(PhoneNumber::parse("06 12 34 56 78").unwrap().display(), "06 12 34 56 78");
    }

    #[test]
    fn impossible_numbers_are_refused() {
        for (written, rule) in [
            ("06 12 34 56 7", "phone_france"),
            ("06 12 34 56 78 9", "phone_france"),
            ("6 12 34 56 78", "phone_france"),
            ("00 12 34 56 78", "phone_calling_code"),
            ("+33 06 12 34 56 78", "phone_length"),
            ("+33 6 12 34 56 7", "phone_length"),
            ("+687 75 12 34 5", "phone_length"),
            ("+1 202 555 014", "phone_length"),
            ("+999 123 456 789", "phone_calling_code"),
            ("+ 33 612345678", "phone_calling_code"),
            ("06  12 34 56 78", "phone_format"),
            ("06 12 34 56 78 ", "phone_format"),
            ("06 12 34 56 7x", "phone_format"),
            ("٠٦١٢٣٤٥٦٧٨", "phone_format"),
            ("3919", "length"),
        ] {
            assert_eq!(PhoneNumber::parse(written).unwrap_err().rule, rule, "{written}");
        }
    }

    #[test]
    fn no_calling_code_begins_another() {
        let codes: Vec<&str> = CALLING_CODES.iter().flat_map(|(codes, _)| codes.split(' ')).collect();
        for code in &codes {
            assert_eq!(codes.iter().filter(|other| other.starts_with(code)).count(), 1, "{code}");
        }
    }

    proptest! {
        #[test]
        fn normalising_and_showing_a_number_do_not_change_it(
            written in r"0[ .-]?[1-9]([ .-]?[0-9]){8}|\+34[0-9]{9}|\+68[17][0-9]{6}|\+689[0-9]{8}",
        ) {
            let number = PhoneNumber::parse(&written).expect("the number is possible");
            prop_assert_eq!(PhoneNumber::parse(number.as_str()), Ok(number.clone()));
            prop_assert_eq!(PhoneNumber::parse(&number.display()), Ok(number));
        }
    }
}
