//! When practitioners can be booked: hours of each week, hours besides them, leave, and how close bookings may come.

mod answers;
mod documents;
mod input;

use commands::{CommandContext, Executed, LeaveRefusal, Touched};
use domain::availability::{Availability, AvailabilityCommand};
use domain::ids::{ExtraHoursId, FacilityId, LeaveId, UserId};
use domain::permissions::Permissions;
use domain::role::Area;
use domain::values::{CivilDate, Reason};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use projections::availability::KnownAvailability;

use self::answers::{Changed, Opened, OpenedExtraHoursDocument, Planned, PlannedLeaveDocument, Read, TouchedDocument};
use self::documents::AvailabilityDocument;
use self::input::{AvailabilityInput, ExtraHoursInput, LeaveInput, Shown};
use crate::desk::AgendaDesk;
use crate::problems::availability_refusal;
use frame::auth::Caller;
use frame::command::{ChangeReason, UnderConditions, command_context, id_of_new};
use frame::conditional::{IfMatch, IfNoneMatch, etag};
use frame::parameter::{IdempotencyKey, Prefer, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Conflict, Period, Problem, ProblemCode};
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
        practitioner: StrictUuid,
        command: &AvailabilityCommand,
        context: &CommandContext,
        prefer: Option<Prefer>,
    ) -> Result<Changed, Problem> {
        let executed = self
            .desk
            .commands
            .change_availability(UserId(practitioner.0), command, context)
            .await
            .map_err(availability_refusal)?;
        let preference = self.desk.settle(executed.position, prefer).await;
        let position = executed.position.map(|position| position.to_string());
        let tag = etag(executed.after.version);
        let zone = self.zone(context.facility_id).await?;
        Ok(Changed::Now(Json(document(executed, &zone)), tag, position, preference))
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
    AvailabilityDocument::of(known, zone, Timestamp::now(), Shown::Template)
}

/// Those of the appointments that the caller is told of: somebody who plans leave need not be allowed to look at any.
fn told<'a>(touched: &'a [Touched], request: &Request) -> impl Iterator<Item = &'a Touched> {
    let permitted = request.data::<Permissions>();
    let may_look = permitted.is_some_and(|permitted| permitted.access(Area::Appointments).may_read());
    touched.iter().take(if may_look { MOST_NAMED } else { 0 })
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
        caller: Caller,
        /// Who.
        #[oai(name = "practitionerId")]
        practitioner_id: Path<StrictUuid>,
        /// Any day of the week, from Monday to Sunday, to be shown day by day. Not together with `day`.
        week: Query<Option<Unparsed<CivilDate>>>,
        /// The day to be shown. Not together with `week`.
        day: Query<Option<Unparsed<CivilDate>>>,
        /// The versions that the client has already.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<IfNoneMatch>>,
    ) -> Result<Read, Problem> {
        let shown = Shown::asked(week.0, day.0)?;
        let practitioner = UserId(practitioner_id.0.0);
        let (zone, known) = self.desk.availability.one(caller.facility_id, practitioner).await?;
        let known = match known {
            Some(known) => known,
            None => {
                let commands = &self.desk.commands;
                commands
                    .practitioner::<domain::availability::AvailabilityError>(caller.facility_id, practitioner)
                    .await?;
                KnownAvailability::nothing(practitioner)
            }
        };
        let tag = etag(known.version);
        if if_none_match.0.is_some_and(|theirs| theirs.has(known.version)) {
            return Ok(Read::NotModified(tag));
        }
        Ok(Read::Found(Json(AvailabilityDocument::of(known, &zone, Timestamp::now(), shown)), tag))
    }

    /// Set the hours of each week
    ///
    /// From a day on, until others hold; past days stay as they were. Bookings outside the new hours stay booked.
    #[oai(path = "/:practitionerId", method = "put", operation_id = "reviseAvailability")]
    async fn revise(
        &self,
        request: &Request,
        caller: Caller,
        /// Who.
        #[oai(name = "practitionerId")]
        practitioner_id: Path<StrictUuid>,
        /// The version that is to be changed; `"0"` if nothing was ever planned.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<AvailabilityInput>,
    ) -> Result<Changed, Problem> {
        let (command, reason) = input.parse()?;
        let context = command_context(&caller, request, reason.as_ref()).if_match(if_match.0);
        self.change(practitioner_id.0, &command, &context, prefer.0).await
    }

    /// Plan a leave
    ///
    /// If appointments that are still ahead lie in it, the answer is 409 with them, unless `confirm` says that it is meant all
    /// the same: then they are flagged to be rescheduled, until they are, or the leave is cancelled.
    #[oai(path = "/:practitionerId/leave", method = "post", operation_id = "planLeave")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn plan_leave(
        &self,
        request: &Request,
        caller: Caller,
        /// Who.
        #[oai(name = "practitionerId")]
        practitioner_id: Path<StrictUuid>,
        /// Under which the request may be repeated without planning twice.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// Why, if it is to be kept; not an illness.
        #[oai(name = "X-Change-Reason")]
        reason: Header<Option<ChangeReason>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<LeaveInput>,
    ) -> Result<Planned, Problem> {
        let (leave, confirmed) = input.parse()?;
        let reason = reason.0.map(Reason::from);
        let context = command_context(&caller, request, reason.as_ref());
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        let (practitioner, id) = (UserId(practitioner_id.0.0), LeaveId(id_of_new(&context)));
        let outcome = self.desk.commands.plan_leave(practitioner, id, leave, confirmed, &context).await;
        let zone = self.zone(caller.facility_id).await?;
        let plan = match outcome {
            Ok(plan) => plan,
            Err(LeaveRefusal::Touches(touched)) => return Err(touches(&touched, request, &zone)),
            Err(LeaveRefusal::Failed(error)) => return Err(availability_refusal(error)),
        };
        let preference = self.desk.settle(plan.executed.position, prefer.0).await;
        let position = plan.executed.position.map(|position| position.to_string());
        let tag = etag(plan.executed.after.version);
        let appointments = told(&plan.touched, request).map(|touched| TouchedDocument {
            appointment_id: touched.appointment.0,
            period: Period::of(touched.during, &zone),
        });
        let body = PlannedLeaveDocument {
            id: id.0,
            touched: plan.touched.len() as u64,
            appointments: appointments.collect(),
            availability: document(plan.executed, &zone),
        };
        Ok(Planned::Created(Json(body), tag, position, preference))
    }

    /// Cancel a leave
    ///
    /// Its time can be booked again, and appointments that lay in it are flagged no more.
    #[oai(path = "/:practitionerId/leave/:leaveId", method = "delete", operation_id = "cancelLeave")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn cancel_leave(
        &self,
        request: &Request,
        caller: Caller,
        /// Whose.
        #[oai(name = "practitionerId")]
        practitioner_id: Path<StrictUuid>,
        /// Which leave.
        #[oai(name = "leaveId")]
        leave_id: Path<StrictUuid>,
        /// The version of the availability that is to be changed.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// Why.
        #[oai(name = "X-Change-Reason")]
        reason: Header<Option<ChangeReason>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
    ) -> Result<Changed, Problem> {
        let reason = reason.0.map(Reason::from);
        let context = command_context(&caller, request, reason.as_ref()).if_match(if_match.0);
        let command = AvailabilityCommand::CancelLeave { leave_id: LeaveId(leave_id.0.0) };
        self.change(practitioner_id.0, &command, &context, prefer.0).await
    }

    /// Open hours on one day besides the usual ones
    ///
    /// Leave is stronger: hours that lie in one altogether are refused.
    #[oai(path = "/:practitionerId/extra-hours", method = "post", operation_id = "openExtraHours")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn open_extra_hours(
        &self,
        request: &Request,
        caller: Caller,
        /// Who.
        #[oai(name = "practitionerId")]
        practitioner_id: Path<StrictUuid>,
        /// Under which the request may be repeated without opening them twice.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// Why.
        #[oai(name = "X-Change-Reason")]
        reason: Header<Option<ChangeReason>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<ExtraHoursInput>,
    ) -> Result<Opened, Problem> {
        let extra = input.parse()?;
        let reason = reason.0.map(Reason::from);
        let context = command_context(&caller, request, reason.as_ref());
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        let id = id_of_new(&context);
        let command = AvailabilityCommand::OpenExtraHours { extra_id: ExtraHoursId(id), extra };
        let Changed::Now(Json(availability), tag, position, preference) =
            self.change(practitioner_id.0, &command, &context, prefer.0).await?;
        Ok(Opened::Created(Json(OpenedExtraHoursDocument { id, availability }), tag, position, preference))
    }

    /// Close extra hours
    ///
    /// Bookings in them stay booked.
    #[oai(path = "/:practitionerId/extra-hours/:extraHoursId", method = "delete", operation_id = "closeExtraHours")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn close_extra_hours(
        &self,
        request: &Request,
        caller: Caller,
        /// Whose.
        #[oai(name = "practitionerId")]
        practitioner_id: Path<StrictUuid>,
        /// Which hours.
        #[oai(name = "extraHoursId")]
        extra_hours_id: Path<StrictUuid>,
        /// The version of the availability that is to be changed.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// Why.
        #[oai(name = "X-Change-Reason")]
        reason: Header<Option<ChangeReason>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
    ) -> Result<Changed, Problem> {
        let reason = reason.0.map(Reason::from);
        let context = command_context(&caller, request, reason.as_ref()).if_match(if_match.0);
        let command = AvailabilityCommand::CloseExtraHours { extra_id: ExtraHoursId(extra_hours_id.0.0) };
        self.change(practitioner_id.0, &command, &context, prefer.0).await
    }
}

/// 409 with the appointments that a leave would lie over.
fn touches(touched: &[Touched], request: &Request, zone: &TimeZone) -> Problem {
    let conflicts = told(touched, request).map(|touched| Conflict {
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
