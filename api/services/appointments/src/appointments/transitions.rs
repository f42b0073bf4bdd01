//! What happens to an appointment once it is booked: confirmed, arrived, started, completed; or called off, or missed.

use domain::appointment::AppointmentCommand;
use domain::role::Area;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;

use super::documents::AppointmentDocument;
use super::input::CancellationInput;
use crate::desk::AgendaDesk;
use frame::answers::Changed;
use frame::parameter::StrictUuid;
use frame::permissions::{Permission, PermissionTable};
use frame::problem::Problem;
use frame::received::{NO_BODY, Stepping};
use frame::shown::Traced;
use frame::strict_json::StrictJson;
use service::Chapter;

/// The operations that lead an appointment from one status to the next.
pub struct TransitionsApi {
    desk: AgendaDesk,
}

impl TransitionsApi {
    /// Over this desk.
    pub const fn new(desk: AgendaDesk) -> Self {
        Self { desk }
    }
}

/// Declares the operations that take no body: what people call each, its path, its id and its command.
macro_rules! transitions {
    ($($(#[$doc:meta])* $name:ident at $path:literal as $id:literal gives $command:expr;)+) => {
        /// What each operation asks of its caller.
        pub(crate) const PERMISSIONS: PermissionTable = &[
            ("cancelAppointment", Permission::Write(Area::Appointments)),
            $(($id, Permission::Write(Area::Appointments)),)+
        ];

        #[OpenApi(prefix_path = "/api/v1/appointments", tag = "Chapter::Appointments")]
        impl TransitionsApi {
            /// Call an appointment off, with a reason
            ///
            /// Its times are free again. As `DELETE` of the appointment, with a body for the reason.
            #[oai(path = "/:id/cancel", method = "post", operation_id = "cancelAppointment")]
            async fn cancel(
                &self,
                /// The appointment.
                id: Path<StrictUuid>,
                asked: Stepping,
                StrictJson(input): StrictJson<CancellationInput>,
            ) -> Result<Traced<Changed<AppointmentDocument>>, Problem> {
                let command = AppointmentCommand::CancelAppointment { reason: input.parse()? };
                let context = asked.context(None, &input);
                self.desk.change_appointment(id, &command, &context, &asked).await
            }

            $(
                $(#[$doc])*
                #[oai(path = $path, method = "post", operation_id = $id)]
                async fn $name(
                    &self,
                    /// The appointment.
                    id: Path<StrictUuid>,
                    asked: Stepping,
                ) -> Result<Traced<Changed<AppointmentDocument>>, Problem> {
                    let context = asked.context(None, &NO_BODY);
                    self.desk.change_appointment(id, &$command, &context, &asked).await
                }
            )+
        }
    };
}

transitions! {
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
