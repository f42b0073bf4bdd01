//! Days and times as people in France read them.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};

/// A day: `mardi 24 novembre 2026`, `dimanche 1er mars 2026`.
pub fn day(date: Date) -> String {
    let first = if date.day() == 1 { "er" } else { "" };
    format!("{} {}{first} {} {}", weekday(date.weekday()), date.day(), month(date.month()), date.year())
}

/// A time of the clock: `9 h 05`, `14 h`.
pub fn time(time: Time) -> String {
    match time.minute() {
        0 => format!("{} h", time.hour()),
        minute => format!("{} h {minute:02}", time.hour()),
    }
}

/// A time of a day: `mardi 24 novembre 2026 à 9 h 30`.
pub fn day_and_time(shown: DateTime) -> String {
    format!("{} à {}", day(shown.date()), time(shown.time()))
}

/// An instant as the clock of a zone shows it: `mardi 24 novembre 2026 à 9 h 30`.
pub fn instant(instant: Timestamp, zone: &TimeZone) -> String {
    let shown = instant.to_zoned(zone.clone());
    format!("{} à {}", day(shown.date()), clock(&shown))
}

/// The time that a clock shows; of the hour that comes twice when clocks go back, which of the two is meant.
pub fn clock(shown: &Zoned) -> String {
    let time = time(shown.time());
    match shown.time_zone().to_ambiguous_zoned(shown.datetime()).offset() {
        AmbiguousOffset::Fold { before, .. } if before == shown.offset() => format!("{time} (heure d’été)"),
        AmbiguousOffset::Fold { .. } => format!("{time} (heure d’hiver)"),
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Gap { .. } => time,
    }
}

/// `lundi`.
pub const fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "lundi",
        Weekday::Tuesday => "mardi",
        Weekday::Wednesday => "mercredi",
        Weekday::Thursday => "jeudi",
        Weekday::Friday => "vendredi",
        Weekday::Saturday => "samedi",
        Weekday::Sunday => "dimanche",
    }
}

fn month(month: i8) -> &'static str {
    const MONTHS: [&str; 12] = [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ];
    usize::try_from(month - 1).ok().and_then(|place| MONTHS.get(place)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_day_is_written_out() {
        assert_eq!(day_and_time(date(2026, 11, 24).at(9, 5, 0, 0)), "mardi 24 novembre 2026 à 9 h 05");
        assert_eq!(day(date(2026, 11, 24)), "mardi 24 novembre 2026");
        assert_eq!(day(date(2026, 3, 1)), "dimanche 1er mars 2026");
        assert_eq!(day(date(2027, 8, 31)), "mardi 31 août 2027");
    }

    #[test]
    fn an_instant_is_written_as_the_clock_of_the_practice_shows_it() {
        let written = |instant: &str, zone| super::instant(instant.parse().unwrap(), &TimeZone::get(zone).unwrap());
        assert_eq!(written("2026-11-24T08:30:00Z", "Europe/Paris"), "mardi 24 novembre 2026 à 9 h 30");
        assert_eq!(written("2026-11-24T08:05:00Z", "Pacific/Noumea"), "mardi 24 novembre 2026 à 19 h 05");
        assert_eq!(written("2026-12-31T22:00:00Z", "Indian/Reunion"), "vendredi 1er janvier 2027 à 2 h");
    }

    #[test]
    fn the_hour_that_comes_twice_is_told_apart() {
        let written = |instant: &str| super::instant(instant.parse().unwrap(), &TimeZone::get("Europe/Paris").unwrap());
        assert_eq!(written("2026-10-25T00:30:00Z"), "dimanche 25 octobre 2026 à 2 h 30 (heure d’été)");
        assert_eq!(written("2026-10-25T01:30:00Z"), "dimanche 25 octobre 2026 à 2 h 30 (heure d’hiver)");
        assert_eq!(written("2026-10-25T02:30:00Z"), "dimanche 25 octobre 2026 à 3 h 30");
    }
}
