//! A place on the waiting list as the API shows it.

use domain::appointment::{AppointmentPriority, AppointmentType, Texts};
use domain::ids::{StreamVersion, WaitingId};
use domain::reminder::ReminderFailure;
use domain::scheduling::Repeated;
use domain::values::{Channel, CodeValue, TextValue};
use domain::waiting_list::{Offer, Told, WaitingEntry, WaitingStatus};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use poem_openapi::Object;
use projections::waiting_list::WaitingView;
use uuid::Uuid;

use crate::appointments::times::ClockTimes;
use frame::instants::rfc3339;
use frame::unparsed_code::UnparsedCode;

/// Somebody who waits. Fields that are not known are left out; all texts are, once the patient has been erased.
#[derive(Debug, Object)]
#[oai(rename = "WaitingListEntry", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct EntryDocument {
    id: Uuid,
    status: UnparsedCode<WaitingStatus>,
    patient_id: Option<Uuid>,
    /// In lists, for those who may read patients.
    patient_name: Option<String>,
    practitioner_ids: Vec<Uuid>,
    /// A code of the reference list of specialties.
    specialty: Option<String>,
    r#type: Option<UnparsedCode<AppointmentType>>,
    priority: Option<UnparsedCode<AppointmentPriority>>,
    /// In minutes.
    duration: Option<u16>,
    /// `YYYY-MM-DD`, where the practice is.
    earliest: Option<String>,
    /// `YYYY-MM-DD`, where the practice is.
    latest: Option<String>,
    /// 0 is Sunday.
    days_of_week: Vec<i8>,
    times: Vec<PartDocument>,
    /// The later appointment that is to be moved.
    appointment_id: Option<Uuid>,
    channel: Option<UnparsedCode<Channel>>,
    /// What calendars will show. Not in lists, as the two that follow.
    title: Option<String>,
    /// Why the patient comes.
    reason: Option<String>,
    notes: Option<String>,
    /// What is offered at this moment.
    offer: Option<OfferDocument>,
    /// The appointment that it became.
    booked_appointment_id: Option<Uuid>,
    /// The version, as in the `ETag`.
    version: u64,
    /// Since when the patient waits (RFC 3339).
    created_at: String,
    /// When it was last changed (RFC 3339).
    updated_at: String,
}

/// A part of the day.
#[derive(Debug, Object)]
#[oai(rename = "WaitingListPart")]
struct PartDocument {
    /// `HH:MM`.
    start: String,
    /// `HH:MM`.
    end: String,
}

/// A slot that is offered.
#[derive(Debug, Object)]
#[oai(rename = "OfferedSlot", rename_all = "camelCase", skip_serializing_if_is_none)]
struct OfferDocument {
    /// By which it is accepted or declined.
    offer_id: Uuid,
    practitioner_id: Uuid,
    room_id: Option<Uuid>,
    /// `YYYY-MM-DD`, where the practice is.
    date: String,
    /// `HH:MM`, where the practice is.
    start_time: String,
    /// `HH:MM`, where the practice is.
    end_time: String,
    repeated_hour: Option<UnparsedCode<Repeated>>,
    /// When it begins (RFC 3339, with the offset of the practice).
    start: String,
    /// When it ends.
    end: String,
    /// From this instant on it is offered to somebody else.
    answer_by: String,
    /// By what the house told the patient.
    told_by: Option<UnparsedCode<Channel>>,
    /// Why it could not.
    not_told: Option<UnparsedCode<ReminderFailure>>,
}

impl EntryDocument {
    /// The whole of it.
    pub(super) fn of(
        id: WaitingId,
        entry: &WaitingEntry,
        version: StreamVersion,
        (created_at, updated_at): (Timestamp, Timestamp),
        zone: &TimeZone,
    ) -> Option<Self> {
        let texts = entry.texts.value();
        let text = |of: fn(&Texts) -> Option<&str>| texts.and_then(of).map(str::to_owned);
        Some(Self {
            title: text(|texts| texts.title.as_ref().map(TextValue::as_str)),
            reason: text(|texts| texts.reason.as_ref().map(TextValue::as_str)),
            notes: text(|texts| texts.notes.as_ref().map(TextValue::as_str)),
            ..Self::summary(id, entry, version, (created_at, updated_at), zone)?
        })
    }

    /// A line of the list.
    pub(super) fn line(view: &WaitingView, patient_name: Option<String>, zone: &TimeZone) -> Option<Self> {
        let summary = Self::summary(view.id, &view.entry, view.version, (view.created_at, view.updated_at), zone)?;
        Some(Self { patient_name, ..summary })
    }

    fn summary(
        id: WaitingId,
        entry: &WaitingEntry,
        version: StreamVersion,
        (created_at, updated_at): (Timestamp, Timestamp),
        zone: &TimeZone,
    ) -> Option<Self> {
        let wish = entry.wish.as_ref()?;
        let part = |part: &domain::scheduling::TimeSlot| PartDocument {
            start: part.start.to_string(),
            end: part.end.to_string(),
        };
        Some(Self {
            id: id.0,
            status: word(entry.status?),
            patient_id: entry.patient_id.map(|id| id.0),
            patient_name: None,
            practitioner_ids: wish.whom.practitioner_ids.iter().map(|id| id.0).collect(),
            specialty: wish.whom.specialty.as_ref().map(|code| code.as_str().to_owned()),
            r#type: Some(word(wish.kind)),
            priority: Some(word(wish.priority)),
            duration: Some(wish.duration_minutes),
            earliest: Some(wish.earliest.to_string()),
            latest: Some(wish.latest.to_string()),
            days_of_week: wish.days_of_week.iter().map(|day| day.to_sunday_zero_offset()).collect(),
            times: wish.times.iter().map(part).collect(),
            appointment_id: wish.appointment_id.map(|id| id.0),
            channel: wish.channel.map(word),
            title: None,
            reason: None,
            notes: None,
            offer: entry.offer.as_ref().map(|offer| OfferDocument::of(offer, zone)),
            booked_appointment_id: entry.appointment_id.map(|id| id.0),
            version: version.get(),
            created_at: created_at.to_string(),
            updated_at: updated_at.to_string(),
        })
    }
}

impl OfferDocument {
    fn of(offer: &Offer, zone: &TimeZone) -> Self {
        let ClockTimes { date, start, end, repeated_hour } = ClockTimes::of(offer.slot.during, zone);
        Self {
            offer_id: offer.offer_id.0,
            practitioner_id: offer.slot.practitioner_id.0,
            room_id: offer.slot.room_id.map(|id| id.0),
            date,
            start_time: start,
            end_time: end,
            repeated_hour,
            start: rfc3339(offer.slot.during.from, zone),
            end: rfc3339(offer.slot.during.until, zone),
            answer_by: rfc3339(offer.answer_by, zone),
            told_by: offer.told.and_then(|told| if let Told::By(channel) = told { Some(word(channel)) } else { None }),
            not_told: offer.told.and_then(|told| if let Told::Not(cause) = told { Some(word(cause)) } else { None }),
        }
    }
}

/// A code as answers carry it.
fn word<V: CodeValue>(value: V) -> UnparsedCode<V> {
    value.code().to_owned().into()
}

/// A page of the waiting list.
#[derive(Debug, Object)]
#[oai(rename = "WaitingList", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct ListDocument {
    /// First in line first.
    pub(super) items: Vec<EntryDocument>,
    /// How many there are on all pages.
    pub(super) total: u64,
    /// The `cursor` of the next page, if there is one.
    pub(super) next_cursor: Option<String>,
}
