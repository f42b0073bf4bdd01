//! Visits of one patient on one day that belong together.

use commands::{LinkedBooking, OccurrenceRefusal};
use domain::appointment::Appointment;
use domain::ids::{AppointmentId, LinkId, PatientId};
use domain::role::Area;
use domain::scheduling::PracticeTime;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use uuid::Uuid;

use super::documents::AppointmentDocument;
use super::input::LinkedInput;
use super::outcome::document_of;
use super::series::refusal_of;
use crate::desk::AgendaDesk;
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Conflict, Problem, ProblemCode, Violation};
use frame::received::Creating;
use frame::shown::{Showing, Shown, Traced};
use frame::strict_json::StrictJson;
use service::Chapter;

/// Visits that were booked together.
#[derive(Debug, Object)]
#[oai(rename = "LinkedAppointments", rename_all = "camelCase")]
pub(super) struct LinkedDocument {
    link_id: Uuid,
    items: Vec<AppointmentDocument>,
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

/// The operation on visits that belong together.
pub struct LinkedApi {
    desk: AgendaDesk,
}

impl LinkedApi {
    /// Over this desk.
    pub const fn new(desk: AgendaDesk) -> Self {
        Self { desk }
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[("bookLinked", Permission::Write(Area::Appointments))];

#[OpenApi(prefix_path = "/api/v1/appointments", tag = "Chapter::Appointments")]
impl LinkedApi {
    /// Book visits that belong together
    ///
    /// Of one patient, on one day: all of them in one go, or none. 409 says what each meets, with the item in `fields`.
    #[oai(path = "/linked", method = "post", operation_id = "bookLinked")]
    async fn linked(
        &self,
        asked: Creating,
        StrictJson(input): StrictJson<LinkedInput>,
    ) -> Result<Traced<Linked>, Problem> {
        let time = self.desk.practice_time(asked.facility_id).await?;
        let visits = input.visits(&time.zone)?;
        let reason = visits.iter().find_map(|(.., terms)| terms.reason.clone());
        let context = asked.context(reason.as_ref(), &input);
        let (link_id, patient_id) = (LinkId(Uuid::now_v7()), PatientId(input.patient_id.0));
        let booking = LinkedBooking { link_id, patient_id, visits };
        let outcome = self.desk.commands.book_linked(&booking, &context).await;
        let outcome = outcome.map_err(|error| self.desk.appointment_refusal(error, &time))?;
        let (Some(position), Ok(ids)) =
            (outcome.position, outcome.visits.iter().cloned().collect::<Result<Vec<_>, _>>())
        else {
            return Err(refusal_of_items(outcome.visits, &time));
        };
        let (position, preference) = self.desk.settle(Some(position), &asked).await.into_headers();
        let shown = Shown::all_of("appointment", ids.iter().map(|id| id.0), patient_id).written();
        let mut items = Vec::with_capacity(ids.len());
        for id in ids {
            let loaded = self.desk.commands.load::<Appointment>(asked.facility_id, id.0).await?;
            items.push(document_of(id, loaded.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?)?);
        }
        let body = LinkedDocument { link_id: outcome.link_id.0, items };
        Ok(Linked::Created(Json(body), position, preference).showing(shown))
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
