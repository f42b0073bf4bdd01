//! The number by which a practice calls a patient's file.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::text::check_length;
use super::{RuleBroken, TextValue};

/// A patient number: `P`, the last two digits of the year, and a sequence of at least four digits. `P269999` is followed
/// by `P2610000`; numbers are in order of year, then sequence.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PatientNumber {
    year2: u8,
    sequence: u64,
    text: String,
}

impl PatientNumber {
    /// The number of the given place in the sequence of a year.
    pub fn new(year: i16, sequence: u64) -> Self {
        // Between 0 and 99, whatever the year.
        Self::from_parts(year.rem_euclid(100) as u8, sequence)
    }

    /// The last two digits of the year.
    pub fn year2(&self) -> u8 {
        self.year2
    }

    /// The place in the year's sequence.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    fn from_parts(year2: u8, sequence: u64) -> Self {
        Self { year2, sequence, text: format!("P{year2:02}{sequence:04}") }
    }
}

impl TextValue for PatientNumber {
    const MIN_LENGTH: usize = 7;
    const MAX_LENGTH: usize = 22;
    const PATTERN: Option<&'static str> = Some("^P[0-9]{2}(?:[0-9]{4}|[1-9][0-9]{4,18})$");
    const FORMAT: Option<&'static str> = None;
    const DESCRIPTION: &'static str = "Patient number: P, two digits of the year, and a sequence of four or more.";
    const EXAMPLE: &'static str = "P260002";

    fn parse(raw: &str) -> Result<Self, RuleBroken> {
        check_length(raw, Self::MIN_LENGTH, Self::MAX_LENGTH)?;
        raw.strip_prefix('P')
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| {
                let (year2, sequence) = digits.split_at_checked(2)?;
                Some(Self::from_parts(year2.parse().ok()?, sequence.parse().ok()?))
            })
            // A sequence filled up with more zeros than four digits need is another spelling of the same number.
            .filter(|number| number.text == raw)
            .ok_or_else(|| {
                let detail = "A patient number is P, two digits of the year, and a sequence of at least four digits.";
                RuleBroken::new("patient_number_format", detail)
            })
    }

    fn as_str(&self) -> &str {
        &self.text
    }
}

/// The type's name only: a debug print must not carry personal data into a log.
impl fmt::Debug for PatientNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientNumber(…)")
    }
}

impl Serialize for PatientNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// Unlike other values this one is read in its own form only, because it is counted with.
impl<'de> Deserialize<'de> for PatientNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|broken| D::Error::custom(broken.detail))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sequence_grows_past_four_digits() {
        assert_eq!(PatientNumber::new(2026, 2).as_str(), "P260002");
        assert_eq!(PatientNumber::new(2026, 9_999).as_str(), "P269999");
        assert_eq!(PatientNumber::new(2026, 10_000).as_str(), "P2610000");
        assert!(PatientNumber::new(2026, 9_999) < PatientNumber::new(2026, 10_000));
        assert!(PatientNumber::new(2026, 10_000) < PatientNumber::new(2027, 1));
    }

    #[test]
    fn another_spelling_is_refused() {
        for text in ["p260002", "P26 0002", "P26000２", "P2600001", "X260002", "P+60002"] {
            assert_eq!(PatientNumber::parse(text).unwrap_err().rule, "patient_number_format", "{text}");
        }
        for text in ["P26002", "P2610000000000000000000"] {
            assert_eq!(PatientNumber::parse(text).unwrap_err().rule, "length", "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_read_as_it_is_written(year in 2000..2100_i16, sequence in 0..=9_999_999_999_999_999_999_u64) {
            let number = PatientNumber::new(year, sequence);
            let read = PatientNumber::parse(number.as_str());
            prop_assert_eq!(read.as_ref(), Ok(&number));
            prop_assert_eq!((number.year2(), number.sequence()), ((year % 100) as u8, sequence));
        }
    }
}
