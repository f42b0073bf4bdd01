//! From what the clock on the wall shows to the instant that this is, on the two days of a year that have no such hour,
//! or have it twice, as on all others.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::interval::Interval;
use crate::values::code_value;

/// When a decision is made, and by which clock. The domain has none of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PracticeTime {
    /// This instant.
    pub now: Timestamp,
    /// The zone of the practice.
    pub zone: TimeZone,
}

impl PracticeTime {
    /// Today, where the practice is.
    pub fn today(&self) -> Date {
        self.zone.to_datetime(self.now).date()
    }
}

code_value! {
    /// Which of the two is meant, when the clock shows a time twice because it is put back.
    Repeated("repeated_hour", "Which of the two, when the clock shows a time twice because it is put back.") {
        /// The first time.
        First = "first",
        /// The second time.
        Second = "second",
    }
}

/// Why what the clock shows is no instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WallClockError {
    /// The clock is put forward and never shows it.
    #[error("{shown} does not exist: the clock is put forward to {resumes}")]
    Skipped {
        /// What it should show.
        shown: DateTime,
        /// What it shows at the moment when it is put forward.
        resumes: DateTime,
    },
    /// It lies before or after all time that can be told.
    #[error("the time is out of range")]
    OutOfRange,
}

/// The instant at which the clock shows this.
pub fn instant(shown: DateTime, zone: &TimeZone, repeated: Repeated) -> Result<Timestamp, WallClockError> {
    let ambiguous = zone.to_ambiguous_timestamp(shown);
    if let AmbiguousOffset::Gap { .. } = ambiguous.offset() {
        let resumes = zone.to_datetime(instant_or_jump(shown, zone));
        return Err(WallClockError::Skipped { shown, resumes });
    }
    let instant = match repeated {
        Repeated::First => ambiguous.earlier(),
        Repeated::Second => ambiguous.later(),
    };
    instant.map_err(|_| WallClockError::OutOfRange)
}

/// Which of the two times an instant is at which the clock shows the same; none where it shows it once.
pub fn repetition(instant: Timestamp, zone: &TimeZone) -> Option<Repeated> {
    let ambiguous = zone.to_ambiguous_timestamp(zone.to_datetime(instant));
    let AmbiguousOffset::Fold { .. } = ambiguous.offset() else { return None };
    let first = ambiguous.earlier().is_ok_and(|earlier| earlier == instant);
    Some(if first { Repeated::First } else { Repeated::Second })
}

/// The first instant at which the clock shows this or more: where [`instant`] finds that the hour is skipped, the moment of
/// the jump. So hours that are the same on every day mean something on every day, and never end before they begin.
pub fn instant_or_jump(shown: DateTime, zone: &TimeZone) -> Timestamp {
    let ambiguous = zone.to_ambiguous_timestamp(shown);
    let skipped = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
    let edge = if shown < DateTime::ZERO { Timestamp::MIN } else { Timestamp::MAX };
    // In a gap this is the instant that lies as long before the jump as the clock should show beyond it.
    let earlier = ambiguous.earlier().unwrap_or(edge);
    if !skipped {
        return earlier;
    }
    zone.following(earlier).next().map_or(earlier, |jump| jump.timestamp())
}

/// The stretch between two times on the wall; none if the clock skips all of it.
pub fn stretch(from: DateTime, until: DateTime, zone: &TimeZone) -> Option<Interval> {
    Interval::new(instant_or_jump(from, zone), instant_or_jump(until, zone))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::values::CodeValue;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).expect("a zone")
    }

    #[test]
    fn a_time_that_is_skipped_is_refused_with_what_the_clock_shows_instead() {
        for (name, day, shown, resumes) in [
            ("Europe/Paris", date(2026, 3, 29), (2, 0), (3, 0)),
            ("Europe/Paris", date(2026, 3, 29), (2, 59), (3, 0)),
            ("America/Santiago", date(2026, 9, 6), (0, 0), (1, 0)),
        ] {
            let (shown, resumes) = (day.at(shown.0, shown.1, 0, 0), day.at(resumes.0, resumes.1, 0, 0));
            for &repeated in Repeated::ALL {
                let expected = Err(WallClockError::Skipped { shown, resumes });
                assert_eq!(instant(shown, &zone(name), repeated), expected, "{name} {shown}");
            }
        }
    }

    #[test]
    fn a_time_that_comes_twice_is_the_first_unless_the_second_is_meant() {
        for (name, shown, first, second) in [
            ("Europe/Paris", date(2026, 10, 25).at(2, 30, 0, 0), "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
            ("America/Santiago", date(2026, 4, 4).at(23, 0, 0, 0), "2026-04-05T02:00:00Z", "2026-04-05T03:00:00Z"),
            ("Indian/Reunion", date(2026, 10, 25).at(2, 30, 0, 0), "2026-10-24T22:30:00Z", "2026-10-24T22:30:00Z"),
        ] {
            let found = |repeated| instant(shown, &zone(name), repeated).expect("an instant").to_string();
            assert_eq!(found(Repeated::First), first, "{name}");
            assert_eq!(found(Repeated::Second), second, "{name}");
            for (text, repeated) in [(first, Repeated::First), (second, Repeated::Second)] {
                let told = repetition(text.parse().expect("an instant"), &zone(name));
                assert_eq!(told, (first != second).then_some(repeated), "{name}");
            }
        }
    }

    #[test]
    fn today_is_the_day_that_the_clock_of_the_practice_shows() {
        let now = "2026-11-23T23:30:00Z".parse().expect("an instant");
        let today = |name| PracticeTime { now, zone: zone(name) }.today();
        assert_eq!(today("Europe/Paris"), date(2026, 11, 24));
        assert_eq!(today("America/Martinique"), date(2026, 11, 23));
    }

    #[test]
    fn a_time_that_no_instant_has_is_the_edge_of_time() {
        let noumea = zone("Pacific/Noumea");
        assert_eq!(instant(DateTime::MIN, &noumea, Repeated::First), Err(WallClockError::OutOfRange));
        assert_eq!(instant_or_jump(DateTime::MIN, &noumea), Timestamp::MIN);
        assert_eq!(instant_or_jump(DateTime::MAX, &zone("America/Martinique")), Timestamp::MAX);
    }
}
