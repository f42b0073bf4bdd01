//! What a client sends about the waiting list, and how it becomes values of the domain.

use domain::appointment::{AppointmentPriority, AppointmentType, Slot, Texts};
use domain::ids::{AppointmentId, OfferId, UserId};
use domain::scheduling::{Repeated, TimeSlot};
use domain::values::{Channel, CivilDate, ClockTime, Label, Notes, Reason, RuleBroken, Specialty};
use domain::waiting_list::{Wish, WishFor};
use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use poem_openapi::Object;
use serde::Deserialize;

use crate::appointments::times::Times;
use frame::moment::Moment;
use frame::parameter::StrictUuid;
use frame::problem::{Problem, Violation};
use frame::unparsed::{Unparsed, parse_optional};
use frame::unparsed_code::{UnparsedCode, parse_optional_code};

/// Declares the body of an operation that says what is waited for: its own fields, and those that all of them have.
macro_rules! wish_input {
    (
        $(#[$doc:meta])*
        $name:ident as $schema:literal { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Object, Deserialize)]
        #[oai(rename = $schema, rename_all = "camelCase", skip_serializing_if_is_none)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$field_doc])* pub(super) $field: $type,)*
            /// With any of these. Whoever names neither practitioners nor a specialty will see anybody.
            #[oai(validator(max_items = "20"))]
            practitioner_ids: Option<Vec<StrictUuid>>,
            /// Or with anybody of this specialty.
            specialty: Option<Unparsed<Specialty>>,
            r#type: UnparsedCode<AppointmentType>,
            /// `normal` if left out. Who waits for something more pressing is first in line.
            priority: Option<UnparsedCode<AppointmentPriority>>,
            /// In minutes.
            #[oai(validator(minimum(value = "5"), maximum(value = "720")))]
            duration: u16,
            /// The first day that suits, where the practice is.
            earliest: Unparsed<CivilDate>,
            /// The last day that suits.
            latest: Unparsed<CivilDate>,
            /// The days of the week that suit, 0 for Sunday; all if left out.
            #[oai(validator(max_items = "7"))]
            days_of_week: Option<Vec<u8>>,
            /// The parts of the day that suit; all of it if left out.
            #[oai(validator(max_items = "10"))]
            times: Option<Vec<PartInput>>,
            /// The patient's later appointment that is to be moved; a new one is booked if left out.
            appointment_id: Option<StrictUuid>,
            /// How the patient is to be told of an offer; as their file allows if left out.
            channel: Option<UnparsedCode<Channel>>,
            /// What calendars will show.
            title: Option<Unparsed<Label>>,
            /// Why the patient comes.
            reason: Option<Unparsed<Reason>>,
            notes: Option<Unparsed<Notes>>,
        }

        impl $name {
            /// What is waited for, and what is written of it; or every field that is not right.
            pub(super) fn parse(&self) -> Result<(Wish, Texts), Problem> {
                let fields = Fields {
                    practitioner_ids: self.practitioner_ids.as_deref().unwrap_or_default(),
                    specialty: self.specialty.as_ref(),
                    kind: &self.r#type,
                    priority: self.priority.as_ref(),
                    duration: self.duration,
                    earliest: &self.earliest,
                    latest: &self.latest,
                    days_of_week: self.days_of_week.as_deref().unwrap_or_default(),
                    times: self.times.as_deref().unwrap_or_default(),
                    appointment_id: self.appointment_id,
                    channel: self.channel.as_ref(),
                    title: self.title.as_ref(),
                    reason: self.reason.as_ref(),
                    notes: self.notes.as_ref(),
                };
                let mut violations = Vec::new();
                let parsed = fields.parse(&mut violations);
                parsed.filter(|_| violations.is_empty()).ok_or_else(|| Problem::validation_failed(violations))
            }
        }
    };
}

wish_input! {
    /// Somebody who is to wait.
    JoinInput as "WaitingListJoin" {
        patient_id: StrictUuid,
    }
}

wish_input! {
    /// What somebody waits for from now on. The place in the line stays.
    WishInput as "WaitingListWish" {}
}

/// A part of the day.
#[derive(Debug, Object, Deserialize)]
#[oai(rename = "WaitingListTime")]
#[serde(deny_unknown_fields)]
pub(super) struct PartInput {
    start: Unparsed<ClockTime>,
    end: Unparsed<ClockTime>,
}

/// The fields that say what is waited for.
struct Fields<'a> {
    practitioner_ids: &'a [StrictUuid],
    specialty: Option<&'a Unparsed<Specialty>>,
    kind: &'a UnparsedCode<AppointmentType>,
    priority: Option<&'a UnparsedCode<AppointmentPriority>>,
    duration: u16,
    earliest: &'a Unparsed<CivilDate>,
    latest: &'a Unparsed<CivilDate>,
    days_of_week: &'a [u8],
    times: &'a [PartInput],
    appointment_id: Option<StrictUuid>,
    channel: Option<&'a UnparsedCode<Channel>>,
    title: Option<&'a Unparsed<Label>>,
    reason: Option<&'a Unparsed<Reason>>,
    notes: Option<&'a Unparsed<Notes>>,
}

impl Fields<'_> {
    /// Every field is parsed, so that every violation is found, before the first missing one ends it.
    fn parse(&self, violations: &mut Vec<Violation>) -> Option<(Wish, Texts)> {
        let specialty = parse_optional(self.specialty, "specialty", violations);
        let kind = self.kind.parse("type", violations);
        let priority = parse_optional_code(self.priority, "priority", violations);
        let earliest = self.earliest.parse("earliest", violations).map(|date| date.value());
        let latest = self.latest.parse("latest", violations).map(|date| date.value());
        let channel = parse_optional_code(self.channel, "channel", violations);
        let texts = Texts {
            title: parse_optional(self.title, "title", violations),
            reason: parse_optional(self.reason, "reason", violations),
            notes: parse_optional(self.notes, "notes", violations),
        };
        let wish = Wish {
            whom: WishFor {
                practitioner_ids: self.practitioner_ids.iter().map(|id| UserId(id.0)).collect(),
                specialty,
            },
            days_of_week: self.days(violations),
            times: self.parts(violations),
            kind: kind?,
            priority: priority.unwrap_or(AppointmentPriority::Normal),
            duration_minutes: self.duration,
            earliest: earliest?,
            latest: latest?,
            appointment_id: self.appointment_id.map(|id| AppointmentId(id.0)),
            channel,
        };
        Some((wish, texts))
    }

    fn days(&self, violations: &mut Vec<Violation>) -> Vec<Weekday> {
        let mut days = Vec::with_capacity(self.days_of_week.len());
        for (number, day) in self.days_of_week.iter().enumerate() {
            match i8::try_from(*day).map(Weekday::from_sunday_zero_offset) {
                Ok(Ok(day)) => days.push(day),
                Ok(Err(_)) | Err(_) => {
                    let broken = RuleBroken::new("day_of_week", "A day of the week is a number from 0 (Sunday) to 6.");
                    violations.push(broken.at(format!("daysOfWeek[{number}]")).into());
                }
            }
        }
        // In the order of the week, each once: what means the same is the same.
        days.sort_by_key(|day| day.to_monday_zero_offset());
        days.dedup();
        days
    }

    fn parts(&self, violations: &mut Vec<Violation>) -> Vec<TimeSlot> {
        let parts = self.times.iter().enumerate().filter_map(|(number, part)| {
            let start = part.start.parse(&format!("times[{number}].start"), violations);
            let end = part.end.parse(&format!("times[{number}].end"), violations);
            Some(TimeSlot { start: start?.value(), end: end?.value() })
        });
        parts.collect()
    }
}

/// A slot that is offered by hand.
#[derive(Debug, Object, Deserialize)]
#[oai(rename = "SlotOffer", rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OfferInput {
    practitioner_id: StrictUuid,
    room_id: Option<StrictUuid>,
    /// The day, where the practice is.
    date: Unparsed<CivilDate>,
    start_time: Unparsed<ClockTime>,
    /// In minutes; as long as the patient waits for if left out.
    #[oai(validator(minimum(value = "5"), maximum(value = "720")))]
    duration: Option<u16>,
    /// Which of the two, when the clock shows `startTime` twice; the first if left out.
    repeated_hour: Option<UnparsedCode<Repeated>>,
    /// Until when it is offered (RFC 3339, with an offset); an hour of the day, but not into the slot, if left out.
    #[oai(validator(max_length = 35))]
    answer_by: Option<String>,
    /// The house tells the patient, by e-mail or a text message; the desk does if left out.
    tell_patient: Option<bool>,
}

impl OfferInput {
    /// Whether the house tells the patient.
    pub(super) fn tells_patient(&self) -> bool {
        self.tell_patient.unwrap_or(false)
    }

    /// The slot, and until when it is offered if that is said. `usual` is how long the patient waits for.
    pub(super) fn parse(&self, usual: u16, zone: &TimeZone) -> Result<(Slot, Option<Timestamp>), Problem> {
        let mut violations = Vec::new();
        let times = Times {
            practitioner_id: self.practitioner_id,
            room_id: self.room_id,
            date: &self.date,
            start_time: &self.start_time,
            end_time: None,
            duration: Some(self.duration.unwrap_or(usual).into()),
            repeated_hour: self.repeated_hour.as_ref(),
            additional_slots: &[],
        };
        let slot = times.slot(zone, "", &mut violations);
        let answer_by = self.answer_by.as_deref().and_then(|text| {
            let moment = Moment::parse_text(text);
            moment.map_err(|why| violations.push(Violation::new("answerBy", "moment", why))).ok()
        });
        slot.filter(|_| violations.is_empty())
            .map(|slot| (slot, answer_by))
            .ok_or_else(|| Problem::validation_failed(violations))
    }
}

/// Which offer is answered.
#[derive(Debug, Object, Deserialize)]
#[oai(rename = "OfferAnswer", rename_all = "camelCase")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AnswerInput {
    offer_id: StrictUuid,
}

impl AnswerInput {
    /// Its id.
    pub(super) const fn offer(&self) -> OfferId {
        OfferId(self.offer_id.0)
    }
}
