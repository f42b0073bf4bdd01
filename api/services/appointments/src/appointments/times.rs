//! Between what the clock on the wall of the practice shows, in which clients speak, and the instants that are booked.

use domain::appointment::Slot;
use domain::ids::{RoomId, UserId};
use domain::scheduling::{Interval, Repeated, TimeOfDay, WallClockError, instant, repetition};
use domain::values::{CivilDate, ClockTime, CodeValue, RuleBroken};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use poem_openapi::Object;
use serde::Deserialize;

use frame::parameter::StrictUuid;
use frame::problem::Violation;
use frame::unparsed::{Unparsed, parse_optional};
use frame::unparsed_code::{UnparsedCode, parse_optional_code};

/// A further time of an appointment.
#[derive(Debug, Object, Deserialize)]
#[oai(rename = "AdditionalSlotInput", rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AdditionalSlotInput {
    /// The day; that of the appointment if left out.
    date: Option<Unparsed<CivilDate>>,
    start: Unparsed<ClockTime>,
    end: Unparsed<ClockTime>,
    /// Which of the two, when the clock shows `start` twice; the first if left out.
    repeated_hour: Option<UnparsedCode<Repeated>>,
}

/// A further time of an appointment.
#[derive(Debug, Object)]
#[oai(rename = "AdditionalSlot", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(crate) struct AdditionalSlotDocument {
    /// `YYYY-MM-DD`.
    date: String,
    /// `HH:MM`.
    start: String,
    /// `HH:MM`; 24:00 at the end of the day.
    end: String,
    repeated_hour: Option<UnparsedCode<Repeated>>,
}

/// When, with whom and where, as a client says it.
pub(crate) struct Times<'a> {
    pub(crate) practitioner_id: StrictUuid,
    pub(crate) room_id: Option<StrictUuid>,
    pub(crate) date: &'a Unparsed<CivilDate>,
    pub(crate) start_time: &'a Unparsed<ClockTime>,
    pub(crate) end_time: Option<&'a Unparsed<ClockTime>>,
    pub(crate) duration: Option<u32>,
    pub(crate) repeated_hour: Option<&'a UnparsedCode<Repeated>>,
    pub(crate) additional_slots: &'a [AdditionalSlotInput],
}

impl Times<'_> {
    /// What the clock shows when it begins, if that can be read.
    pub(super) fn shown(&self) -> Option<DateTime> {
        let (mut unread, mut unseen) = (Vec::new(), Vec::new());
        let date = self.date.parse("date", &mut unread)?.value();
        Some(self.start_time.parse("startTime", &mut unseen)?.value().on(date))
    }

    /// The slot in the zone of the practice, or every field that is not right. `under` is where the fields stand.
    pub(crate) fn slot(&self, zone: &TimeZone, under: &str, violations: &mut Vec<Violation>) -> Option<Slot> {
        let at = |field: &str| format!("{under}{field}");
        let date = self.date.parse(&at("date"), violations).map(|date| date.value());
        let start = self.start_time.parse(&at("startTime"), violations).map(|time| time.value());
        let end = parse_optional(self.end_time, &at("endTime"), violations).map(|time| time.value());
        let repeated =
            parse_optional_code(self.repeated_hour, &at("repeatedHour"), violations).unwrap_or(Repeated::First);
        if self.end_time.is_none() && self.duration.is_none() {
            let why = "One of `endTime` and `duration` is required.";
            violations.push(Violation::new(at("endTime"), "required", why));
        }
        let (date, start) = (date?, start?);
        let during = self.during(date.at_time(start), end, repeated, zone, under, violations);
        let additional = self.additional_slots.iter().enumerate().map(|(number, slot)| {
            let under = format!("{under}additionalSlots[{number}].");
            slot.interval(date, zone, &under, violations)
        });
        let additional_slots = additional.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()?;
        Some(Slot {
            practitioner_id: UserId(self.practitioner_id.0),
            room_id: self.room_id.map(|room| RoomId(room.0)),
            during: during?,
            additional_slots,
        })
    }

    /// When it begins and ends. What ends at a time and takes a time must do both.
    fn during(
        &self,
        start: WallStart,
        end: Option<TimeOfDay>,
        repeated: Repeated,
        zone: &TimeZone,
        under: &str,
        violations: &mut Vec<Violation>,
    ) -> Option<Interval> {
        let mut refuse = |field: &str, broken: RuleBroken| {
            violations.push(broken.at(format!("{under}{field}")).into());
            None
        };
        let from = match start.begins(repeated, zone) {
            Ok(from) => from,
            Err(broken) => return refuse("startTime", broken),
        };
        let Some(minutes) = self.duration else {
            return match start.ends(from, end?, zone) {
                Ok(until) => Some(Interval { from, until }),
                Err(broken) => refuse("endTime", broken),
            };
        };
        let Ok(until) = from.checked_add(SignedDuration::from_mins(minutes.into())) else {
            return refuse("duration", RuleBroken::new("out_of_range", "It takes too long."));
        };
        if end.is_some_and(|end| end.on(start.date).time() != zone.to_datetime(until).time()) {
            return refuse(
                "duration",
                RuleBroken::new("contradiction", "`endTime` and `duration` contradict each other."),
            );
        }
        Some(Interval { from, until })
    }
}

impl AdditionalSlotInput {
    fn interval(&self, day: Date, zone: &TimeZone, under: &str, violations: &mut Vec<Violation>) -> Option<Interval> {
        let at = |field: &str| format!("{under}{field}");
        let date =
            self.date.as_ref().map_or(Some(day), |date| date.parse(&at("date"), violations).map(|date| date.value()));
        let start = self.start.parse(&at("start"), violations).map(|time| time.value());
        let end = self.end.parse(&at("end"), violations).map(|time| time.value());
        let repeated = parse_optional_code(self.repeated_hour.as_ref(), &at("repeatedHour"), violations);
        let (start, end) = (date?.at_time(start?), end?);
        let mut refuse = |field: &str, broken: RuleBroken| violations.push(broken.at(at(field)).into());
        let from =
            start.begins(repeated.unwrap_or(Repeated::First), zone).map_err(|broken| refuse("start", broken)).ok()?;
        let until = start.ends(from, end, zone).map_err(|broken| refuse("end", broken)).ok()?;
        Some(Interval { from, until })
    }
}

/// What the clock shows when something begins.
#[derive(Clone, Copy)]
struct WallStart {
    date: Date,
    time: TimeOfDay,
}

trait AtTime {
    fn at_time(self, time: TimeOfDay) -> WallStart;
}

impl AtTime for Date {
    fn at_time(self, time: TimeOfDay) -> WallStart {
        WallStart { date: self, time }
    }
}

impl WallStart {
    fn begins(self, repeated: Repeated, zone: &TimeZone) -> Result<Timestamp, RuleBroken> {
        instant(self.time.on(self.date), zone, repeated).map_err(no_such_time)
    }

    /// The first instant after the beginning at which the clock shows this, on the same day.
    fn ends(self, from: Timestamp, end: TimeOfDay, zone: &TimeZone) -> Result<Timestamp, RuleBroken> {
        if end <= self.time {
            let why = "It ends later than it begins; what goes on past midnight is given by its `duration`.";
            return Err(RuleBroken::new("ends_before_start", why));
        }
        let shown = end.on(self.date);
        let first = instant(shown, zone, Repeated::First).map_err(no_such_time)?;
        if first > from { Ok(first) } else { instant(shown, zone, Repeated::Second).map_err(no_such_time) }
    }
}

/// Why what the clock should show is no time.
pub(super) fn no_such_time(error: WallClockError) -> RuleBroken {
    match error {
        WallClockError::Skipped { resumes, .. } => {
            let why = format!("The clock never shows it: it is put forward to {}.", resumes.strftime("%H:%M"));
            RuleBroken::new("skipped_hour", why)
        }
        WallClockError::OutOfRange => RuleBroken::new("out_of_range", "The time is out of range."),
    }
}

/// What the clock shows from the beginning to the end.
pub(crate) struct ClockTimes {
    /// `YYYY-MM-DD`.
    pub(crate) date: String,
    /// `HH:MM`.
    pub(crate) start: String,
    /// `HH:MM`; the end of the day is 24:00, so that it is read as it is written.
    pub(crate) end: String,
    /// Which of the two, if the clock shows the start twice.
    pub(crate) repeated_hour: Option<UnparsedCode<Repeated>>,
}

impl ClockTimes {
    /// In this zone.
    pub(crate) fn of(during: Interval, zone: &TimeZone) -> Self {
        let (start, end) = (zone.to_datetime(during.from), zone.to_datetime(during.until));
        let midnight = end == TimeOfDay::END.on(start.date());
        let clock = |shown: DateTime| TimeOfDay::of(shown.time()).to_string();
        Self {
            date: start.date().to_string(),
            start: clock(start),
            end: if midnight { TimeOfDay::END.to_string() } else { clock(end) },
            repeated_hour: repetition(during.from, zone).map(|repeated| repeated.code().to_owned().into()),
        }
    }
}

impl AdditionalSlotDocument {
    /// In this zone.
    pub(crate) fn of(during: Interval, zone: &TimeZone) -> Self {
        let ClockTimes { date, start, end, repeated_hour } = ClockTimes::of(during, zone);
        Self { date, start, end, repeated_hour }
    }
}
