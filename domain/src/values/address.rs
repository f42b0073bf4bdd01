//! Postal addresses.

use serde::{Deserialize, Serialize};

use super::text::{PROSE_PATTERN, prose, text_value};
use super::{CountryCode, RuleBroken, TextValue, Violation};

/// Where a person lives. Every part may be missing: a practice often knows the town only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Address {
    /// Number and street.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street: Option<StreetLine>,
    /// Town.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<City>,
    /// Postal code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<PostalCode>,
    /// Country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<CountryCode>,
}

impl Address {
    /// Whether nothing of it is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses a postal code that the address's country does not have. Only the French codes are known; an address
    /// without a country is not judged.
    pub fn check(&self) -> Result<(), Violation> {
        let (Some(code), Some(country)) = (&self.postal_code, &self.country) else { return Ok(()) };
        let Some(prefixes) = french_prefixes(country.as_str()) else { return Ok(()) };
        let code = code.as_str();
        let is_french = code.len() == 5
            && code.bytes().all(|byte| byte.is_ascii_digit())
            && prefixes.iter().any(|prefix| code.starts_with(prefix));
        if is_french {
            return Ok(());
        }
        let detail = "A postal code of this country has five digits, the first those of a department or territory.";
        Err(RuleBroken::new("postal_code_france", detail).at("postalCode"))
    }
}

/// How the postal codes of a country begin that La Poste serves, or `None` for any other country. `FR` covers all of
/// France: 01 to 95 (20 is Corsica), the overseas 97 and 98, and the 00 of the armed forces. The overseas
/// departments and territories also have ISO codes of their own.
fn french_prefixes(country: &str) -> Option<&'static [&'static str]> {
    Some(match country {
        "FR" => &["0", "1", "2", "3", "4", "5", "6", "7", "8", "90", "91", "92", "93", "94", "95", "97", "98"],
        // Saint-Barthélemy and Saint-Martin used codes of Guadeloupe before they had their own.
        "GP" | "BL" | "MF" => &["971", "977", "978"],
        "MQ" => &["972"],
        "GF" => &["973"],
        "RE" => &["974"],
        "PM" => &["975"],
        "YT" => &["976"],
        "MC" => &["980"],
        "TF" => &["984"],
        "WF" => &["986"],
        "PF" => &["987"],
        "NC" => &["988"],
        _ => return None,
    })
}

text_value! {
    /// Number and street of an address.
    StreetLine {
        length: 1 to 200,
        pattern: Some(PROSE_PATTERN),
        format: None,
        description: "Number and street.",
        example: "12 rue de la République",
        accept: prose,
    }

    /// A town.
    City {
        length: 1 to 100,
        pattern: Some(PROSE_PATTERN),
        format: None,
        description: "Town.",
        example: "Brest",
        accept: prose,
    }

    /// A postal code of any country, in capital letters. Whether the country has it is the [`Address`]'s question.
    PostalCode {
        length: 2 to 12,
        pattern: Some("^[A-Za-z0-9]+(?:[ -][A-Za-z0-9]+)*$"),
        format: None,
        description: "Postal code; five digits in France.",
        example: "29200",
        accept: postal_code,
    }
}

fn postal_code(raw: &str) -> Result<String, RuleBroken> {
    let words_are_alphanumeric =
        raw.split([' ', '-']).all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if !words_are_alphanumeric {
        let detail = "A postal code holds letters A to Z and digits, with single spaces or hyphens between them.";
        return Err(RuleBroken::new("postal_code_format", detail));
    }
    Ok(raw.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(postal_code: &str, country: &str) -> Result<(), &'static str> {
        let address = Address {
            postal_code: Some(PostalCode::parse(postal_code).unwrap()),
            country: Some(CountryCode::parse(country).unwrap()),
            ..Address::default()
        };
        address.check().map_err(|violation| violation.rule)
    }

    #[test]
    fn a_french_postal_code_has_five_digits_of_a_department_or_territory() {
        for code in ["29200", "01000", "20000", "20600", "97100", "97490", "98713", "95880", "00200"] {
            assert_eq!(judged(code, "France"), Ok(()), "{code}");
        }
        for code in ["2920", "292000", "2A004", "96000", "99000", "75 001"] {
            assert_eq!(judged(code, "FR"), Err("postal_code_france"), "{code}");
        }
    }

    #[test]
    fn a_territory_with_a_code_of_its_own_has_its_own_postal_codes() {
        for (territories, own) in [
            ("GP BL MF", "97133"),
            ("MQ", "97200"),
            ("GF", "97300"),
            ("RE", "97400"),
            ("PM", "97500"),
            ("YT", "97600"),
            ("MC", "98000"),
            ("TF", "98413"),
            ("WF", "98600"),
            ("PF", "98713"),
            ("NC", "98800"),
        ] {
            for territory in territories.split(' ') {
                assert_eq!(judged(own, territory), Ok(()), "{territory}");
                assert_eq!(judged("75001", territory), Err("postal_code_france"), "{territory}");
            }
        }
    }

    #[test]
    fn postal_codes_of_other_countries_are_taken_as_written() {
        assert_eq!(judged("08001", "España"), Ok(()));
        assert_eq!(judged("1000-260", "PT"), Ok(()));
        assert_eq!(PostalCode::parse("sw1a 1aa").unwrap().as_str(), "SW1A 1AA");
        assert_eq!(PostalCode::parse("75001 ").unwrap_err().rule, "postal_code_format");
    }

    #[test]
    fn an_address_is_written_in_the_words_of_the_existing_client() {
        let stored = r#"{"street":"12 rue de la République","city":"Brest","postalCode":"29200","country":"FR"}"#;
        let address: Address = serde_json::from_str(stored).unwrap();
        assert_eq!(serde_json::to_string(&address).unwrap(), stored);
        assert_eq!(serde_json::to_string(&Address::default()).unwrap(), "{}");
        assert!(Address::default().is_empty());
    }
}
