//! What a client sends about an appointment, and how it becomes values of the domain.

use domain::appointment::{AppointmentPriority, AppointmentType, Details, Slot, Terms, Texts};
use domain::scheduling::Repeated;
use domain::values::{CivilDate, ClockTime, Label, Notes, Reason, WallTime};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use poem_openapi::Object;
use serde::Deserialize;

use super::times::{AdditionalSlotInput, Times};
use frame::parameter::StrictUuid;
use frame::problem::{Problem, Violation};
use frame::unparsed::{Unparsed, parse_optional};
use frame::unparsed_code::{UnparsedCode, parse_optional_code};

/// Declares the body of an operation that takes times for a visit: its own fields, and those that all of them have.
macro_rules! visit_input {
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
            practitioner_id: StrictUuid,
            room_id: Option<StrictUuid>,
            /// The day, where the practice is.
            date: Unparsed<CivilDate>,
            start_time: Unparsed<ClockTime>,
            /// Later than `startTime`; what goes on past midnight is given by its `duration`. One of the two is required.
            end_time: Option<Unparsed<ClockTime>>,
            /// In minutes, 5 to 720.
            duration: Option<u32>,
            /// Which of the two, when the clock shows `startTime` twice; the first if left out.
            repeated_hour: Option<UnparsedCode<Repeated>>,
            /// Further times that belong to the same visit.
            additional_slots: Option<Vec<AdditionalSlotInput>>,
            r#type: UnparsedCode<AppointmentType>,
            /// `normal` if left out.
            priority: Option<UnparsedCode<AppointmentPriority>>,
            /// What calendars show.
            title: Option<Unparsed<Label>>,
            /// Why the patient comes.
            reason: Option<Unparsed<Reason>>,
            notes: Option<Unparsed<Notes>>,
            /// It may lie outside the practitioner's hours. Needs a `justification`, unless it is an emergency.
            override_availability: Option<bool>,
            /// It may lie over other appointments of the practitioner, where the practice allows that. Needs a
            /// `justification`.
            accept_overlap: Option<bool>,
            /// Why it is out of the ordinary, or entered afterwards. It must not identify the patient: it stays in the log
            /// for good.
            justification: Option<Unparsed<Reason>>,
        }

        impl $name {
            /// The visit that it describes.
            pub(super) fn visit(&self) -> VisitFields<'_> {
                VisitFields {
                    times: Times {
                        practitioner_id: self.practitioner_id,
                        room_id: self.room_id,
                        date: &self.date,
                        start_time: &self.start_time,
                        end_time: self.end_time.as_ref(),
                        duration: self.duration,
                        repeated_hour: self.repeated_hour.as_ref(),
                        additional_slots: self.additional_slots.as_deref().unwrap_or_default(),
                    },
                    kind: &self.r#type,
                    priority: self.priority.as_ref(),
                    title: self.title.as_ref(),
                    reason: self.reason.as_ref(),
                    notes: self.notes.as_ref(),
                    override_availability: self.override_availability.unwrap_or(false),
                    accept_overlap: self.accept_overlap.unwrap_or(false),
                    justification: self.justification.as_ref(),
                }
            }
        }
    };
}

visit_input! {
    /// An appointment to be booked.
    BookingInput as "AppointmentBooking" {
        patient_id: StrictUuid,
        /// The slot that was held for it: it is booked in its stead, also at another time.
        hold_id: Option<StrictUuid>,
    }
}

visit_input! {
    /// What an appointment is from now on. Other times, another practitioner or another room are a move.
    RevisionInput as "AppointmentRevision" {}
}

visit_input! {
    /// A series to be booked; its other fields are those of the first occurrence.
    SeriesInput as "SeriesBooking" {
        patient_id: StrictUuid,
        /// A recurrence rule of RFC 5545 that comes at most once a day and ends by `COUNT` or `UNTIL`, such as
        /// `FREQ=WEEKLY;BYDAY=MO,TH;COUNT=10`. It must name the first occurrence.
        #[oai(validator(max_length = 500))]
        recurrence_rule: String,
        /// Days on which none comes, though the rule names them (`EXDATE`).
        #[oai(validator(max_items = 200))]
        ex_dates: Option<Vec<Unparsed<CivilDate>>>,
        /// Times at which one comes that the rule does not name (`RDATE`).
        #[oai(validator(max_items = 200))]
        r_dates: Option<Vec<Unparsed<WallTime>>>,
        /// Those that can be booked are, when others cannot.
        partial: Option<bool>,
    }
}

impl SeriesInput {
    /// The days that are left out, and the times that are added.
    pub(super) fn exceptions(&self, violations: &mut Vec<Violation>) -> (Vec<Date>, Vec<DateTime>) {
        let except = self.ex_dates.iter().flatten().enumerate();
        let except = except.filter_map(|(at, day)| Some(day.parse(&format!("exDates[{at}]"), violations)?.value()));
        let except = except.collect();
        let besides = self.r_dates.iter().flatten().enumerate();
        let besides = besides.filter_map(|(at, time)| Some(time.parse(&format!("rDates[{at}]"), violations)?.value()));
        (except, besides.collect())
    }
}

/// Visits of one patient on one day, to be booked together.
#[derive(Debug, Object, Deserialize)]
#[oai(rename = "LinkedBooking", rename_all = "camelCase")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LinkedInput {
    pub(super) patient_id: StrictUuid,
    /// Two to 20 visits.
    #[oai(validator(min_items = 2, max_items = 20))]
    items: Vec<RevisionInput>,
}

impl LinkedInput {
    /// The visits, or every field that is not right in any of them.
    pub(super) fn visits(&self, zone: &TimeZone) -> Result<Vec<(Slot, Details, Terms)>, Problem> {
        let mut violations = Vec::new();
        if !(2..=20).contains(&self.items.len()) {
            violations.push(Violation::new("items", "length", "Two to 20 visits are booked together."));
            return Err(Problem::validation_failed(violations));
        }
        let mut visits = Vec::with_capacity(self.items.len());
        for (number, item) in self.items.iter().enumerate() {
            let (under, visit) = (format!("items[{number}]."), item.visit());
            let slot = visit.times.slot(zone, &under, &mut violations);
            let details = visit.details(&under, &mut violations);
            visits.extend(slot.zip(details).map(|(slot, (details, terms))| (slot, details, terms)));
        }
        if violations.is_empty() { Ok(visits) } else { Err(Problem::validation_failed(violations)) }
    }
}

/// What may be out of the ordinary when an appointment takes its times again.
#[derive(Debug, Object, Deserialize)]
#[oai(rename = "AppointmentRestoration", rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RestorationInput {
    /// It may lie outside the practitioner's hours. Needs a `justification`.
    override_availability: Option<bool>,
    /// It may lie over other appointments of the practitioner, where the practice allows that. Needs a `justification`.
    accept_overlap: Option<bool>,
    /// Why it is out of the ordinary, or restored afterwards. It must not identify the patient: it stays in the log for good.
    justification: Option<Unparsed<Reason>>,
}

impl RestorationInput {
    /// In the words of the domain.
    pub(super) fn parse(&self) -> Result<Terms, Problem> {
        let mut violations = Vec::new();
        let reason = parse_optional(self.justification.as_ref(), "justification", &mut violations);
        if !violations.is_empty() {
            return Err(Problem::validation_failed(violations));
        }
        Ok(Terms {
            override_availability: self.override_availability.unwrap_or(false),
            accept_overlap: self.accept_overlap.unwrap_or(false),
            reason,
        })
    }
}

/// The fields that describe a visit.
pub(super) struct VisitFields<'a> {
    pub(super) times: Times<'a>,
    kind: &'a UnparsedCode<AppointmentType>,
    priority: Option<&'a UnparsedCode<AppointmentPriority>>,
    title: Option<&'a Unparsed<Label>>,
    reason: Option<&'a Unparsed<Reason>>,
    notes: Option<&'a Unparsed<Notes>>,
    override_availability: bool,
    accept_overlap: bool,
    justification: Option<&'a Unparsed<Reason>>,
}

impl VisitFields<'_> {
    /// What it is about, and on what terms. `under` is where the fields stand, such as `items[2].`.
    pub(super) fn details(&self, under: &str, violations: &mut Vec<Violation>) -> Option<(Details, Terms)> {
        let at = |field: &str| format!("{under}{field}");
        let kind = self.kind.parse(&at("type"), violations);
        let priority = parse_optional_code(self.priority, &at("priority"), violations);
        let texts = Texts {
            title: parse_optional(self.title, &at("title"), violations),
            reason: parse_optional(self.reason, &at("reason"), violations),
            notes: parse_optional(self.notes, &at("notes"), violations),
        };
        let terms = Terms {
            override_availability: self.override_availability,
            accept_overlap: self.accept_overlap,
            reason: parse_optional(self.justification, &at("justification"), violations),
        };
        Some((Details { kind: kind?, priority: priority.unwrap_or(AppointmentPriority::Normal), texts }, terms))
    }
}

/// Why an appointment is called off.
#[derive(Debug, Object, Deserialize)]
#[oai(rename = "AppointmentCancellation", skip_serializing_if_is_none)]
#[serde(deny_unknown_fields)]
pub(super) struct CancellationInput {
    reason: Option<Unparsed<Reason>>,
}

impl CancellationInput {
    /// The reason.
    pub(super) fn parse(&self) -> Result<Option<Reason>, Problem> {
        let mut violations = Vec::new();
        let reason = parse_optional(self.reason.as_ref(), "reason", &mut violations);
        if violations.is_empty() { Ok(reason) } else { Err(Problem::validation_failed(violations)) }
    }
}
