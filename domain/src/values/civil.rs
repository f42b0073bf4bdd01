//! Days and times as the clock and the calendar on the wall of a practice show them, on their way in.

use jiff::civil::Date;

use super::text::check_length;
use super::{RuleBroken, TextValue};
use crate::scheduling::TimeOfDay;

/// What the API's schemas say of a day.
pub(super) const DAY_PATTERN: &str = "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$";

/// A day of the calendar, written `YYYY-MM-DD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    date: Date,
    text: String,
}

impl Day {
    /// The day itself.
    pub const fn date(&self) -> Date {
        self.date
    }
}

impl TextValue for Day {
    const MIN_LENGTH: usize = 10;
    const MAX_LENGTH: usize = 10;
    const PATTERN: Option<&'static str> = Some(DAY_PATTERN);
    const FORMAT: Option<&'static str> = Some("date");
    const DESCRIPTION: &'static str = "Day of the calendar.";
    const EXAMPLE: &'static str = "2026-11-23";

    fn parse(raw: &str) -> Result<Self, RuleBroken> {
        Ok(Self { date: read_day(raw)?, text: raw.to_owned() })
    }

    fn as_str(&self) -> &str {
        &self.text
    }
}

/// A time on the clock, written `HH:MM`; 24:00 is the end of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockTime {
    time: TimeOfDay,
    text: String,
}

impl ClockTime {
    /// The time itself.
    pub const fn time(&self) -> TimeOfDay {
        self.time
    }
}

impl TextValue for ClockTime {
    const MIN_LENGTH: usize = 5;
    const MAX_LENGTH: usize = 5;
    const PATTERN: Option<&'static str> = Some(TimeOfDay::PATTERN);
    const FORMAT: Option<&'static str> = None;
    const DESCRIPTION: &'static str = "Time on the clock of the practice, HH:MM.";
    const EXAMPLE: &'static str = "09:30";

    fn parse(raw: &str) -> Result<Self, RuleBroken> {
        check_length(raw, Self::MIN_LENGTH, Self::MAX_LENGTH)?;
        Ok(Self { time: TimeOfDay::parse(raw)?, text: raw.to_owned() })
    }

    fn as_str(&self) -> &str {
        &self.text
    }
}

/// The day of a text of this form; by hand, because jiff reads more of ISO 8601 than the API publishes (`19781122`,
/// `1978-11-22T10:00`).
pub(super) fn read_day(raw: &str) -> Result<Date, RuleBroken> {
    check_length(raw, Day::MIN_LENGTH, Day::MAX_LENGTH)?;
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

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_and_times_are_read_in_one_form_only() {
        assert_eq!(Day::parse("2028-02-29").unwrap().date(), date(2028, 2, 29));
        assert_eq!(ClockTime::parse("24:00").unwrap().time(), TimeOfDay::END);
        for (text, rule) in [("2027-02-29", "date_exists"), ("29/02/2028", "date_format"), ("2028-2-29", "length")] {
            assert_eq!(Day::parse(text).unwrap_err().rule, rule, "{text}");
        }
        for (text, rule) in [("9:30", "length"), ("24:01", "time_of_day"), ("09h30", "time_of_day")] {
            assert_eq!(ClockTime::parse(text).unwrap_err().rule, rule, "{text}");
        }
    }
}
