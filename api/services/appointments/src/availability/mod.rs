//! When practitioners can be booked: hours of each week, hours besides them, leave, and how close bookings may come.

mod documents;
mod input;

use commands::{CommandContext, Executed, LeaveRefusal, Touched};
use domain::availability::{Availability, AvailabilityCommand};
use domain::ids::{ExtraHoursId, FacilityId, LeaveId, StreamVersion, UserId};
use domain::role::Area;
use domain::values::CivilDate;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use projections::availability::KnownAvailability;

use self::documents::{AvailabilityDocument, OpenedExtraHoursDocument, PlannedLeaveDocument, TouchedDocument};
use self::input::{AvailabilityInput, ExtraHoursInput, LeaveInput, ShownDays};
use crate::desk::AgendaDesk;
use crate::problems::availability_refusal;
use frame::answers::{Added, Changed, Read, Settled};
use frame::command::{ChangeReason, id_of_new};
use frame::parameter::{IdempotencyKey, Prefer, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Conflict, Period, Problem, ProblemCode};
use frame::received::{Asked, Changing, ChangingFor, Fetching, NO_BODY, Received};
use frame::strict_json::StrictJson;
use frame::unparsed::Unparsed;
use service::Chapter;

/// How many of the appointments that a leave lies over are named.
const MOST_NAMED: usize = 200;

/// The operations.
pub struct AvailabilityApi {
    desk: AgendaDesk,
}

impl AvailabilityApi {
    /// Over this desk.
    pub const fn new(desk: AgendaDesk) -> Self {
        Self { desk }
    }

    async fn zone(&self, facility: FacilityId) -> Result<TimeZone, Problem> {
        let time = self.desk.commands.practice_time::<domain::availability::AvailabilityError>(facility).await?;
        Ok(time.zone)
    }

    async fn change(
        &self,
        practitioner: Path<StrictUuid>,
        command: &AvailabilityCommand,
        context: &CommandContext,
        received: &Received,
    ) -> Result<(AvailabilityDocument, StreamVersion, Settled), Problem> {
        let commands = &self.desk.commands;
        let outcome = commands.change_availability(UserId(practitioner.0.0), command, context).await;
        let executed = outcome.map_err(availability_refusal)?;
        let settled = self.desk.settle(executed.position, received).await;
        let (version, zone) = (executed.after.version, self.zone(context.facility_id).await?);
        Ok((document(executed, &zone), version, settled))
    }

    async fn changed(
        &self,
        practitioner: Path<StrictUuid>,
        command: &AvailabilityCommand,
        context: &CommandContext,
        received: &Received,
    ) -> Result<Changed<AvailabilityDocument>, Problem> {
        let (document, version, settled) = self.change(practitioner, command, context, received).await?;
        Ok(Changed::now(document, version, settled))
    }
}

/// The document of the state that a command left.
fn document(executed: Executed<Availability>, zone: &TimeZone) -> AvailabilityDocument {
    let after = executed.after;
    let known = KnownAvailability {
        practitioner_id: UserId(executed.id),
        availability: after.aggregate,
        version: after.version,
        updated_at: after.recorded.map(|recorded| recorded.last),
    };
    AvailabilityDocument::of(known, zone, Timestamp::now(), ShownDays::Template)
}

/// Those of the appointments that the caller is told of: somebody who plans leave need not be allowed to look at any.
fn told<'a>(touched: &'a [Touched], received: &Received) -> impl Iterator<Item = &'a Touched> {
    touched.iter().take(if received.may_read(Area::Appointments) { MOST_NAMED } else { 0 })
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    ("readAvailability", Permission::Read(Area::Availability)),
    ("reviseAvailability", Permission::Write(Area::Availability)),
    ("planLeave", Permission::Write(Area::Availability)),
    ("cancelLeave", Permission::Write(Area::Availability)),
    ("openExtraHours", Permission::Write(Area::Availability)),
    ("closeExtraHours", Permission::Write(Area::Availability)),
];

#[OpenApi(prefix_path = "/api/v1/availability", tag = "Chapter::Availability")]
impl AvailabilityApi {
    /// When can a practitioner be booked?
    ///
    /// What is planned: the hours of each week, hours besides them, leave, and how close bookings may come. With `week` or
    /// `day`, also what is open on those days by all of that; bookings are not counted (`GET appointments/slots` does).
    #[oai(path = "/:practitionerId", method = "get", operation_id = "readAvailability")]
    async fn read(
        &self,
        /// Who.
        #[oai(name = "practitionerId")]
        practitioner_id: Path<StrictUuid>,
        /// Any day of the week, from Monday to Sunday, to be shown day by day. Not together with `day`.
        week: Query<Option<Unparsed<CivilDate>>>,
        /// The day to be shown. Not together with `week`.
        day: Query<Option<Unparsed<CivilDate>>>,
        asked: Fetching,
    ) -> Result<Read<AvailabilityDocument>, Problem> {
        let shown = ShownDays::asked(week.0, day.0)?;
        let practitioner = UserId(practitioner_id.0.0);
        let (zone, known) = self.desk.availability.one(asked.facility_id, practitioner).await?;
        let known = match known {
            Some(known) => known,
            None => {
                let commands = &self.desk.commands;
                commands
                    .practitioner::<domain::availability::AvailabilityError>(asked.facility_id, practitioner)
                    .await?;
                KnownAvailability::nothing(practitioner)
            }
        };
        Read::of(&asked, known.version, || Ok(AvailabilityDocument::of(known, &zone, Timestamp::now(), shown)))
    }

    /// Set the hours of each week
    ///
    /// From a day on, until others hold; past days stay as they were. Bookings outside the new hours stay booked.
    #[oai(path = "/:practitionerId", method = "put", operation_id = "reviseAvailability")]
    async fn revise(
        &self,
        /// Who.
        #[oai(name = "practitionerId")]
        practitioner_id: Path<StrictUuid>,
        asked: Changing,
        StrictJson(input): StrictJson<AvailabilityInput>,
    ) -> Result<Changed<AvailabilityDocument>, Problem> {
        let (command, reason) = input.parse()?;
        let context = asked.context(reason.as_ref(), &input);
        self.changed(practitioner_id, &command, &context, &asked).await
    }

    /// Plan a leave
    ///
    /// If appointments that are still ahead lie in it, the answer is 409 with them, unless `confirm` says that it is meant all
    /// the same: then they are flagged to be rescheduled, until they are, or the leave is cancelled.
    #[oai(path = "/:practitionerId/leave", method = "post", operation_id = "planLeave")]
    async fn plan_leave(
        &self,
        /// Who.
        #[oai(name = "practitionerId")]
        practitioner_id: Path<StrictUuid>,
        asked: Asked<(IdempotencyKey, ChangeReason, Prefer)>,
        StrictJson(input): StrictJson<LeaveInput>,
    ) -> Result<Added<PlannedLeaveDocument>, Problem> {
        let (leave, confirmed) = input.parse()?;
        let reason = asked.change_reason();
        let context = asked.context(reason.as_ref(), &input);
        let (practitioner, id) = (UserId(practitioner_id.0.0), LeaveId(id_of_new(&context)));
        let outcome = self.desk.commands.plan_leave(practitioner, id, leave, confirmed, &context).await;
        let zone = self.zone(asked.facility_id).await?;
        let plan = match outcome {
            Ok(plan) => plan,
            Err(LeaveRefusal::Touches(touched)) => return Err(touches(&touched, &asked, &zone)),
            Err(LeaveRefusal::Failed(error)) => return Err(availability_refusal(error)),
        };
        let settled = self.desk.settle(plan.executed.position, &asked).await;
        let version = plan.executed.after.version;
        let appointments = told(&plan.touched, &asked).map(|touched| TouchedDocument {
            appointment_id: touched.appointment.0,
            period: Period::of(touched.during, &zone),
        });
        let body = PlannedLeaveDocument {
            id: id.0,
            touched: plan.touched.len() as u64,
            appointments: appointments.collect(),
            availability: document(plan.executed, &zone),
        };
        Ok(Added::new(body, version, settled))
    }

    /// Cancel a leave
    ///
    /// Its time can be booked again, and appointments that lay in it are flagged no more.
    #[oai(path = "/:practitionerId/leave/:leaveId", method = "delete", operation_id = "cancelLeave")]
    async fn cancel_leave(
        &self,
        /// Whose.
        #[oai(name = "practitionerId")]
        practitioner_id: Path<StrictUuid>,
        /// Which leave.
        #[oai(name = "leaveId")]
        leave_id: Path<StrictUuid>,
        asked: ChangingFor,
    ) -> Result<Changed<AvailabilityDocument>, Problem> {
        let reason = asked.change_reason();
        let context = asked.context(reason.as_ref(), &NO_BODY);
        let command = AvailabilityCommand::CancelLeave { leave_id: LeaveId(leave_id.0.0) };
        self.changed(practitioner_id, &command, &context, &asked).await
    }

    /// Open hours on one day besides the usual ones
    ///
    /// Leave is stronger: hours that lie in one altogether are refused.
    #[oai(path = "/:practitionerId/extra-hours", method = "post", operation_id = "openExtraHours")]
    async fn open_extra_hours(
        &self,
        /// Who.
        #[oai(name = "practitionerId")]
        practitioner_id: Path<StrictUuid>,
        asked: Asked<(IdempotencyKey, ChangeReason, Prefer)>,
        StrictJson(input): StrictJson<ExtraHoursInput>,
    ) -> Result<Added<OpenedExtraHoursDocument>, Problem> {
        let extra = input.parse()?;
        let reason = asked.change_reason();
        let context = asked.context(reason.as_ref(), &input);
        let id = id_of_new(&context);
        let command = AvailabilityCommand::OpenExtraHours { extra_id: ExtraHoursId(id), extra };
        let (availability, version, settled) = self.change(practitioner_id, &command, &context, &asked).await?;
        Ok(Added::new(OpenedExtraHoursDocument { id, availability }, version, settled))
    }

    /// Close extra hours
    ///
    /// Bookings in them stay booked.
    #[oai(path = "/:practitionerId/extra-hours/:extraHoursId", method = "delete", operation_id = "closeExtraHours")]
    async fn close_extra_hours(
        &self,
        /// Whose.
        #[oai(name = "practitionerId")]
        practitioner_id: Path<StrictUuid>,
        /// Which hours.
        #[oai(name = "extraHoursId")]
        extra_hours_id: Path<StrictUuid>,
        asked: ChangingFor,
    ) -> Result<Changed<AvailabilityDocument>, Problem> {
        let reason = asked.change_reason();
        let context = asked.context(reason.as_ref(), &NO_BODY);
        let command = AvailabilityCommand::CloseExtraHours { extra_id: ExtraHoursId(extra_hours_id.0.0) };
        self.changed(practitioner_id, &command, &context, &asked).await
    }
}

/// 409 with the appointments that a leave would lie over.
fn touches(touched: &[Touched], received: &Received, zone: &TimeZone) -> Problem {
    let conflicts = told(touched, received).map(|touched| Conflict {
        resource_type: "appointment".to_owned(),
        resource_id: Some(touched.appointment.to_string()),
        rule: "in_leave".to_owned(),
        period: Some(Period::of(touched.during, zone)),
        ..Conflict::default()
    });
    let count = match touched.len() {
        1 => "1 appointment lies in the leave.".to_owned(),
        many => format!("{many} appointments lie in the leave."),
    };
    Problem::new(ProblemCode::LeaveTouchesAppointments).because(count).conflicting_with(conflicts.collect())
}
