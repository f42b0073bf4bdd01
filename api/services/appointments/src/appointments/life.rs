//! What happens to an appointment once it is booked: confirmed, arrived, started, completed; or called off, or missed.

use domain::appointment::AppointmentCommand;
use domain::role::Area;
use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path};
use poem_openapi::types::ToJSON;

use super::answers::Changed;
use super::input::CancellationInput;
use crate::desk::AgendaDesk;
use frame::auth::Caller;
use frame::command::{UnderConditions, command_context};
use frame::conditional::IfMatch;
use frame::parameter::{IdempotencyKey, Prefer, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::Problem;
use frame::strict_json::StrictJson;
use service::Chapter;

/// The operations on the life of an appointment.
pub struct AppointmentLifeApi {
    desk: AgendaDesk,
}

/// The headers of a step.
struct Step<'a> {
    request: &'a Request,
    caller: &'a Caller,
    if_match: Header<Option<IfMatch>>,
    idempotency_key: Header<Option<IdempotencyKey>>,
    prefer: Header<Option<Prefer>>,
}

impl AppointmentLifeApi {
    /// Over this desk.
    pub const fn new(desk: AgendaDesk) -> Self {
        Self { desk }
    }

    /// One step in the life of an appointment. `asked` is the body, by which a repetition is known.
    async fn step(
        &self,
        id: StrictUuid,
        command: AppointmentCommand,
        step: Step<'_>,
        asked: &impl ToJSON,
    ) -> Result<Changed, Problem> {
        let context = command_context(step.caller, step.request, None).if_match(step.if_match.0);
        let context = context.once(step.idempotency_key.0.as_ref(), step.request, asked);
        self.desk.change_appointment(id, &command, &context, step.prefer.0).await
    }
}

/// Declares the operations that take no body: what people call each, its path, its id and its command.
macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident at $path:literal as $id:literal gives $command:expr;)+) => {
        /// What each operation asks of its caller.
        pub(crate) const PERMISSIONS: PermissionTable = &[
            ("cancelAppointment", Permission::Write(Area::Appointments)),
            $(($id, Permission::Write(Area::Appointments)),)+
        ];

        #[OpenApi(prefix_path = "/api/v1/appointments", tag = "Chapter::Appointments")]
        impl AppointmentLifeApi {
            /// Call an appointment off, with a reason
            ///
            /// Its times are free again. As `DELETE` of the appointment, with a body for the reason.
            #[oai(path = "/:id/cancel", method = "post", operation_id = "cancelAppointment")]
            #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
            async fn cancel(
                &self,
                request: &Request,
                caller: Caller,
                /// The appointment.
                id: Path<StrictUuid>,
                /// The version that is to be called off.
                #[oai(name = "If-Match")]
                if_match: Header<Option<IfMatch>>,
                /// Under which the request may be repeated.
                #[oai(name = "Idempotency-Key")]
                idempotency_key: Header<Option<IdempotencyKey>>,
                /// `respond-async` to skip the wait for the read models.
                #[oai(name = "Prefer")]
                prefer: Header<Option<Prefer>>,
                StrictJson(input): StrictJson<CancellationInput>,
            ) -> Result<Changed, Problem> {
                let command = AppointmentCommand::CancelAppointment { reason: input.parse()? };
                let step = Step { request, caller: &caller, if_match, idempotency_key, prefer };
                self.step(id.0, command, step, &input).await
            }

            $(
                $(#[$doc])*
                #[oai(path = $path, method = "post", operation_id = $id)]
                async fn $name(
                    &self,
                    request: &Request,
                    caller: Caller,
                    /// The appointment.
                    id: Path<StrictUuid>,
                    /// The version to which it is to happen.
                    #[oai(name = "If-Match")]
                    if_match: Header<Option<IfMatch>>,
                    /// Under which the request may be repeated.
                    #[oai(name = "Idempotency-Key")]
                    idempotency_key: Header<Option<IdempotencyKey>>,
                    /// `respond-async` to skip the wait for the read models.
                    #[oai(name = "Prefer")]
                    prefer: Header<Option<Prefer>>,
                ) -> Result<Changed, Problem> {
                    let step = Step { request, caller: &caller, if_match, idempotency_key, prefer };
                    self.step(id.0, $command, step, &String::new()).await
                }
            )+
        }
    };
}

steps! {
    /// The patient confirms
    ///
    /// From `scheduled` only: a move asks for confirmation again.
    confirm at "/:id/confirm" as "confirmAppointment" gives AppointmentCommand::ConfirmAppointment;

    /// The patient is here
    arrive at "/:id/arrive" as "reportArrival" gives AppointmentCommand::ReportArrival;

    /// The practitioner begins
    start at "/:id/start" as "startAppointment" gives AppointmentCommand::StartAppointment;

    /// The practitioner has seen the patient
    complete at "/:id/complete" as "completeAppointment" gives AppointmentCommand::CompleteAppointment;

    /// The patient did not come
    ///
    /// Not before it begins. Its times are free again.
    no_show at "/:id/no-show" as "reportAbsence" gives AppointmentCommand::ReportAbsence;
}
