//! The day a person was born.

use std::fmt;

use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::written::{DATE_PATTERN, read_date};
use super::{RuleBroken, TextValue};

/// Nobody documented has lived longer than 122 years; a few more leave room for records of the dead.
const OLDEST_AGE: i32 = 130;

/// A birth date: a day of the calendar, written `YYYY-MM-DD`.
///
/// Whether it is plausible depends on the day it is said: see [`BirthDate::check`]. The partly unknown dates of
/// provisional identities (no day, no month) are not held.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BirthDate {
    date: Date,
    text: String,
}

impl BirthDate {
    /// The day itself.
    pub fn date(&self) -> Date {
        self.date
    }

    /// Refuses a birth after `today`, and one so long before it that nobody is that old.
    pub fn check(&self, today: Date) -> Result<(), RuleBroken> {
        if self.date > today {
            return Err(RuleBroken::new("birth_date_future", "The birth date lies in the future."));
        }
        // A calendar so near its beginning that 130 years cannot be taken off has no one too old.
        let too_old = today.checked_sub(OLDEST_AGE.years()).is_ok_and(|oldest| self.date < oldest);
        if too_old {
            return Err(RuleBroken::new(
                "birth_date_too_old",
                format!("The birth date lies more than {OLDEST_AGE} years in the past."),
            ));
        }
        Ok(())
    }
}

impl From<Date> for BirthDate {
    fn from(date: Date) -> Self {
        Self { date, text: date.to_string() }
    }
}

impl TextValue for BirthDate {
    const MIN_LENGTH: usize = 10;
    const MAX_LENGTH: usize = 10;
    const PATTERN: Option<&'static str> = Some(DATE_PATTERN);
    const FORMAT: Option<&'static str> = Some("date");
    const DESCRIPTION: &'static str = "Birth date: a day of the calendar, not in the future.";
    const EXAMPLE: &'static str = "1978-11-22";

    fn parse(raw: &str) -> Result<Self, RuleBroken> {
        read_date(raw).map(Self::from)
    }

    fn as_str(&self) -> &str {
        &self.text
    }
}

/// The type's name only: a debug print must not carry personal data into a log.
impl fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BirthDate(…)")
    }
}

impl Serialize for BirthDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// Any day of the calendar loads, however old or future: plausibility was judged when the event was decided.
impl<'de> Deserialize<'de> for BirthDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The error must not show the value, as serde's and jiff's own would.
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|broken| D::Error::custom(broken.detail))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_birth_date_is_a_day_of_the_calendar_written_year_month_day() {
        assert_eq!(BirthDate::parse("2000-02-29").unwrap().date(), date(2000, 2, 29));
        for (text, rule) in [
            ("31/02/1980", "date_format"),
            ("1980-2-3", "length"),
            ("19800203", "length"),
            ("1980-02-0٣", "date_format"),
            ("1978-11-2T", "date_format"),
            ("+980-02-03", "date_format"),
            ("1980-02-31", "date_exists"),
            ("1900-02-29", "date_exists"),
            ("1980-13-01", "date_exists"),
            ("1980-00-10", "date_exists"),
        ] {
            assert_eq!(BirthDate::parse(text).unwrap_err().rule, rule, "{text}");
        }
    }

    #[test]
    fn a_birth_date_lies_neither_in_the_future_nor_130_years_back() {
        let today = date(2026, 11, 22);
        let judged = |text: &str| BirthDate::parse(text).unwrap().check(today).map_err(|broken| broken.rule);
        assert_eq!(judged("2026-11-22"), Ok(()));
        assert_eq!(judged("2026-11-23"), Err("birth_date_future"));
        assert_eq!(judged("1896-11-22"), Ok(()));
        assert_eq!(judged("1896-11-21"), Err("birth_date_too_old"));
    }

    #[test]
    fn an_unreadable_stored_date_is_not_shown_in_the_error() {
        let error = serde_json::from_str::<BirthDate>("\"31/02/1980\"").unwrap_err();
        assert!(!error.to_string().contains("1980"));
    }
}
