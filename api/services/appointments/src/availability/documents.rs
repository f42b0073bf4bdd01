//! Availability as it is answered.

use domain::availability::{BookingRules, ExtraHours, Leave};
use domain::scheduling::TimeSlot;
use domain::values::CodeValue;
use jiff::tz::TimeZone;
use poem_openapi::Object;
use projections::availability::{
    DayView, ExtraHoursView, HoursView, KnownAvailability, LeaveView, OpenView, TemplateView, WeekView,
};
use uuid::Uuid;

use super::input::ShownDays;
use frame::instants::{rfc3339, wall_time};
use frame::problem::Period;

/// When a practitioner can be booked. All times are what the clock shows in the practice.
#[derive(Debug, Object)]
#[oai(rename = "Availability", rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct AvailabilityDocument {
    practitioner_id: Uuid,
    /// The IANA time zone of the practice.
    time_zone: String,
    /// The hours of each week: first those that hold now, then those that follow.
    hours: Vec<HoursDocument>,
    /// Hours besides them that are not over, the next ones first.
    extra_hours: Vec<ExtraHoursDocument>,
    /// Leave that is not over, the next one first; of a week or a day that was asked for, what lies in it.
    leave: Vec<LeaveDocument>,
    rules: BookingRulesDocument,
    /// The days that were asked for, each with what is open: the hours of the week and those besides, without leave.
    days: Option<Vec<DayDocument>>,
    /// The version, as in the `ETag`; 0 if nothing was ever planned.
    version: u64,
    /// When it was changed last, RFC 3339.
    updated_at: Option<String>,
}

/// The hours of each week, for as long as they hold.
#[derive(Debug, Object)]
#[oai(rename = "WeeklyHours", rename_all = "camelCase")]
struct HoursDocument {
    /// The first day on which they hold.
    valid_from: String,
    /// The days that have any.
    days: Vec<DayHoursDocument>,
}

/// The hours of one day of each week.
#[derive(Debug, Object)]
#[oai(rename = "DayHours", rename_all = "camelCase")]
struct DayHoursDocument {
    /// 0 is Sunday.
    day_of_week: i8,
    time_slots: Vec<TimeSlotDocument>,
}

/// A part of a day.
#[derive(Debug, Object)]
#[oai(rename = "TimeSlot")]
struct TimeSlotDocument {
    start: String,
    /// 24:00 at the end of the day.
    end: String,
}

/// Hours on one day besides the usual ones.
#[derive(Debug, Object)]
#[oai(rename = "ExtraHours", rename_all = "camelCase")]
struct ExtraHoursDocument {
    id: Uuid,
    date: String,
    time_slots: Vec<TimeSlotDocument>,
}

/// A leave.
#[derive(Debug, Object)]
#[oai(rename = "Leave")]
pub struct LeaveDocument {
    id: Uuid,
    from: String,
    until: String,
    kind: String,
}

/// How close bookings may come.
#[derive(Debug, Object)]
#[oai(rename = "BookingRules", rename_all = "camelCase")]
struct BookingRulesDocument {
    /// How long before an appointment nothing else is offered.
    buffer_before_minutes: u16,
    /// How long after an appointment nothing else is offered.
    buffer_after_minutes: u16,
    /// How long beforehand a slot is last offered.
    notice_minutes: u16,
    /// Whether an appointment may be booked over another on purpose, for a reason.
    overlap_allowed: bool,
}

/// A day of a practitioner.
#[derive(Debug, Object)]
#[oai(rename = "AvailabilityDay", rename_all = "camelCase")]
struct DayDocument {
    date: String,
    /// 0 is Sunday.
    day_of_week: i8,
    time_slots: Vec<OpenDocument>,
}

/// A part of a day that is open.
#[derive(Debug, Object)]
#[oai(rename = "OpenTime")]
struct OpenDocument {
    /// What the clock shows when it begins.
    start: String,
    /// What the clock shows when it ends; 24:00 at the end of the day.
    end: String,
    /// When it begins, RFC 3339: on a day when the clocks change, the clock alone does not tell.
    from: String,
    /// When it ends, RFC 3339.
    until: String,
}

impl AvailabilityDocument {
    /// What is planned, or what of some days is open.
    pub fn of(known: KnownAvailability, zone: &TimeZone, now: jiff::Timestamp, shown: ShownDays) -> Self {
        let week = shown.day().map(|day| WeekView::of(known.clone(), zone, day));
        let template = TemplateView::of(known, zone, now);
        let (leave, days) = match week {
            None => (template.leave, None),
            Some(week) => {
                let days: Vec<DayView> = week.days.into_iter().filter(|day| shown.shows(day.date)).collect();
                let leave = week.leave.into_iter().filter(|leave| shown.meets(&leave.leave)).collect();
                (leave, Some(days.into_iter().map(|day| DayDocument::of(day, zone)).collect()))
            }
        };
        Self {
            practitioner_id: template.practitioner_id.0,
            time_zone: template.time_zone,
            hours: template.hours.into_iter().map(HoursDocument::from).collect(),
            extra_hours: template.extra_hours.into_iter().map(ExtraHoursDocument::from).collect(),
            leave: leave.into_iter().map(LeaveDocument::from).collect(),
            rules: template.rules.into(),
            days,
            version: template.version.get(),
            updated_at: template.updated_at.map(|at| rfc3339(at, zone)),
        }
    }
}

impl From<HoursView> for HoursDocument {
    fn from(view: HoursView) -> Self {
        let days = view.days.into_iter().map(|day| DayHoursDocument {
            day_of_week: day.day_of_week.to_sunday_zero_offset(),
            time_slots: slots(&day.time_slots),
        });
        Self { valid_from: view.valid_from.to_string(), days: days.collect() }
    }
}

impl From<ExtraHoursView> for ExtraHoursDocument {
    fn from(ExtraHoursView { id, extra: ExtraHours { date, time_slots } }: ExtraHoursView) -> Self {
        Self { id: id.0, date: date.to_string(), time_slots: slots(&time_slots) }
    }
}

impl From<LeaveView> for LeaveDocument {
    fn from(LeaveView { id, leave: Leave { from, until, kind } }: LeaveView) -> Self {
        Self { id: id.0, from: wall_time(from), until: wall_time(until), kind: kind.code().to_owned() }
    }
}

impl From<BookingRules> for BookingRulesDocument {
    fn from(rules: BookingRules) -> Self {
        let BookingRules { buffer_before_minutes, buffer_after_minutes, notice_minutes, overlap_allowed } = rules;
        Self { buffer_before_minutes, buffer_after_minutes, notice_minutes, overlap_allowed }
    }
}

impl DayDocument {
    fn of(DayView { date, day_of_week, time_slots }: DayView, zone: &TimeZone) -> Self {
        let time_slots = time_slots.into_iter().map(|OpenView { start, end, interval }| OpenDocument {
            start: start.to_string(),
            end: end.to_string(),
            from: rfc3339(interval.from, zone),
            until: rfc3339(interval.until, zone),
        });
        Self { date: date.to_string(), day_of_week, time_slots: time_slots.collect() }
    }
}

fn slots(time_slots: &[TimeSlot]) -> Vec<TimeSlotDocument> {
    let slot = |slot: &TimeSlot| TimeSlotDocument { start: slot.start.to_string(), end: slot.end.to_string() };
    time_slots.iter().map(slot).collect()
}

/// A leave that was planned.
#[derive(Debug, Object)]
#[oai(rename = "PlannedLeave", rename_all = "camelCase")]
pub(super) struct PlannedLeaveDocument {
    /// The leave's id.
    pub(super) id: Uuid,
    /// How many appointments ahead lie in it and are flagged to be rescheduled.
    pub(super) touched: u64,
    /// They, the first ones first; at most 200. Left out for those who may not look at appointments.
    pub(super) appointments: Vec<TouchedDocument>,
    /// When the practitioner can be booked from now on.
    pub(super) availability: AvailabilityDocument,
}

/// An appointment that lies in a leave.
#[derive(Debug, Object)]
#[oai(rename = "TouchedAppointment", rename_all = "camelCase")]
pub(super) struct TouchedDocument {
    /// Which.
    pub(super) appointment_id: Uuid,
    /// When.
    pub(super) period: Period,
}

/// Extra hours that were opened.
#[derive(Debug, Object)]
#[oai(rename = "OpenedExtraHours")]
pub(super) struct OpenedExtraHoursDocument {
    /// The id of these hours.
    pub(super) id: Uuid,
    /// When the practitioner can be booked from now on.
    pub(super) availability: AvailabilityDocument,
}
