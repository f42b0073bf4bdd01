//! Availability as the API shows it: what is planned, and a week of it.

use domain::availability::{BookingRules, DayHours, ExtraHours, Leave};
use domain::ids::{ExtraHoursId, LeaveId, StreamVersion, UserId};
use domain::scheduling::{Interval, TimeOfDay, instant_or_jump, stretch};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use super::queries::KnownAvailability;

/// What is planned for a practitioner. What is over is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateView {
    /// Who.
    pub practitioner_id: UserId,
    /// The practice's IANA time zone, in which all times are meant.
    pub time_zone: String,
    /// The hours of each week: first those that hold now, then those that follow.
    pub hours: Vec<HoursView>,
    /// Hours besides them, the next ones first.
    pub extra_hours: Vec<ExtraHoursView>,
    /// Leave, the next one first.
    pub leave: Vec<LeaveView>,
    /// How close bookings may come.
    pub rules: BookingRules,
    /// The version of its stream.
    pub version: StreamVersion,
    /// When it was changed last; none if nothing was ever planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

/// The hours of each week, for as long as they hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HoursView {
    /// The first day on which they hold.
    pub valid_from: Date,
    /// The hours of each day that has any.
    pub days: Vec<DayHours>,
}

/// Hours on one day besides the usual ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtraHoursView {
    /// Their id.
    pub id: ExtraHoursId,
    /// The day and its hours.
    #[serde(flatten)]
    pub extra: ExtraHours,
}

/// A leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaveView {
    /// Its id.
    pub id: LeaveId,
    /// From when until when, and of which kind.
    #[serde(flatten)]
    pub leave: Leave,
}

/// A week of a practitioner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WeekView {
    /// Who.
    pub practitioner_id: UserId,
    /// The practice's IANA time zone.
    pub time_zone: String,
    /// Its days, Monday first.
    pub days: Vec<DayView>,
    /// The leave that lies in it, the first one first.
    pub leave: Vec<LeaveView>,
    /// The version of the stream that tells of it.
    pub version: StreamVersion,
}

/// A day of a practitioner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DayView {
    /// Which day.
    pub date: Date,
    /// Which day of the week; 0 is Sunday.
    pub day_of_week: i8,
    /// When it is open: the hours of the week and those besides, without leave.
    pub time_slots: Vec<OpenView>,
}

/// A part of a day that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenView {
    /// What the clock on the wall shows when it begins.
    pub start: TimeOfDay,
    /// What the clock shows when it ends; 24:00 at the end of the day.
    pub end: TimeOfDay,
    /// When it begins, and when it ends: on a day when the clocks change, the wall alone does not tell.
    #[serde(flatten)]
    pub interval: Interval,
}

impl TemplateView {
    /// What is planned from an instant on.
    pub fn of(known: KnownAvailability, zone: &TimeZone, now: Timestamp) -> Self {
        let KnownAvailability { practitioner_id, availability, version, updated_at } = known;
        let (today, shown) = (zone.to_datetime(now).date(), zone.to_datetime(now));
        let holds_now = availability.weekly.range(..=today).next_back().map(|(valid_from, _)| *valid_from);
        let hours = availability.weekly.range(holds_now.unwrap_or(today)..);
        let hours = hours.map(|(valid_from, days)| HoursView { valid_from: *valid_from, days: days.clone() }).collect();
        let extra_hours = availability.extra.into_iter().filter(|(_, extra)| extra.date >= today);
        let leave = availability.leave.into_iter().filter(|(_, leave)| leave.until > shown);
        Self {
            practitioner_id,
            time_zone: name_of(zone),
            hours,
            extra_hours: by_time(extra_hours.map(|(id, extra)| ExtraHoursView { id, extra }), |view| view.extra.date),
            leave: by_time(leave.map(|(id, leave)| LeaveView { id, leave }), |view| view.leave.from),
            rules: availability.rules,
            version,
            updated_at,
        }
    }
}

impl WeekView {
    /// The week that a day is in.
    pub fn of(known: KnownAvailability, zone: &TimeZone, day: Date) -> Self {
        let KnownAvailability { practitioner_id, availability, version, updated_at: _ } = known;
        let monday = day.saturating_sub(i64::from(day.weekday().to_monday_zero_offset()).days());
        let midnight = |date: Date| instant_or_jump(date.at(0, 0, 0, 0), zone);
        let days: Vec<_> = monday
            .series(1.day())
            .take(7)
            .map(|date| {
                let until = instant_or_jump(TimeOfDay::END.on(date), zone);
                let open = availability.open_intervals(Interval { from: midnight(date), until }, zone);
                let time_slots = open.into_iter().map(|interval| OpenView {
                    start: TimeOfDay::of(zone.to_datetime(interval.from).time()),
                    end: match interval.until {
                        end if end == until => TimeOfDay::END,
                        end => TimeOfDay::of(zone.to_datetime(end).time()),
                    },
                    interval,
                });
                DayView { date, day_of_week: date.weekday().to_sunday_zero_offset(), time_slots: time_slots.collect() }
            })
            .collect();
        let last = days.last().map_or(monday, |last| last.date);
        let week = Interval::new(midnight(monday), instant_or_jump(TimeOfDay::END.on(last), zone));
        let in_week = |leave: &Leave| {
            let away = stretch(leave.from, leave.until, zone);
            week.zip(away).is_some_and(|(week, away)| week.overlaps(away))
        };
        let leave = availability.leave.into_iter().filter(|(_, leave)| in_week(leave));
        let leave = by_time(leave.map(|(id, leave)| LeaveView { id, leave }), |view| view.leave.from);
        Self { practitioner_id, time_zone: name_of(zone), days, leave, version }
    }
}

/// In order of time; those of one time in the order in which they were planned, which their ids tell.
fn by_time<V, T: Ord>(views: impl Iterator<Item = V>, time: impl Fn(&V) -> T) -> Vec<V> {
    let mut views: Vec<V> = views.collect();
    views.sort_by_key(time);
    views
}

fn name_of(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").to_owned()
}

#[cfg(test)]
mod tests {
    use domain::availability::{Availability, LeaveKind};
    use domain::scheduling::TimeSlot;
    use jiff::civil::{Weekday, date};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn paris() -> TimeZone {
        TimeZone::get("Europe/Paris").unwrap()
    }

    fn slot(start: &str, end: &str) -> TimeSlot {
        TimeSlot { start: TimeOfDay::parse(start).unwrap(), end: TimeOfDay::parse(end).unwrap() }
    }

    fn hours(days: &[(Weekday, TimeSlot)]) -> Vec<DayHours> {
        days.iter().map(|(day, slot)| DayHours { day_of_week: *day, time_slots: vec![*slot] }).collect()
    }

    fn known(availability: Availability) -> KnownAvailability {
        let (version, updated_at) = (StreamVersion::from(3), Some(Timestamp::UNIX_EPOCH));
        KnownAvailability { practitioner_id: UserId(Uuid::nil()), availability, version, updated_at }
    }

    fn leave(from: (Date, i8), until: (Date, i8)) -> Leave {
        Leave { from: from.0.at(from.1, 0, 0, 0), until: until.0.at(until.1, 0, 0, 0), kind: LeaveKind::Training }
    }

    #[test]
    fn a_week_shows_what_is_open_on_the_wall_and_in_instants() {
        let night = hours(&[(Weekday::Saturday, slot("20:00", "24:00")), (Weekday::Sunday, slot("00:00", "04:00"))]);
        let mut availability = Availability { weekly: [(date(2026, 1, 1), night)].into(), ..Availability::default() };
        let (saturday, sunday) = (date(2026, 3, 28), date(2026, 3, 29));
        availability.leave.insert(LeaveId(Uuid::from_u128(1)), leave((saturday, 8), (saturday, 21)));
        availability.leave.insert(LeaveId(Uuid::from_u128(2)), leave((date(2026, 3, 30), 0), (date(2026, 3, 31), 0)));
        let week = WeekView::of(known(availability), &paris(), sunday);
        let shown = serde_json::to_value(&week).unwrap();
        let open: Vec<_> = week.days.iter().filter(|day| !day.time_slots.is_empty()).map(|day| day.date).collect();
        assert_eq!((week.days[0].date, open), (date(2026, 3, 23), vec![saturday, sunday]));
        assert_eq!(
            shown["days"][5],
            json!({"date": "2026-03-28", "dayOfWeek": 6, "timeSlots": [
                {"start": "21:00", "end": "24:00", "from": "2026-03-28T20:00:00Z", "until": "2026-03-28T23:00:00Z"},
            ]})
        );
        assert_eq!(
            shown["days"][6],
            json!({"date": "2026-03-29", "dayOfWeek": 0, "timeSlots": [
                {"start": "00:00", "end": "04:00", "from": "2026-03-28T23:00:00Z", "until": "2026-03-29T02:00:00Z"},
            ]})
        );
        assert_eq!(
            shown["leave"],
            json!([{
                "id": Uuid::from_u128(1),
                "from": "2026-03-28T08:00:00",
                "until": "2026-03-28T21:00:00",
                "kind": "training",
            }])
        );
    }

    #[test]
    fn what_is_planned_begins_with_what_holds_now() {
        let day = |month, day| date(2026, month, day);
        let at = |end: &str| hours(&[(Weekday::Monday, slot("08:00", end))]);
        let weekly = [(day(1, 1), at("10:00")), (day(6, 1), at("11:00")), (day(12, 1), at("12:00"))].into();
        let mut availability = Availability { weekly, ..Availability::default() };
        let leaves = [((7, 1), (7, 2)), ((12, 24), (12, 31)), ((11, 22), (11, 24))];
        for (number, (from, until)) in (0..).zip(leaves) {
            let leave = leave((day(from.0, from.1), 12), (day(until.0, until.1), 12));
            availability.leave.insert(LeaveId(Uuid::from_u128(number)), leave);
        }
        for (number, date) in (0..).zip([day(12, 19), day(11, 22), day(11, 23)]) {
            let extra = ExtraHours { date, time_slots: vec![slot("09:00", "12:00")] };
            availability.extra.insert(ExtraHoursId(Uuid::from_u128(number)), extra);
        }
        // Half past midnight of 23 November in Brest.
        let template = TemplateView::of(known(availability), &paris(), "2026-11-22T23:30:00Z".parse().unwrap());
        let hours: Vec<_> = template.hours.iter().map(|hours| hours.valid_from).collect();
        let leave: Vec<_> = template.leave.iter().map(|view| view.leave.from.date()).collect();
        let extra: Vec<_> = template.extra_hours.iter().map(|view| view.extra.date).collect();
        assert_eq!(hours, [day(6, 1), day(12, 1)]);
        assert_eq!(leave, [day(11, 22), day(12, 24)]);
        assert_eq!(extra, [day(11, 23), day(12, 19)]);
    }
}
