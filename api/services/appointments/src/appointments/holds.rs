//! Holds: slots that nobody else can book for five minutes, while a patient is on the telephone. And what a booking would
//! meet.

use commands::CommandError;
use domain::appointment::{
    Appointment, AppointmentCommand, AppointmentError, AppointmentPriority, AppointmentType, Details, Terms, Texts,
};
use domain::ids::{AppointmentId, PatientId};
use domain::role::Area;
use domain::scheduling::Repeated;
use domain::values::{CivilDate, ClockTime};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;
use uuid::Uuid;

use super::documents::AppointmentDocument;
use super::times::{AdditionalSlotInput, Times};
use crate::desk::AgendaDesk;
use frame::answers::{Changed, Created};
use frame::command::id_of_new;
use frame::parameter::{Prefer, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Conflict, Period, Problem, Violation};
use frame::received::{Asked, Creating, NO_BODY};
use frame::shown::{Showing, Shown, Traced};
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

/// The operations on holds, and the dry run of a booking.
pub struct HoldsApi {
    desk: AgendaDesk,
}

impl HoldsApi {
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
impl HoldsApi {
    /// Hold a slot
    ///
    /// For five minutes, in which nobody else can book it; then it is free by itself. Booking with its `id` as `holdId`
    /// makes an appointment of it.
    #[oai(path = "/hold", method = "post", operation_id = "holdSlot")]
    async fn hold(
        &self,
        asked: Creating,
        StrictJson(input): StrictJson<HoldInput>,
    ) -> Result<Traced<Created<AppointmentDocument>>, Problem> {
        let time = self.desk.practice_time(asked.facility_id).await?;
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
        let context = asked.context(None, &input);
        let override_availability = input.override_availability.unwrap_or(false);
        let command = AppointmentCommand::HoldSlot { slot, override_availability };
        let id = AppointmentId(id_of_new(&context));
        self.desk.take_times(input.hold_id, id, &command, &time, (&context, &asked)).await
    }

    /// Release a slot before its time
    #[oai(path = "/hold/:id", method = "delete", operation_id = "releaseSlot")]
    async fn release(
        &self,
        /// The slot that is held.
        id: Path<StrictUuid>,
        asked: Asked<(Prefer,)>,
    ) -> Result<Traced<Changed<AppointmentDocument>>, Problem> {
        let context = asked.context(None, &NO_BODY);
        self.desk.change_appointment(id, &AppointmentCommand::ReleaseSlot, &context, &asked).await
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
        asked: Asked<()>,
    ) -> Result<Traced<Json<CheckDocument>>, Problem> {
        // What is in the way has an id, and no patient. That it is in this patient's way tells where the patient is.
        let asked_about = patient_id.0.map(|patient| PatientId(patient.0));
        let shown = asked_about.map_or(Shown::nothing(), |patient| Shown::of("conflicts", None, Some(patient)));
        let answer = |document: CheckDocument| Ok(Json(document).showing(shown.clone()));
        let time = self.desk.practice_time(asked.facility_id).await?;
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
            return answer(refused(Problem::validation_failed(violations)));
        };
        let kind = r#type.0.map(|kind| kind.parameter("type")).transpose()?.unwrap_or(AppointmentType::Consultation);
        let context = asked.context(None, &NO_BODY);
        let (booked, id) = match appointment_id.0 {
            Some(id) => {
                let loaded = self.desk.commands.load::<Appointment>(asked.facility_id, id.0);
                let Some(loaded) = loaded.await? else {
                    let why = "There is no such appointment or held slot.";
                    let violation = Violation::new("appointmentId", "unknown_appointment", why);
                    return answer(refused(Problem::validation_failed(vec![violation])));
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
                return answer(free);
            }
            Ok(met) => CommandError::Refused(AppointmentError::Conflicts(met)),
            Err(error @ CommandError::Refused(_)) => error,
            Err(error) => return Err(error.into()),
        };
        answer(refused(self.desk.booking_refusal(met, &command, &time, asked.facility_id).await))
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
