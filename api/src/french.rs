//! Days and times as people in France read them.

use jiff::civil::{Date, DateTime, Weekday};

/// A day: `mardi 24 novembre 2026`, `dimanche 1er mars 2026`.
pub fn day(date: Date) -> String {
    let first = if date.day() == 1 { "er" } else { "" };
    format!("{} {}{first} {} {}", weekday(date.weekday()), date.day(), month(date.month()), date.year())
}

/// A time of a day: `mardi 24 novembre 2026 à 9 h 30`.
pub fn day_and_time(shown: DateTime) -> String {
    format!("{} à {} h {:02}", day(shown.date()), shown.hour(), shown.minute())
}

const fn weekday(day: Weekday) -> &'static str {
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
        assert_eq!(day(date(2026, 3, 1)), "dimanche 1er mars 2026");
        assert_eq!(day(date(2027, 8, 31)), "mardi 31 août 2027");
    }
}
