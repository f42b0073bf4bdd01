//! Countries by their ISO 3166-1 code.

use super::RuleBroken;
use super::text::text_value;

/// The words for countries that the existing web client stores instead of a code.
const CLIENT_WORDS: &[(&str, &str)] = &[("France", "FR"), ("España", "ES")];

/// Declares the list of codes, and the expression that is exactly it and the client's words.
macro_rules! countries {
    ($first:literal $($code:literal)+) => {
        const CODES: &[&str] = &[$first $(, $code)+];
        const COUNTRY_PATTERN: &str = concat!("^(?:", $first $(, "|", $code)+, "|France|España)$");
    };
}

// ISO 3166-1 alpha-2, the 249 officially assigned codes.
countries! {
    "AD" "AE" "AF" "AG" "AI" "AL" "AM" "AO" "AQ" "AR" "AS" "AT" "AU" "AW" "AX" "AZ" "BA" "BB" "BD" "BE" "BF" "BG" "BH"
    "BI" "BJ" "BL" "BM" "BN" "BO" "BQ" "BR" "BS" "BT" "BV" "BW" "BY" "BZ" "CA" "CC" "CD" "CF" "CG" "CH" "CI" "CK" "CL"
    "CM" "CN" "CO" "CR" "CU" "CV" "CW" "CX" "CY" "CZ" "DE" "DJ" "DK" "DM" "DO" "DZ" "EC" "EE" "EG" "EH" "ER" "ES" "ET"
    "FI" "FJ" "FK" "FM" "FO" "FR" "GA" "GB" "GD" "GE" "GF" "GG" "GH" "GI" "GL" "GM" "GN" "GP" "GQ" "GR" "GS" "GT" "GU"
    "GW" "GY" "HK" "HM" "HN" "HR" "HT" "HU" "ID" "IE" "IL" "IM" "IN" "IO" "IQ" "IR" "IS" "IT" "JE" "JM" "JO" "JP" "KE"
    "KG" "KH" "KI" "KM" "KN" "KP" "KR" "KW" "KY" "KZ" "LA" "LB" "LC" "LI" "LK" "LR" "LS" "LT" "LU" "LV" "LY" "MA" "MC"
    "MD" "ME" "MF" "MG" "MH" "MK" "ML" "MM" "MN" "MO" "MP" "MQ" "MR" "MS" "MT" "MU" "MV" "MW" "MX" "MY" "MZ" "NA" "NC"
    "NE" "NF" "NG" "NI" "NL" "NO" "NP" "NR" "NU" "NZ" "OM" "PA" "PE" "PF" "PG" "PH" "PK" "PL" "PM" "PN" "PR" "PS" "PT"
    "PW" "PY" "QA" "RE" "RO" "RS" "RU" "RW" "SA" "SB" "SC" "SD" "SE" "SG" "SH" "SI" "SJ" "SK" "SL" "SM" "SN" "SO" "SR"
    "SS" "ST" "SV" "SX" "SY" "SZ" "TC" "TD" "TF" "TG" "TH" "TJ" "TK" "TL" "TM" "TN" "TO" "TR" "TT" "TV" "TW" "TZ" "UA"
    "UG" "UM" "US" "UY" "UZ" "VA" "VC" "VE" "VG" "VI" "VN" "VU" "WF" "WS" "YE" "YT" "ZA" "ZM" "ZW"
}

text_value! {
    /// A country, by its ISO 3166-1 alpha-2 code. The words that the existing web client stores (`France`, `España`)
    /// are read as their code.
    CountryCode {
        length: 2 to 6,
        pattern: Some(COUNTRY_PATTERN),
        format: None,
        description: "Country: an ISO 3166-1 alpha-2 code.",
        example: "FR",
        accept: country_code,
    }
}

fn country_code(raw: &str) -> Result<String, RuleBroken> {
    let meant = CLIENT_WORDS.iter().find(|(word, _)| *word == raw).map_or(raw, |(_, code)| code);
    if CODES.binary_search(&meant).is_err() {
        return Err(RuleBroken::new("country_code", "A country is an ISO 3166-1 code of two capital letters."));
    }
    Ok(meant.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::TextValue;

    #[test]
    fn the_list_has_the_249_codes_in_order() {
        assert_eq!(CODES.len(), 249);
        assert!(CODES.is_sorted());
    }

    #[test]
    fn a_country_is_a_code_or_a_word_of_the_existing_client() {
        for (written, code) in [("FR", "FR"), ("France", "FR"), ("España", "ES"), ("GP", "GP")] {
            assert_eq!(CountryCode::parse(written).unwrap().as_str(), code);
        }
        for written in ["fr", "XX", "UK", "FRA", "Narnia"] {
            assert_eq!(CountryCode::parse(written).unwrap_err().rule, "country_code", "{written}");
        }
    }
}
