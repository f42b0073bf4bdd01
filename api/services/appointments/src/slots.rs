//! Free slots: worked out from hours, leave, booking rules and bookings when somebody asks, and never stored. What is told here
//! is as late as the read models are; a booking is checked on its own.

use std::num::NonZeroU16;

use domain::appointment::AppointmentError;
use domain::ids::{FacilityId, PatientId, RoomId, UserId};
use domain::role::Area;
use domain::scheduling::{Interval, SlotSearch, TimeOfDay, free_slots, free_slots_of_any, repetition, stretch};
use domain::values::{CivilDate, CodeValue, Specialty};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use poem_openapi::param::Query;
use poem_openapi::registry::MetaSchema;
use poem_openapi::{Object, OpenApi};
use projections::availability::Wanted;
use uuid::Uuid;

use crate::desk::AgendaDesk;
use frame::auth::Caller;
use frame::comma_separated::CommaSeparated;
use frame::instants::rfc3339;
use frame::parameter::{StrictUuid, TextParameter, integer_schema, parse_integer};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::Problem;
use frame::shown::{Showing, Shown, Traced};
use frame::text_parameter;
use frame::unparsed::Unparsed;
use frame::written_json::{WrittenJson, members_besides};
use service::Chapter;

/// How many days are looked at together.
const MOST_DAYS: i32 = 62;
/// How many days are looked at unless somebody says otherwise.
const USUAL_DAYS: i64 = 14;
/// How many practitioners are looked at together.
const MOST_PRACTITIONERS: u32 = 100;
/// About how many bytes a slot takes in an answer.
const SLOT_LENGTH: usize = 220;
/// How long a visit takes unless somebody says otherwise.
const USUAL_MINUTES: NonZeroU16 = NonZeroU16::new(30).expect("not zero");

/// How many minutes a visit takes, or lie between the beginnings of two slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minutes(NonZeroU16);

impl TextParameter for Minutes {
    const NAME: &'static str = "minutes";

    fn schema() -> MetaSchema {
        integer_schema(5, 720, None)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let minutes = parse_integer(text, 5, 720)?;
        let minutes = u16::try_from(minutes).ok().and_then(NonZeroU16::new);
        minutes.map(Self).ok_or_else(|| "Must be a number of minutes.".to_owned())
    }
}

text_parameter!(Minutes);

/// How many slots are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotLimit(u32);

const MOST_SLOTS: u32 = 20_000;

impl Default for SlotLimit {
    fn default() -> Self {
        Self(50)
    }
}

impl TextParameter for SlotLimit {
    const NAME: &'static str = "slot_limit";

    fn schema() -> MetaSchema {
        integer_schema(1, MOST_SLOTS, Some(Self::default().0))
    }

    fn parse(text: &str) -> Result<Self, String> {
        parse_integer(text, 1, MOST_SLOTS).map(Self)
    }
}

text_parameter!(SlotLimit);

/// The operations.
pub struct SlotsApi {
    desk: AgendaDesk,
}

/// A slot that is free.
#[derive(Debug, Object)]
#[oai(rename = "Slot", rename_all = "camelCase", skip_serializing_if_is_none)]
struct SlotDocument {
    practitioner_id: Uuid,
    /// RFC 3339, with the offset of the practice.
    start: String,
    /// RFC 3339, with the offset of the practice.
    end: String,
    /// The day on which it begins.
    date: String,
    /// What the clock shows when it begins.
    start_time: String,
    /// What the clock shows when it ends.
    end_time: String,
    /// Which of the two times it is, `first` or `second`, if the clock shows its beginning twice.
    repeated_hour: Option<String>,
}

/// Slots that are free.
#[derive(Debug, Object)]
#[oai(rename = "SlotList", rename_all = "camelCase")]
struct SlotListDocument {
    /// The IANA time zone of the practice.
    time_zone: String,
    /// How long each of them is.
    duration: u16,
    /// The first ones first; of those that begin together, in the order of the practitioners' names.
    items: Vec<SlotDocument>,
    /// Whether there are more than the limit.
    more: bool,
}

impl SlotDocument {
    fn of(practitioner: UserId, slot: Interval, zone: &TimeZone) -> Self {
        let (from, until) = (zone.to_datetime(slot.from), zone.to_datetime(slot.until));
        Self {
            practitioner_id: practitioner.0,
            start: rfc3339(slot.from, zone),
            end: rfc3339(slot.until, zone),
            date: from.date().to_string(),
            start_time: TimeOfDay::of(from.time()).to_string(),
            end_time: TimeOfDay::of(until.time()).to_string(),
            repeated_hour: repetition(slot.from, zone).map(|which| which.code().to_owned()),
        }
    }
}

impl SlotListDocument {
    /// Its text, with these slots for its items. Many practitioners are free at the same time: what the clock shows then is
    /// found out and written once.
    fn written(&self, slots: &[(UserId, Interval)], zone: &TimeZone) -> String {
        let mut text = String::with_capacity(slots.len() * SLOT_LENGTH);
        text.push_str(r#"{"items":["#);
        for at_once in slots.chunk_by(|(_, one), (_, next)| one == next) {
            let (first, slot) = at_once[0];
            let time = members_besides("practitionerId", &SlotDocument::of(first, slot, zone));
            for (practitioner, _) in at_once {
                let comma = if text.ends_with('[') { "" } else { "," };
                text.extend([comma, r#"{"practitionerId":""#, &practitioner.to_string(), "\"", &time]);
            }
        }
        text.push(']');
        text + &members_besides("items", self)
    }
}

/// From the beginning of a day until the end of another, as far as the parameters say.
fn days(
    date: Option<Unparsed<CivilDate>>,
    from: Option<Unparsed<CivilDate>>,
    until: Option<Unparsed<CivilDate>>,
    today: Date,
) -> Result<(Date, Date), Problem> {
    let value = |given: Option<Unparsed<CivilDate>>, name: &str| {
        given.map(|given| given.parameter(name)).transpose().map(|date| date.map(|date| date.value()))
    };
    let (date, from, until) = (value(date, "date")?, value(from, "from")?, value(until, "until")?);
    let (first, last) = match (date, from, until) {
        (Some(date), None, None) => (date, date),
        (Some(_), _, _) => {
            return Err(Problem::invalid_parameter("date", "exclusive", "Not together with from or until."));
        }
        (None, from, until) => {
            let first = from.unwrap_or(today);
            (first, until.unwrap_or_else(|| first.saturating_add((USUAL_DAYS - 1).days())))
        }
    };
    if last < first {
        return Err(Problem::invalid_parameter("until", "ends_before_start", "The last day is not before the first."));
    }
    if first.until(last).map_or(true, |span| span.get_days() >= MOST_DAYS) {
        let detail = format!("At most {MOST_DAYS} days are looked at together.");
        return Err(Problem::invalid_parameter("until", "too_many_days", detail));
    }
    Ok((first, last))
}

/// Around what the nearest slots are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Around {
    /// Whose slots.
    pub practitioner: UserId,
    /// Who has to be free as well.
    pub patient: Option<PatientId>,
    /// What has to be free as well.
    pub room: Option<RoomId>,
    /// What was wanted.
    pub slot: Interval,
}

/// How many slots are told instead of one that is taken.
const ALTERNATIVES: usize = 5;
/// How far before and after it they are looked for.
const DAYS_BEFORE: i64 = 7;
const DAYS_AFTER: i64 = 31;

/// The free slots that begin nearest to one that cannot be had, as long as that one: nearest first.
pub async fn nearest(desk: &AgendaDesk, facility: FacilityId, around: Around) -> Result<Vec<Interval>, Problem> {
    let time = desk.commands.practice_time::<AppointmentError>(facility).await?;
    let asked = around.slot.from;
    let hours = |days: i64| SignedDuration::from_hours(days * 24);
    let from = asked.checked_sub(hours(DAYS_BEFORE)).unwrap_or(Timestamp::MIN).max(time.now);
    let until = asked.checked_add(hours(DAYS_AFTER)).unwrap_or(Timestamp::MAX);
    let minutes = around.slot.from.duration_until(around.slot.until).as_mins();
    let duration = u16::try_from(minutes).ok().and_then(NonZeroU16::new);
    let (Some(window), Some(duration_minutes)) = (Interval::new(from, until), duration) else { return Ok(Vec::new()) };
    let wanted = Wanted {
        practitioners: vec![around.practitioner],
        specialty: None,
        patient: around.patient,
        room: around.room,
    };
    let calendars = desk.calendars.of(facility, &wanted, window, &time, 1).await?;
    let search = SlotSearch { window, duration_minutes, step_minutes: duration_minutes.min(USUAL_MINUTES) };
    let mut slots = Vec::with_capacity(2 * ALTERNATIVES);
    for (_, calendar) in &calendars {
        // In order of time: those before come by, and the last of them are kept; of those after, the first.
        for slot in free_slots(calendar, search) {
            if slot.from < asked && slots.len() == ALTERNATIVES {
                slots.remove(0);
            }
            slots.push(slot);
            if slots.iter().rev().take_while(|slot| slot.from >= asked).count() == ALTERNATIVES {
                break;
            }
        }
    }
    slots.sort_by_key(|slot| slot.from.duration_until(asked).abs());
    slots.truncate(ALTERNATIVES);
    Ok(slots)
}

impl SlotsApi {
    /// Over this desk.
    pub const fn new(desk: AgendaDesk) -> Self {
        Self { desk }
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[("findSlots", Permission::Read(Area::Appointments))];

#[OpenApi(prefix_path = "/api/v1/appointments", tag = "Chapter::Availability")]
impl SlotsApi {
    /// Which slots are free?
    ///
    /// Of the practitioners that are named, of those of a specialty, or of any: within their hours, outside their leave and
    /// their bookings, with the buffers and the notice of their booking rules. Slots begin in step with the hours. Of whoever
    /// cannot be booked there are none.
    #[oai(path = "/slots", method = "get", operation_id = "findSlots")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn find(
        &self,
        caller: Caller,
        /// Whose slots; of any practitioner if left out.
        #[oai(name = "practitionerId")]
        practitioner_id: Query<Option<CommaSeparated<StrictUuid>>>,
        /// Of those of this specialty (TRE_R38).
        specialty: Query<Option<Unparsed<Specialty>>>,
        /// On this day. Not together with `from` or `until`.
        date: Query<Option<Unparsed<CivilDate>>>,
        /// From this day on; today if left out.
        from: Query<Option<Unparsed<CivilDate>>>,
        /// Until the end of this day, at most 62 days; for two weeks if left out.
        until: Query<Option<Unparsed<CivilDate>>>,
        /// How many minutes each takes; 30 if left out.
        duration: Query<Option<Minutes>>,
        /// How many minutes lie between the beginnings of two of them; as many as each takes if left out.
        step: Query<Option<Minutes>>,
        /// How many are told.
        limit: Query<Option<SlotLimit>>,
        /// For this patient: who has no other appointment then.
        #[oai(name = "patientId")]
        patient_id: Query<Option<StrictUuid>>,
        /// In this room, which is free then.
        #[oai(name = "roomId")]
        room_id: Query<Option<StrictUuid>>,
    ) -> Result<Traced<WrittenJson<SlotListDocument>>, Problem> {
        let time = self.desk.commands.practice_time::<AppointmentError>(caller.facility_id).await?;
        let (first, last) = days(date.0, from.0, until.0, time.today())?;
        let specialty = specialty.0.map(|specialty| specialty.parameter("specialty")).transpose()?;
        let duration_minutes = duration.0.map_or(USUAL_MINUTES, |duration| duration.0);
        let step_minutes = step.0.map_or(duration_minutes, |step| step.0);
        let named = practitioner_id.0.iter().flat_map(|several| several.values());
        let wanted = Wanted {
            practitioners: named.map(|id| UserId(id.0)).collect(),
            specialty,
            patient: patient_id.0.map(|id| PatientId(id.0)),
            room: room_id.0.map(|id| RoomId(id.0)),
        };
        let window = stretch(first.at(0, 0, 0, 0), TimeOfDay::END.on(last), &time.zone);
        let limit = limit.0.unwrap_or_default().0 as usize;
        let mut slots = Vec::new();
        if let Some(window) = window {
            let facility = caller.facility_id;
            let calendars = self.desk.calendars.of(facility, &wanted, window, &time, MOST_PRACTITIONERS + 1).await?;
            if calendars.len() > MOST_PRACTITIONERS as usize {
                let detail = format!("At most {MOST_PRACTITIONERS} practitioners are looked at together: name some.");
                return Err(Problem::invalid_parameter("practitionerId", "too_many_practitioners", detail));
            }
            let search = SlotSearch { window, duration_minutes, step_minutes };
            slots = free_slots_of_any(&calendars, search, Some(limit + 1));
        }
        let more = slots.len() > limit;
        slots.truncate(limit);
        let time_zone = time.zone.iana_name().unwrap_or("UTC").to_owned();
        let list = SlotListDocument { time_zone, duration: duration_minutes.get(), items: Vec::new(), more };
        // When a patient is elsewhere can be read from the gaps.
        let shown = wanted.patient.map_or(Shown::nothing(), |patient| Shown::of("slots", None, Some(patient)));
        Ok(WrittenJson::new(list.written(&slots, &time.zone)).showing(shown))
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::ToJSON;
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_text_of_a_list_is_what_its_documents_say() {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let slot = |from: &str, until: &str| Interval { from: from.parse().unwrap(), until: until.parse().unwrap() };
        // The second is in the hour that comes twice.
        let nine = slot("2026-10-24T07:00:00Z", "2026-10-24T07:30:00Z");
        let repeated = slot("2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z");
        let (one, other) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        for slots in [vec![], vec![(one, nine), (other, nine), (one, repeated)]] {
            let list =
                |items| SlotListDocument { time_zone: "Europe/Paris".to_owned(), duration: 30, items, more: true };
            let documents = slots.iter().map(|(whose, slot)| SlotDocument::of(*whose, *slot, &zone)).collect();
            let text = list(Vec::new()).written(&slots, &zone);
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), list(documents).to_json().unwrap());
        }
    }
}
