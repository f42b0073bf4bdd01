//! What was called off, or reported missed, by mistake.

use domain::ids::AppointmentId;
use domain::role::Area;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;

use super::documents::AppointmentDocument;
use super::input::RestorationInput;
use crate::desk::AgendaDesk;
use frame::answers::Changed;
use frame::parameter::StrictUuid;
use frame::permissions::{Permission, PermissionTable};
use frame::problem::Problem;
use frame::received::Stepping;
use frame::shown::Traced;
use frame::strict_json::StrictJson;
use service::Chapter;

/// The operation that restores an appointment.
pub struct RestoreApi {
    desk: AgendaDesk,
}

impl RestoreApi {
    /// Over this desk.
    pub const fn new(desk: AgendaDesk) -> Self {
        Self { desk }
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[("restoreAppointment", Permission::Write(Area::Appointments))];

#[OpenApi(prefix_path = "/api/v1/appointments", tag = "Chapter::Appointments")]
impl RestoreApi {
    /// Restore an appointment
    ///
    /// That was called off, or reported missed, by mistake: it takes its times again, checked as a booking is.
    #[oai(path = "/:id/restore", method = "post", operation_id = "restoreAppointment")]
    async fn restore(
        &self,
        /// The appointment.
        id: Path<StrictUuid>,
        asked: Stepping,
        StrictJson(input): StrictJson<RestorationInput>,
    ) -> Result<Traced<Changed<AppointmentDocument>>, Problem> {
        let terms = input.parse()?;
        let time = self.desk.practice_time(asked.facility_id).await?;
        let context = asked.context(terms.reason.as_ref(), &input);
        let outcome = self.desk.commands.restore_appointment(AppointmentId(id.0.0), terms, &context).await;
        let executed = outcome.map_err(|error| self.desk.appointment_refusal(error, &time))?;
        self.desk.appointment_changed(executed, &asked).await
    }
}
