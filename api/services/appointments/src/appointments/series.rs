//! Series: booked by a recurrence rule, and moved or called off from one occurrence on.

use commands::{CommandError, OccurrenceChange, OccurrenceRefusal, SeriesBooking, SeriesMove, SeriesRest};
use domain::appointment::series::RecurrenceRule;
use domain::appointment::{AppointmentError, Terms};
use domain::ids::{AppointmentId, PatientId, Position, RoomId, SeriesId, UserId};
use domain::role::Area;
use domain::scheduling::PracticeTime;
use domain::values::{ClockTime, Reason};
use jiff::SignedDuration;
use jiff::civil::DateTime;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Deserialize;
use uuid::Uuid;

use super::input::{CancellationInput, SeriesInput};
use super::times::no_such_time;
use crate::desk::AgendaDesk;
use crate::problems::appointment_refusal;
use frame::instants::wall_time;
use frame::parameter::StrictUuid;
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Conflict, Period, Problem, ProblemCode, Violation};
use frame::received::{Creating, Received};
use frame::shown::{Showing, Shown, Traced};
use frame::strict_json::StrictJson;
use frame::unparsed::{Unparsed, parse_optional};
use service::Chapter;

/// What came of one occurrence of a series.
#[derive(Debug, Object)]
#[oai(rename = "Occurrence", rename_all = "camelCase", skip_serializing_if_is_none)]
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

/// The operations on series.
pub struct SeriesApi {
    desk: AgendaDesk,
}

impl SeriesApi {
    /// Over this desk.
    pub const fn new(desk: AgendaDesk) -> Self {
        Self { desk }
    }

    /// The answer on the rest of a series.
    async fn rest_of_series(
        &self,
        first: AppointmentId,
        outcome: Result<Option<SeriesRest>, CommandError<AppointmentError>>,
        time: &PracticeTime,
        received: &Received,
    ) -> Result<Traced<OfSeries>, Problem> {
        let outcome = outcome.map_err(|error| self.desk.appointment_refusal(error, time))?;
        let Some(SeriesRest { series_id, occurrences, tried, position }) = outcome else {
            return Err(Problem::new(ProblemCode::InvalidState).because("The appointment belongs to no series."));
        };
        let occurrences = occurrences.into_iter().map(|change| of_change(change, tried, time)).collect();
        let answer = self.of_series(series_id, occurrences, position, received).await;
        // Whose series it is, nobody has looked up.
        Ok(answer.showing(Shown::of("appointment", Some(first.0), None).written()))
    }

    /// What came of a series, in which something was written if there is a position.
    async fn of_series(
        &self,
        series: SeriesId,
        occurrences: Vec<OccurrenceDocument>,
        position: Option<Position>,
        received: &Received,
    ) -> OfSeries {
        let done = occurrences.iter().filter(|occurrence| occurrence.done).count() as u64;
        let document = SeriesDocument { series_id: series.0, done, occurrences };
        if position.is_none() {
            return OfSeries::Nothing(Json(document));
        }
        let (position, preference) = self.desk.settle(position, received).await.into_headers();
        OfSeries::Done(Json(document), position, preference)
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

pub(super) fn refusal_of(refusal: OccurrenceRefusal, time: &PracticeTime) -> Problem {
    match refusal {
        OccurrenceRefusal::NoSuchTime(error) => {
            Problem::validation_failed(vec![no_such_time(error).at("startTime").into()])
        }
        OccurrenceRefusal::Refused(refusal) => appointment_refusal(refusal, &time.zone),
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    ("bookSeries", Permission::Write(Area::Appointments)),
    ("cancelFollowing", Permission::Write(Area::Appointments)),
    ("moveFollowing", Permission::Write(Area::Appointments)),
];

#[OpenApi(prefix_path = "/api/v1/appointments", tag = "Chapter::Appointments")]
impl SeriesApi {
    /// Book a series
    ///
    /// One appointment for each occurrence of a recurrence rule of RFC 5545, on the clock of the practice. The answer says of
    /// each what came of it. All of them are booked in one go, or none; with `partial`, those that can be.
    #[oai(path = "/series", method = "post", operation_id = "bookSeries")]
    async fn series(
        &self,
        asked: Creating,
        StrictJson(input): StrictJson<SeriesInput>,
    ) -> Result<Traced<OfSeries>, Problem> {
        let time = self.desk.practice_time(asked.facility_id).await?;
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
        let context = asked.context(terms.reason.as_ref(), &input);
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
        let answer = self.of_series(outcome.series_id, occurrences, outcome.position, &asked).await;
        Ok(answer.showing(Shown::of("appointment", None, Some(booking.patient_id)).written()))
    }

    /// Call off the rest of a series
    ///
    /// This occurrence and those that follow. Each is called off on its own; the answer says of each what came of it.
    #[oai(path = "/:id/following/cancel", method = "post", operation_id = "cancelFollowing")]
    async fn cancel_following(
        &self,
        /// The first occurrence that is called off.
        id: Path<StrictUuid>,
        asked: Creating,
        StrictJson(input): StrictJson<CancellationInput>,
    ) -> Result<Traced<OfSeries>, Problem> {
        let reason = input.parse()?;
        let time = self.desk.practice_time(asked.facility_id).await?;
        let context = asked.context(None, &input);
        let outcome = self.desk.commands.cancel_following(AppointmentId(id.0.0), reason, &context).await;
        self.rest_of_series(AppointmentId(id.0.0), outcome, &time, &asked).await
    }

    /// Move the rest of a series
    ///
    /// This occurrence and those that follow, on the clock of the practice; each keeps when the series says that it begins.
    /// Nothing is moved if one of them meets something, unless `partial` is asked for; each is moved on its own.
    #[oai(path = "/:id/following/move", method = "post", operation_id = "moveFollowing")]
    async fn move_following(
        &self,
        /// The first occurrence that is moved.
        id: Path<StrictUuid>,
        asked: Creating,
        StrictJson(input): StrictJson<MoveInput>,
    ) -> Result<Traced<OfSeries>, Problem> {
        let wanted = input.parse()?;
        let time = self.desk.practice_time(asked.facility_id).await?;
        let context = asked.context(wanted.terms.reason.as_ref(), &input);
        let outcome = self.desk.commands.move_following(AppointmentId(id.0.0), &wanted, &context).await;
        self.rest_of_series(AppointmentId(id.0.0), outcome, &time, &asked).await
    }
}
