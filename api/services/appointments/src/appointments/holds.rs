//! Slots that are held for five minutes while somebody is on the telephone, and what a booking would meet.

use commands::CommandError;
use domain::appointment::{
    Appointment, AppointmentCommand, AppointmentError, AppointmentPriority, AppointmentType, Details, Terms, Texts,
};
use domain::ids::{AppointmentId, PatientId};
use domain::role::Area;
use domain::scheduling::Repeated;
use domain::values::{CivilDate, ClockTime};
use poem::Request;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;
use uuid::Uuid;

use super::answers::{Booked, Changed};
use super::document;
use super::times::{AdditionalSlotInput, Times};
use crate::desk::AgendaDesk;
use frame::auth::Caller;
use frame::command::{UnderConditions, command_context, id_of_new};
use frame::conditional::etag;
use frame::parameter::{IdempotencyKey, Prefer, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Conflict, Period, Problem, Violation};
use frame::strict_json::StrictJson;
use frame::unparsed::Unparsed;
use frame::unparsed_code::UnparsedCode;
use service::Chapter;

/// A slot to be held.
#[derive(Debug, Object, Deserialize)]
#[oai(rename = "SlotHold", rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HoldInput {
    /// The slot that is held already: it is held for five minutes more, or this one in its stead.
    hold_id: Option<StrictUuid>,
    practitioner_id: StrictUuid,
    room_id: Option<StrictUuid>,
    /// The day, where the practice is.
    date: Unparsed<CivilDate>,
    start_time: Unparsed<ClockTime>,
    /// Later than `startTime`. One of it and `duration` is required.
    end_time: Option<Unparsed<ClockTime>>,
    /// In minutes, 5 to 720.
    duration: Option<u32>,
    /// Which of the two, when the clock shows `startTime` twice; the first if left out.
    repeated_hour: Option<UnparsedCode<Repeated>>,
    /// Further times that belong to the same visit.
    additional_slots: Option<Vec<AdditionalSlotInput>>,
    /// It may lie outside the practitioner's hours; the booking has to say why.
    override_availability: Option<bool>,
}

/// What would become of a booking.
#[derive(Debug, Object)]
#[oai(rename = "ConflictCheck", rename_all = "camelCase", skip_serializing_if_is_none)]
struct CheckDocument {
    /// Whether it would be booked.
    bookable: bool,
    /// The code of the refusal, as in a problem answer.
    code: Option<String>,
    /// What it would meet.
    conflicts: Vec<Conflict>,
    /// When the practitioner sees patients around that time, if it lies outside.
    open_hours: Option<Vec<Period>>,
    /// The nearest times that are free, if it meets something.
    alternatives: Option<Vec<Period>>,
    /// What else is not right.
    violations: Option<Vec<Violation>>,
}

/// The operations on slots that are held, and the dry run of a booking.
pub struct AppointmentHoldsApi {
    desk: AgendaDesk,
}

impl AppointmentHoldsApi {
    /// Over this desk.
    pub const fn new(desk: AgendaDesk) -> Self {
        Self { desk }
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    ("holdSlot", Permission::Write(Area::Appointments)),
    ("releaseSlot", Permission::Write(Area::Appointments)),
    ("checkConflicts", Permission::Read(Area::Appointments)),
];

#[OpenApi(prefix_path = "/api/v1/appointments", tag = "Chapter::Appointments")]
impl AppointmentHoldsApi {
    /// Hold a slot
    ///
    /// For five minutes, in which nobody else can book it; then it is free by itself. Booking with its `id` as `holdId`
    /// makes an appointment of it.
    #[oai(path = "/hold", method = "post", operation_id = "holdSlot")]
    async fn hold(
        &self,
        request: &Request,
        caller: Caller,
        /// Under which the request may be repeated.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<HoldInput>,
    ) -> Result<Booked, Problem> {
        let time = self.desk.practice_time(caller.facility_id).await?;
        let mut violations = Vec::new();
        let times = Times {
            practitioner_id: input.practitioner_id,
            room_id: input.room_id,
            date: &input.date,
            start_time: &input.start_time,
            end_time: input.end_time.as_ref(),
            duration: input.duration,
            repeated_hour: input.repeated_hour.as_ref(),
            additional_slots: input.additional_slots.as_deref().unwrap_or_default(),
        };
        let slot = times.slot(&time.zone, "", &mut violations);
        let (Some(slot), true) = (slot, violations.is_empty()) else {
            return Err(Problem::validation_failed(violations));
        };
        let context = command_context(&caller, request, None);
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        let override_availability = input.override_availability.unwrap_or(false);
        let command = AppointmentCommand::HoldSlot { slot, override_availability };
        let commands = &self.desk.commands;
        let outcome = match input.hold_id {
            Some(hold) => commands.book_held(AppointmentId(hold.0), &command, &context).await,
            None => commands.change_appointment(AppointmentId(id_of_new(&context)), &command, &context).await,
        };
        let executed = match outcome {
            Ok(executed) => executed,
            Err(error) => return Err(self.desk.booking_refusal(error, &command, &time, caller.facility_id).await),
        };
        let preference = self.desk.settle(executed.position, prefer.0).await;
        let location = format!("/api/v1/appointments/{}", executed.id);
        let position = executed.position.map(|position| position.to_string());
        let tag = etag(executed.after.shown_version);
        Ok(Booked::Created(Json(document(executed)?), location, tag, position, preference))
    }

    /// Release a slot before its time
    #[oai(path = "/hold/:id", method = "delete", operation_id = "releaseSlot")]
    async fn release(
        &self,
        request: &Request,
        caller: Caller,
        /// The slot that is held.
        id: Path<StrictUuid>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
    ) -> Result<Changed, Problem> {
        let context = command_context(&caller, request, None);
        self.desk.change_appointment(id.0, &AppointmentCommand::ReleaseSlot, &context, prefer.0).await
    }

    /// What would a booking meet?
    ///
    /// Decided by the very rules that decide on a booking, on what is there at this moment; only a booking itself is sure.
    /// With `appointmentId`, of moving that appointment, or of booking into that held slot; without `patientId`, of the
    /// practitioner and the room alone.
    #[oai(path = "/conflicts", method = "get", operation_id = "checkConflicts")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn conflicts(
        &self,
        request: &Request,
        caller: Caller,
        /// The appointment that would be moved, or the slot that is held.
        #[oai(name = "appointmentId")]
        appointment_id: Query<Option<StrictUuid>>,
        /// For whom.
        #[oai(name = "patientId")]
        patient_id: Query<Option<StrictUuid>>,
        /// With whom.
        #[oai(name = "practitionerId")]
        practitioner_id: Query<StrictUuid>,
        /// Where.
        #[oai(name = "roomId")]
        room_id: Query<Option<StrictUuid>>,
        /// The day, where the practice is.
        date: Query<Unparsed<CivilDate>>,
        /// When it begins.
        #[oai(name = "startTime")]
        start_time: Query<Unparsed<ClockTime>>,
        /// When it ends.
        #[oai(name = "endTime")]
        end_time: Query<Unparsed<ClockTime>>,
        /// Which of the two, when the clock shows `startTime` twice.
        #[oai(name = "repeatedHour")]
        repeated_hour: Query<Option<UnparsedCode<Repeated>>>,
        /// The kind of visit; a consultation if left out.
        r#type: Query<Option<UnparsedCode<AppointmentType>>>,
    ) -> Result<Json<CheckDocument>, Problem> {
        let time = self.desk.practice_time(caller.facility_id).await?;
        let mut violations = Vec::new();
        let times = Times {
            practitioner_id: practitioner_id.0,
            room_id: room_id.0,
            date: &date.0,
            start_time: &start_time.0,
            end_time: Some(&end_time.0),
            duration: None,
            repeated_hour: repeated_hour.0.as_ref(),
            additional_slots: &[],
        };
        let slot = times.slot(&time.zone, "", &mut violations);
        let Some(slot) = slot.filter(|_| violations.is_empty()) else {
            return Ok(Json(refused(Problem::validation_failed(violations))));
        };
        let kind = r#type.0.map(|kind| kind.parameter("type")).transpose()?.unwrap_or(AppointmentType::Consultation);
        let context = command_context(&caller, request, None);
        let (booked, id) = match appointment_id.0 {
            Some(id) => {
                let loaded = self.desk.commands.load::<Appointment>(caller.facility_id, id.0);
                let Some(loaded) = loaded.await? else {
                    let why = "There is no such appointment or held slot.";
                    let violation = Violation::new("appointmentId", "unknown_appointment", why);
                    return Ok(Json(refused(Problem::validation_failed(vec![violation]))));
                };
                (loaded.aggregate.is_booked(), AppointmentId(id.0))
            }
            None => (false, AppointmentId(Uuid::now_v7())),
        };
        let command = match patient_id.0 {
            _ if booked => AppointmentCommand::RescheduleAppointment { slot, terms: Terms::default() },
            Some(patient) => AppointmentCommand::BookAppointment {
                patient_id: PatientId(patient.0),
                slot,
                details: Details { kind, priority: AppointmentPriority::Normal, texts: Texts::default() },
                occurrence: None,
                link_id: None,
                terms: Terms::default(),
            },
            None => AppointmentCommand::HoldSlot { slot, override_availability: kind == AppointmentType::Emergency },
        };
        let met = match self.desk.commands.check_appointment(id, &command, &context).await {
            Ok(met) if met.is_empty() => {
                let free = CheckDocument {
                    bookable: true,
                    code: None,
                    conflicts: Vec::new(),
                    open_hours: None,
                    alternatives: None,
                    violations: None,
                };
                return Ok(Json(free));
            }
            Ok(met) => CommandError::Refused(AppointmentError::Conflicts(met)),
            Err(error @ CommandError::Refused(_)) => error,
            Err(error) => return Err(error.into()),
        };
        Ok(Json(refused(self.desk.booking_refusal(met, &command, &time, caller.facility_id).await)))
    }
}

/// What a refusal says, in the form of the dry run.
fn refused(problem: Problem) -> CheckDocument {
    let violations = problem.violations().to_vec();
    let code = problem.code().name().to_owned();
    let (conflicts, open_hours, alternatives) = problem.into_times();
    CheckDocument {
        bookable: false,
        code: Some(code),
        conflicts,
        open_hours,
        alternatives,
        violations: (!violations.is_empty()).then_some(violations),
    }
}
