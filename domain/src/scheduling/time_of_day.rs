//! What the clock on the wall shows, to the minute.

use std::fmt;

use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Serialize};

use crate::values::RuleBroken;

/// A time of the day from 00:00 to 24:00, which is 00:00 of the day that follows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// When the day begins.
    pub const START: Self = Self(0);
    /// When it ends.
    pub const END: Self = Self(24 * 60);

    /// What the API's schema says of it.
    pub const PATTERN: &'static str = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$";

    /// This time; none if no clock shows it.
    pub fn new(hour: u8, minute: u8) -> Option<Self> {
        let time = Self(u16::from(hour) * 60 + u16::from(minute));
        (minute < 60 && time <= Self::END).then_some(time)
    }

    /// What the clock shows, without the seconds.
    pub fn of(time: Time) -> Self {
        Self(u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs()))
    }

    /// From `HH:MM`.
    pub fn parse(raw: &str) -> Result<Self, RuleBroken> {
        let two_digits = |text: &str| match text.as_bytes() {
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
            _ => None,
        };
        raw.split_once(':')
            .and_then(|(hour, minute)| Self::new(two_digits(hour)?, two_digits(minute)?))
            .ok_or_else(|| RuleBroken::new("time_of_day", "The value must be a time from 00:00 to 24:00, as HH:MM."))
    }

    /// This time on a day.
    pub fn on(self, date: Date) -> DateTime {
        let midnight = |date: Date| date.at(0, 0, 0, 0);
        match (i8::try_from(self.0 / 60), i8::try_from(self.0 % 60)) {
            (Ok(hour @ 0..24), Ok(minute)) => date.at(hour, minute, 0, 0),
            // The end of the last day that the calendar knows is as late as it gets.
            _ => date.tomorrow().map_or(DateTime::MAX, midnight),
        }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Debug for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimeOfDay({self})")
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = &'static str;

    fn try_from(raw: String) -> Result<Self, Self::Error> {
        Self::parse(&raw).map_err(|_| "not a time of the day")
    }
}

/// A part of a day. What goes on past midnight is two of them: until 24:00, and from 00:00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TimeSlot {
    /// When it begins.
    pub start: TimeOfDay,
    /// When it ends.
    pub end: TimeOfDay,
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_time_of_the_day_is_read_as_it_is_written_and_nothing_else_is() {
        for text in ["00:00", "09:05", "23:59", "24:00"] {
            assert_eq!(TimeOfDay::parse(text).expect(text).to_string(), text);
            let json = serde_json::to_value(TimeOfDay::parse(text).expect(text)).unwrap();
            assert_eq!(json, text);
            assert_eq!(serde_json::from_value::<TimeOfDay>(json).unwrap().to_string(), text);
        }
        for text in ["", "9:05", "09:5", "24:01", "25:00", "12:60", "12:00:00", " 12:00", "+1:00", "1२:00", "12h00"] {
            assert!(TimeOfDay::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_of_the_day_is_one_that_a_clock_shows_or_the_end_of_the_day() {
        let shown = |hour, minute| TimeOfDay::new(hour, minute).map(|time| time.to_string());
        assert_eq!(shown(0, 0).as_deref(), Some("00:00"));
        assert_eq!(shown(23, 59).as_deref(), Some("23:59"));
        assert_eq!(TimeOfDay::new(24, 0), Some(TimeOfDay::END));
        for (hour, minute) in [(23, 60), (24, 1), (25, 0), (0, 60)] {
            assert_eq!(TimeOfDay::new(hour, minute), None, "{hour}:{minute}");
        }
        assert_eq!(TimeOfDay::of(Time::constant(9, 5, 59, 999)), TimeOfDay::new(9, 5).unwrap());
        assert_eq!(format!("{:?}", TimeOfDay::END), "TimeOfDay(24:00)");
    }

    #[test]
    fn the_end_of_a_day_is_the_beginning_of_the_next() {
        assert_eq!(TimeOfDay::END.on(date(2028, 2, 28)), date(2028, 2, 29).at(0, 0, 0, 0));
        assert_eq!(TimeOfDay::END.on(date(2027, 2, 28)), TimeOfDay::START.on(date(2027, 3, 1)));
        assert_eq!(TimeOfDay::END.on(Date::MAX), DateTime::MAX);
        assert_eq!(TimeOfDay::parse("23:59").unwrap().on(date(2028, 2, 29)), date(2028, 2, 29).at(23, 59, 0, 0));
    }
}
