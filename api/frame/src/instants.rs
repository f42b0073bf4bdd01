//! Times on their way out: instants as RFC 3339 writes them, with the offset that the practice's clocks had or will have
//! then, and what those clocks show.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// An instant, with the offset of this zone.
pub fn rfc3339(instant: Timestamp, zone: &TimeZone) -> String {
    instant.display_with_offset(zone.to_offset(instant)).to_string()
}

/// What calendar and clock show, as [`domain::values::WallTime`] reads it.
pub fn wall_time(shown: DateTime) -> String {
    shown.strftime("%Y-%m-%dT%H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use domain::values::{TextValue, WallTime};

    use super::*;

    #[test]
    fn an_instant_has_the_offset_that_its_zone_has_then() {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let written = |instant: &str| rfc3339(instant.parse().unwrap(), &paris);
        assert_eq!(written("2026-03-29T00:30:00Z"), "2026-03-29T01:30:00+01:00");
        assert_eq!(written("2026-03-29T01:00:00Z"), "2026-03-29T03:00:00+02:00");
    }

    #[test]
    fn what_the_clock_shows_is_written_as_it_is_read() {
        let shown = WallTime::parse("0999-01-02T03:04").unwrap();
        assert_eq!(wall_time(shown.value()), shown.as_str());
    }
}
