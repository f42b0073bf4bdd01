//! Several appointments at once: series and their rest, visits of one day that belong together; and what was called off by
//! mistake.

use commands::{
    CommandError, LinkedBooking, OccurrenceChange, OccurrenceRefusal, SeriesBooking, SeriesMove, SeriesRest,
};
use domain::appointment::series::RecurrenceRule;
use domain::appointment::{Appointment, AppointmentError, Terms};
use domain::ids::{AppointmentId, LinkId, PatientId, RoomId, SeriesId, UserId};
use domain::role::Area;
use domain::scheduling::PracticeTime;
use domain::values::{ClockTime, Reason};
use jiff::SignedDuration;
use jiff::civil::DateTime;
use poem::Request;
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Deserialize;
use uuid::Uuid;

use super::answers::Changed;
use super::documents::AppointmentDocument;
use super::input::{CancellationInput, LinkedInput, RestorationInput, SeriesInput};
use super::times::no_such_time;
use super::{document, document_of};
use crate::desk::AgendaDesk;
use crate::problems::appointment_refusal;
use frame::auth::Caller;
use frame::command::{UnderConditions, command_context};
use frame::conditional::{IfMatch, etag};
use frame::instants::wall_time;
use frame::parameter::{IdempotencyKey, Prefer, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Conflict, Period, Problem, ProblemCode, Violation};
use frame::strict_json::StrictJson;
use frame::unparsed::{Unparsed, parse_optional};
use service::Chapter;

/// What came of one occurrence of a series.
#[derive(Debug, Object)]
#[oai(rename = "Occurrence", rename_all = "camelCase", skip_serializing_if_is_none, skip_serializing_if_is_empty)]
pub(super) struct OccurrenceDocument {
    /// When the series says that it begins (`YYYY-MM-DDTHH:MM`, where the practice is).
    original_start: String,
    /// The appointment; left out of one that was not booked.
    appointment_id: Option<Uuid>,
    /// Whether what was asked for was done.
    done: bool,
    /// Why not, or why it could not be: the code of the refusal, as in a problem answer.
    code: Option<String>,
    /// What it meets.
    conflicts: Vec<Conflict>,
    /// When the practitioner sees patients around that time, if it lies outside.
    open_hours: Option<Vec<Period>>,
    /// What else is not right.
    violations: Vec<Violation>,
}

/// What came of a series.
#[derive(Debug, Object)]
#[oai(rename = "SeriesOutcome", rename_all = "camelCase")]
pub(super) struct SeriesDocument {
    series_id: Uuid,
    /// For how many occurrences what was asked for was done.
    done: u64,
    /// What came of each, in order.
    occurrences: Vec<OccurrenceDocument>,
}

/// Visits that were booked together.
#[derive(Debug, Object)]
#[oai(rename = "LinkedAppointments", rename_all = "camelCase")]
pub(super) struct LinkedDocument {
    link_id: Uuid,
    items: Vec<AppointmentDocument>,
}

/// What came of a series that was to be booked, moved or called off.
#[derive(ApiResponse)]
pub(super) enum OfSeries {
    /// Nothing was written: what each occurrence meets is told, and `partial` was not asked for, or would be nothing.
    #[oai(status = 200)]
    Nothing(Json<SeriesDocument>),
    /// What could be done was done, for each occurrence or, if that was asked for, for some.
    #[oai(status = 201)]
    Done(
        Json<SeriesDocument>,
        /// The last position written.
        #[oai(header = "Event-Position")]
        Option<String>,
        /// `respond-async`, if the answer left before the read models show what was written.
        #[oai(header = "Preference-Applied")]
        Option<String>,
    ),
}

/// Visits that were booked together.
#[derive(ApiResponse)]
pub(super) enum Linked {
    /// All of them were booked.
    #[oai(status = 201)]
    Created(
        Json<LinkedDocument>,
        /// The last position written.
        #[oai(header = "Event-Position")]
        Option<String>,
        /// `respond-async`, if the answer left before the read models show what was written.
        #[oai(header = "Preference-Applied")]
        Option<String>,
    ),
}

/// How the rest of a series is moved. What is left out stays as it is.
#[derive(Debug, Object, Deserialize)]
#[oai(rename = "SeriesMove", rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MoveInput {
    /// So many days later, or earlier if negative.
    #[oai(validator(minimum(value = "-366"), maximum(value = "366")))]
    days_later: Option<i32>,
    start_time: Option<Unparsed<ClockTime>>,
    /// In minutes, 5 to 720.
    duration: Option<u32>,
    practitioner_id: Option<StrictUuid>,
    room_id: Option<StrictUuid>,
    /// Those that can be moved are, when others cannot.
    partial: Option<bool>,
    /// They may lie outside the practitioner's hours. Needs a `justification`.
    override_availability: Option<bool>,
    /// They may lie over other appointments of the practitioner, where the practice allows that. Needs a `justification`.
    accept_overlap: Option<bool>,
    /// Why it is out of the ordinary. It must not identify the patient: it stays in the log for good.
    justification: Option<Unparsed<Reason>>,
}

impl MoveInput {
    fn parse(&self) -> Result<SeriesMove, Problem> {
        let mut violations = Vec::new();
        let days_later = self.days_later.unwrap_or(0);
        if !(-366..=366).contains(&days_later) {
            violations.push(Violation::new("daysLater", "out_of_range", "Must be from -366 to 366."));
        }
        let start_time = parse_optional(self.start_time.as_ref(), "startTime", &mut violations);
        let reason = parse_optional(self.justification.as_ref(), "justification", &mut violations);
        if !violations.is_empty() {
            return Err(Problem::validation_failed(violations));
        }
        Ok(SeriesMove {
            days_later,
            start_time: start_time.map(|time| time.value()),
            duration: self.duration.map(|minutes| SignedDuration::from_mins(minutes.into())),
            practitioner_id: self.practitioner_id.map(|id| UserId(id.0)),
            room_id: self.room_id.map(|id| RoomId(id.0)),
            terms: Terms {
                override_availability: self.override_availability.unwrap_or(false),
                accept_overlap: self.accept_overlap.unwrap_or(false),
                reason,
            },
            partial: self.partial.unwrap_or(false),
        })
    }
}

/// The operations on several appointments at once.
pub struct AppointmentsTogetherApi {
    desk: AgendaDesk,
}

impl AppointmentsTogetherApi {
    /// Over this desk.
    pub const fn new(desk: AgendaDesk) -> Self {
        Self { desk }
    }

    /// The answer on the rest of a series.
    async fn rest_of_series(
        &self,
        outcome: Result<Option<SeriesRest>, CommandError<AppointmentError>>,
        time: &PracticeTime,
        prefer: Option<Prefer>,
    ) -> Result<OfSeries, Problem> {
        let outcome = outcome.map_err(|error| self.desk.appointment_refusal(error, time))?;
        let Some(SeriesRest { series_id, occurrences, tried, position }) = outcome else {
            return Err(Problem::new(ProblemCode::InvalidState).because("The appointment belongs to no series."));
        };
        let occurrences = occurrences.into_iter().map(|change| of_change(change, tried, time)).collect();
        let document = series_document(series_id, occurrences);
        if position.is_none() {
            return Ok(OfSeries::Nothing(Json(document)));
        }
        let preference = self.desk.settle(position, prefer).await;
        Ok(OfSeries::Done(Json(document), position.map(|position| position.to_string()), preference))
    }
}

fn of_change(change: OccurrenceChange, tried: bool, time: &PracticeTime) -> OccurrenceDocument {
    let OccurrenceChange { id, original_start, outcome } = change;
    let outcome = outcome.map(|()| id);
    OccurrenceDocument { appointment_id: Some(id.0), ..occurrence(original_start, outcome, tried, time) }
}

/// What came of an occurrence; `written` if anything was.
fn occurrence(
    original_start: DateTime,
    outcome: Result<AppointmentId, OccurrenceRefusal>,
    written: bool,
    time: &PracticeTime,
) -> OccurrenceDocument {
    let mut document = OccurrenceDocument {
        original_start: wall_time(original_start),
        appointment_id: outcome.as_ref().ok().filter(|_| written).map(|id| id.0),
        done: outcome.is_ok() && written,
        code: None,
        conflicts: Vec::new(),
        open_hours: None,
        violations: Vec::new(),
    };
    if let Err(refusal) = outcome {
        let problem = refusal_of(refusal, time);
        document.code = Some(problem.code().name().to_owned());
        document.violations = problem.violations().to_vec();
        (document.conflicts, document.open_hours, _) = problem.into_times();
    }
    document
}

fn refusal_of(refusal: OccurrenceRefusal, time: &PracticeTime) -> Problem {
    match refusal {
        OccurrenceRefusal::NoSuchTime(error) => {
            Problem::validation_failed(vec![no_such_time(error).at("startTime").into()])
        }
        OccurrenceRefusal::Refused(refusal) => appointment_refusal(refusal, &time.zone),
    }
}

fn series_document(series: SeriesId, occurrences: Vec<OccurrenceDocument>) -> SeriesDocument {
    let done = occurrences.iter().filter(|occurrence| occurrence.done).count() as u64;
    SeriesDocument { series_id: series.0, done, occurrences }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    ("bookSeries", Permission::Write(Area::Appointments)),
    ("cancelFollowing", Permission::Write(Area::Appointments)),
    ("moveFollowing", Permission::Write(Area::Appointments)),
    ("bookLinked", Permission::Write(Area::Appointments)),
    ("restoreAppointment", Permission::Write(Area::Appointments)),
];

#[OpenApi(prefix_path = "/api/v1/appointments", tag = "Chapter::Appointments")]
impl AppointmentsTogetherApi {
    /// Book a series
    ///
    /// One appointment for each occurrence of a recurrence rule of RFC 5545, on the clock of the practice. The answer says of
    /// each what came of it. All of them are booked in one go, or none; with `partial`, those that can be.
    #[oai(path = "/series", method = "post", operation_id = "bookSeries")]
    async fn series(
        &self,
        request: &Request,
        caller: Caller,
        /// Under which the request may be repeated without booking twice.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<SeriesInput>,
    ) -> Result<OfSeries, Problem> {
        let time = self.desk.practice_time(caller.facility_id).await?;
        let mut violations = Vec::new();
        let visit = input.visit();
        let slot = visit.times.slot(&time.zone, "", &mut violations);
        let details = visit.details("", &mut violations);
        if !visit.times.additional_slots.is_empty() {
            let why = "Occurrences of a series have one time each.";
            violations.push(Violation::new("additionalSlots", "not_in_series", why));
        }
        let rule = RecurrenceRule::parse(&input.recurrence_rule);
        let rule = rule.map_err(|broken| violations.push(broken.at("recurrenceRule").into())).ok();
        let (except, besides) = input.exceptions(&mut violations);
        let parts = (slot, details, rule, visit.times.shown());
        let ((Some(slot), Some((details, terms)), Some(rule), Some(start)), true) = (parts, violations.is_empty())
        else {
            return Err(Problem::validation_failed(violations));
        };
        let context = command_context(&caller, request, terms.reason.as_ref());
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        let booking = SeriesBooking {
            series_id: SeriesId(Uuid::now_v7()),
            patient_id: PatientId(input.patient_id.0),
            practitioner_id: slot.practitioner_id,
            room_id: slot.room_id,
            start,
            duration: slot.during.duration(),
            rule,
            except,
            besides,
            details,
            terms,
            partial: input.partial.unwrap_or(false),
        };
        let outcome = self.desk.commands.book_series(&booking, &context).await;
        let outcome = outcome.map_err(|error| self.desk.appointment_refusal(error, &time))?;
        let written = outcome.position.is_some();
        let occurrences = outcome.occurrences.into_iter();
        let occurrences = occurrences.map(|one| occurrence(one.original_start, one.outcome, written, &time)).collect();
        let document = series_document(outcome.series_id, occurrences);
        if !written {
            return Ok(OfSeries::Nothing(Json(document)));
        }
        let preference = self.desk.settle(outcome.position, prefer.0).await;
        let position = outcome.position.map(|position| position.to_string());
        Ok(OfSeries::Done(Json(document), position, preference))
    }

    /// Call off the rest of a series
    ///
    /// This occurrence and those that follow. Each is called off on its own; the answer says of each what came of it.
    #[oai(path = "/:id/following/cancel", method = "post", operation_id = "cancelFollowing")]
    async fn cancel_following(
        &self,
        request: &Request,
        caller: Caller,
        /// The first occurrence that is called off.
        id: Path<StrictUuid>,
        /// Under which the request may be repeated.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<CancellationInput>,
    ) -> Result<OfSeries, Problem> {
        let reason = input.parse()?;
        let time = self.desk.practice_time(caller.facility_id).await?;
        let context = command_context(&caller, request, None);
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        let outcome = self.desk.commands.cancel_following(AppointmentId(id.0.0), reason, &context).await;
        self.rest_of_series(outcome, &time, prefer.0).await
    }

    /// Move the rest of a series
    ///
    /// This occurrence and those that follow, on the clock of the practice; each keeps when the series says that it begins.
    /// Nothing is moved if one of them meets something, unless `partial` is asked for; each is moved on its own.
    #[oai(path = "/:id/following/move", method = "post", operation_id = "moveFollowing")]
    async fn move_following(
        &self,
        request: &Request,
        caller: Caller,
        /// The first occurrence that is moved.
        id: Path<StrictUuid>,
        /// Under which the request may be repeated.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<MoveInput>,
    ) -> Result<OfSeries, Problem> {
        let wanted = input.parse()?;
        let time = self.desk.practice_time(caller.facility_id).await?;
        let context = command_context(&caller, request, wanted.terms.reason.as_ref());
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        let outcome = self.desk.commands.move_following(AppointmentId(id.0.0), &wanted, &context).await;
        self.rest_of_series(outcome, &time, prefer.0).await
    }

    /// Book visits that belong together
    ///
    /// Of one patient, on one day: all of them in one go, or none. 409 says what each meets, with the item in `fields`.
    #[oai(path = "/linked", method = "post", operation_id = "bookLinked")]
    async fn linked(
        &self,
        request: &Request,
        caller: Caller,
        /// Under which the request may be repeated without booking twice.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<LinkedInput>,
    ) -> Result<Linked, Problem> {
        let time = self.desk.practice_time(caller.facility_id).await?;
        let visits = input.visits(&time.zone)?;
        let reason = visits.iter().find_map(|(.., terms)| terms.reason.clone());
        let context = command_context(&caller, request, reason.as_ref());
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        let (link_id, patient_id) = (LinkId(Uuid::now_v7()), PatientId(input.patient_id.0));
        let booking = LinkedBooking { link_id, patient_id, visits };
        let outcome = self.desk.commands.book_linked(&booking, &context).await;
        let outcome = outcome.map_err(|error| self.desk.appointment_refusal(error, &time))?;
        let (Some(position), Ok(ids)) =
            (outcome.position, outcome.visits.iter().cloned().collect::<Result<Vec<_>, _>>())
        else {
            return Err(refusal_of_items(outcome.visits, &time));
        };
        let preference = self.desk.settle(Some(position), prefer.0).await;
        let mut items = Vec::with_capacity(ids.len());
        for id in ids {
            let loaded = self.desk.commands.load::<Appointment>(caller.facility_id, id.0).await?;
            items.push(document_of(id, loaded.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?)?);
        }
        let body = LinkedDocument { link_id: outcome.link_id.0, items };
        Ok(Linked::Created(Json(body), Some(position.to_string()), preference))
    }

    /// Restore an appointment
    ///
    /// That was called off, or reported missed, by mistake: it takes its times again, checked as a booking is.
    #[oai(path = "/:id/restore", method = "post", operation_id = "restoreAppointment")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn restore(
        &self,
        request: &Request,
        caller: Caller,
        /// The appointment.
        id: Path<StrictUuid>,
        /// The version that is to be restored.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// Under which the request may be repeated.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<RestorationInput>,
    ) -> Result<Changed, Problem> {
        let terms = input.parse()?;
        let time = self.desk.practice_time(caller.facility_id).await?;
        let context = command_context(&caller, request, terms.reason.as_ref()).if_match(if_match.0);
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        let outcome = self.desk.commands.restore_appointment(AppointmentId(id.0.0), terms, &context).await;
        let executed = outcome.map_err(|error| self.desk.appointment_refusal(error, &time))?;
        let preference = self.desk.settle(executed.position, prefer.0).await;
        let position = executed.position.map(|position| position.to_string());
        let tag = etag(executed.after.shown_version);
        Ok(Changed::Now(Json(document(executed)?), tag, position, preference))
    }
}

/// Why visits were not booked together: what is not right in any of them, or else what they meet.
fn refusal_of_items(visits: Vec<Result<AppointmentId, OccurrenceRefusal>>, time: &PracticeTime) -> Problem {
    let (mut violations, mut conflicts, mut other) = (Vec::new(), Vec::new(), None);
    for (number, refusal) in visits.into_iter().enumerate().filter_map(|(n, outcome)| Some((n, outcome.err()?))) {
        let problem = refusal_of(refusal, time);
        let at = |field: String| format!("items[{number}].{field}");
        if problem.code() == ProblemCode::ValidationFailed {
            let own = problem.violations().iter().cloned();
            violations.extend(own.map(|violation| Violation { field: at(violation.field), ..violation }));
        } else if problem.code() == ProblemCode::AppointmentConflict {
            let (met, ..) = problem.into_times();
            conflicts.extend(met.into_iter().map(|conflict| Conflict {
                fields: conflict.fields.map(|fields| fields.into_iter().map(at).collect()),
                ..conflict
            }));
        } else {
            let field = Violation::new(format!("items[{number}]"), problem.code().name(), problem.code().title());
            other.get_or_insert(problem.violating(vec![field]));
        }
    }
    match other {
        _ if !violations.is_empty() => Problem::validation_failed(violations),
        Some(problem) if conflicts.is_empty() => problem,
        Some(_) | None => Problem::new(ProblemCode::AppointmentConflict).conflicting_with(conflicts),
    }
}
