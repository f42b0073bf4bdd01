//! What every text value promises, tried on all of them: the API publishes their bounds and patterns, and must not lie.

use std::fmt::Debug;

use proptest::{prelude::*, string::string_regex, test_runner::TestRunner};
use serde::{Serialize, de::DeserializeOwned};

use super::*;

/// Rules that no portable regular expression can say: keys, days of the calendar, lengths of a part, codes of a long list,
/// and that the four Hangul fillers, which are letters, are not for names.
const BEYOND_PATTERNS: [&str; 7] =
    ["length", "luhn_key", "nir_key", "date_exists", "email_local_length", "hidden_character", "specialty_code"];

fn keeps_the_contract<T: TextValue + Debug + PartialEq + Serialize + DeserializeOwned>() {
    let name = std::any::type_name::<T>();

    let example = T::parse(T::EXAMPLE).expect(name);
    assert!(!format!("{example:?}").contains(example.as_str()), "{name} shows itself in Debug");
    assert_eq!(serde_json::to_value(&example).unwrap(), example.as_str(), "{name}");
    assert_eq!(serde_json::from_value::<T>(serde_json::to_value(&example).unwrap()).unwrap(), example, "{name}");

    assert_eq!(T::parse("").unwrap_err().rule, "length", "{name}");
    assert_eq!(T::parse(&"1".repeat(T::MAX_LENGTH + 1)).unwrap_err().rule, "length", "{name}");

    let mut runner = TestRunner::deterministic();
    let pattern = T::PATTERN.expect(name);
    // Proptest writes no anchors, and makes whole strings without them.
    let unanchored = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$')).expect(name);
    let described = string_regex(unanchored).expect(name);
    runner
        .run(&described, |raw| {
            match T::parse(&raw) {
                Ok(value) => {
                    // The normal form is a fixed point, unless composing it made it longer than a raw value may be.
                    if value.as_str().chars().count() <= T::MAX_LENGTH {
                        prop_assert_eq!(T::parse(value.as_str()), Ok(value), "{}", name);
                    }
                }
                Err(broken) => {
                    prop_assert!(BEYOND_PATTERNS.contains(&broken.rule), "{name} publishes {raw:?}: {broken:?}")
                }
            }
            Ok(())
        })
        .unwrap();

    runner
        .run(&any::<String>(), |raw| {
            if let Err(broken) = T::parse(&raw) {
                prop_assert!(raw.chars().count() < 4 || !broken.detail.contains(&raw), "{name} repeats the value");
            }
            Ok(())
        })
        .unwrap();
}

/// One test per type, named after it.
macro_rules! contract {
    ($($test:ident: $type:ty,)+) => {$(
        #[test]
        fn $test() {
            keeps_the_contract::<$type>();
        }
    )+};
}

contract! {
    adeli_keeps_the_contract: Adeli,
    birth_date_keeps_the_contract: BirthDate,
    civil_date_keeps_the_contract: CivilDate,
    city_keeps_the_contract: City,
    clock_time_keeps_the_contract: ClockTime,
    country_code_keeps_the_contract: CountryCode,
    email_address_keeps_the_contract: EmailAddress,
    facility_name_keeps_the_contract: FacilityName,
    finess_keeps_the_contract: Finess,
    first_name_keeps_the_contract: FirstName,
    id_number_keeps_the_contract: IdNumber,
    insurance_number_keeps_the_contract: InsuranceNumber,
    insurance_provider_keeps_the_contract: InsuranceProvider,
    label_keeps_the_contract: Label,
    last_name_keeps_the_contract: LastName,
    nationality_keeps_the_contract: Nationality,
    nir_keeps_the_contract: Nir,
    notes_keep_the_contract: Notes,
    patient_number_keeps_the_contract: PatientNumber,
    person_name_keeps_the_contract: PersonName,
    phone_number_keeps_the_contract: PhoneNumber,
    postal_code_keeps_the_contract: PostalCode,
    reason_keeps_the_contract: Reason,
    relationship_keeps_the_contract: Relationship,
    rpps_keeps_the_contract: Rpps,
    specialty_keeps_the_contract: Specialty,
    street_line_keeps_the_contract: StreetLine,
    wall_time_keeps_the_contract: WallTime,
}

#[test]
fn a_stored_value_loads_even_if_it_would_be_refused_today() {
    let stored: PhoneNumber = serde_json::from_str("\"12\"").unwrap();
    assert_eq!(stored.as_str(), "12");
    assert_eq!(stored.display(), "12");
}
