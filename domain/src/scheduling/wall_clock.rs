//! From what the clock on the wall shows to the instant that this is, on the two days of a year that have no such hour,
//! or have it twice, as on all others.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::interval::Interval;

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

/// Which of the two is meant, when the clock shows a time twice because it is put back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeated {
    /// The first time.
    #[default]
    First,
    /// The second time.
    Second,
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
