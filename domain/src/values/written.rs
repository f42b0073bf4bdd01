//! Days and times as people write them: one form each, which the API publishes.

use std::fmt;

use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::text::check_length;
use super::{RuleBroken, TextValue};
use crate::scheduling::TimeOfDay;

/// A day or a time, as it was written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Written<T> {
    value: T,
    text: String,
}

/// A day of the calendar, written `YYYY-MM-DD`.
pub type CivilDate = Written<Date>;
/// What the clock shows on some day, written `HH:MM`.
pub type ClockTime = Written<TimeOfDay>;
/// What the clock shows on one day, written `YYYY-MM-DDTHH:MM`.
pub type WallTime = Written<DateTime>;

impl<T: Copy> Written<T> {
    /// What is meant.
    pub const fn value(&self) -> T {
        self.value
    }
}

/// The pattern of a day of the calendar, for those who publish one.
macro_rules! date_class {
    () => {
        "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    };
}

/// What a day of the calendar looks like.
pub(super) const DATE_PATTERN: &str = concat!("^", date_class!(), "$");

/// The day that is written like this.
pub(super) fn read_date(raw: &str) -> Result<Date, RuleBroken> {
    check_length(raw, 10, 10)?;
    // By hand, because jiff reads more of ISO 8601 than the API publishes (`19781122`, `1978-11-22T10:00`).
    let form = || RuleBroken::new("date_format", "A date is written YYYY-MM-DD.");
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = raw.as_bytes() else { return Err(form()) };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_i16, |sum, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + i16::from(digit - b'0')).ok_or_else(form)
        })
    };
    let (year, month, day) = (number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?);
    // Month and day have two digits each, so they fit.
    Date::new(year, month as i8, day as i8)
        .map_err(|_| RuleBroken::new("date_exists", "There is no such day in the calendar."))
}

impl TextValue for CivilDate {
    const MIN_LENGTH: usize = 10;
    const MAX_LENGTH: usize = 10;
    const PATTERN: Option<&'static str> = Some(DATE_PATTERN);
    const FORMAT: Option<&'static str> = Some("date");
    const DESCRIPTION: &'static str = "A day of the calendar.";
    const EXAMPLE: &'static str = "2026-11-24";

    fn parse(raw: &str) -> Result<Self, RuleBroken> {
        Ok(Self { value: read_date(raw)?, text: raw.to_owned() })
    }

    fn as_str(&self) -> &str {
        &self.text
    }
}

impl TextValue for ClockTime {
    const MIN_LENGTH: usize = 5;
    const MAX_LENGTH: usize = 5;
    const PATTERN: Option<&'static str> = Some(TimeOfDay::PATTERN);
    const FORMAT: Option<&'static str> = None;
    const DESCRIPTION: &'static str = "What the clock shows in the practice; 24:00 is the end of the day.";
    const EXAMPLE: &'static str = "09:30";

    fn parse(raw: &str) -> Result<Self, RuleBroken> {
        check_length(raw, Self::MIN_LENGTH, Self::MAX_LENGTH)?;
        Ok(Self { value: TimeOfDay::parse(raw)?, text: raw.to_owned() })
    }

    fn as_str(&self) -> &str {
        &self.text
    }
}

impl TextValue for WallTime {
    const MIN_LENGTH: usize = 16;
    const MAX_LENGTH: usize = 16;
    const PATTERN: Option<&'static str> = Some(concat!("^", date_class!(), "T([01][0-9]|2[0-3]):[0-5][0-9]$"));
    const FORMAT: Option<&'static str> = None;
    const DESCRIPTION: &'static str = "What calendar and clock show in the practice.";
    const EXAMPLE: &'static str = "2026-11-24T09:30";

    fn parse(raw: &str) -> Result<Self, RuleBroken> {
        check_length(raw, Self::MIN_LENGTH, Self::MAX_LENGTH)?;
        let form = || RuleBroken::new("wall_time_format", "A day and a time are written YYYY-MM-DDTHH:MM.");
        let (date, time) = raw.split_once('T').ok_or_else(form)?;
        let time = TimeOfDay::parse(time).ok().filter(|time| *time < TimeOfDay::END).ok_or_else(form)?;
        Ok(Self { value: time.on(read_date(date)?), text: raw.to_owned() })
    }

    fn as_str(&self) -> &str {
        &self.text
    }
}

/// Without the text, as all values.
impl<T> fmt::Debug for Written<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Written(…)")
    }
}

impl<T> Serialize for Written<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, T> Deserialize<'de> for Written<T>
where
    Self: TextValue,
{
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
    fn days_and_times_are_read_as_they_are_published_and_nothing_else_is() {
        assert_eq!(CivilDate::parse("2028-02-29").unwrap().value(), date(2028, 2, 29));
        assert_eq!(ClockTime::parse("24:00").unwrap().value(), TimeOfDay::END);
        assert_eq!(WallTime::parse("2026-03-29T02:30").unwrap().value(), date(2026, 3, 29).at(2, 30, 0, 0));
        for (text, rule) in [("2026-02-29", "date_exists"), ("20260228", "length"), ("2026/02/28", "date_format")] {
            assert_eq!(CivilDate::parse(text).unwrap_err().rule, rule, "{text}");
        }
        for (text, rule) in [("9:30", "length"), ("24:01", "time_of_day"), ("09h30", "time_of_day")] {
            assert_eq!(ClockTime::parse(text).unwrap_err().rule, rule, "{text}");
        }
        for (text, rule) in [
            ("2026-03-29", "length"),
            ("2026-03-29 02:30", "wall_time_format"),
            ("2026-03-29T24:00", "wall_time_format"),
            ("2026-02-30T10:00", "date_exists"),
        ] {
            assert_eq!(WallTime::parse(text).unwrap_err().rule, rule, "{text}");
        }
    }
}
