//! Who looked at whose data: the trail of accesses, by patient, by member of staff and by time. Looking at the trail is
//! an access itself, and is traced like every other.

use domain::ids::{PatientId, UserId};
use domain::role::Area;
use event_store_schema::{AccessFilter, AccessPage, RecordedAccess};
use jiff::Timestamp;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::desk::PatientsDesk;
use frame::moment::Moment;
use frame::pagination::{Cursor, PageLimit};
use frame::parameter::StrictUuid;
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
use frame::received::{Looking, Received};
use frame::shown::{Showing, Shown, Traced};
use service::Chapter;

/// The operations.
pub struct AuditApi {
    desk: PatientsDesk,
}

/// One access to somebody's data.
#[derive(Debug, Object)]
#[oai(rename = "RecordedAccess", rename_all = "camelCase", skip_serializing_if_is_none)]
struct AccessDocument {
    /// Its place in the trail.
    position: u64,
    /// When it was recorded (RFC 3339).
    at: String,
    /// The member of staff.
    actor_id: Uuid,
    /// As what.
    role: Option<String>,
    session_id: Option<Uuid>,
    /// From where.
    client_address: Option<String>,
    /// By which request, as in its `X-Request-Id`.
    request_id: Option<String>,
    /// `read`, `search`, `print`, `push` (a live screen), `break_glass`, or `write` (a refused try).
    deed: String,
    /// What was looked at, such as `patient` or `patient_history`.
    resource_type: String,
    resource_id: Option<Uuid>,
    /// Whose data it holds.
    patient_id: Option<Uuid>,
    /// For what: a code of HL7's PurposeOfUse.
    purpose: String,
    /// Why, in the words of whoever looked.
    reason: Option<String>,
    /// `granted` or `refused`.
    result: String,
}

impl From<RecordedAccess> for AccessDocument {
    fn from(access: RecordedAccess) -> Self {
        Self {
            position: access.position.get(),
            at: access.at.to_string(),
            actor_id: access.actor.0,
            role: access.role,
            session_id: access.session_id,
            client_address: access.client_address.map(|address| address.to_string()),
            request_id: access.request_id,
            deed: access.deed,
            resource_type: access.resource_type,
            resource_id: access.resource_id,
            patient_id: access.patient_id.map(|patient| patient.0),
            purpose: access.purpose,
            reason: access.reason,
            result: access.verdict,
        }
    }
}

/// A page of the trail, newest first.
#[derive(Debug, Object)]
#[oai(rename = "AccessLog", rename_all = "camelCase", skip_serializing_if_is_none)]
struct AccessLogDocument {
    items: Vec<AccessDocument>,
    /// The `cursor` of the next page, if there is one.
    next_cursor: Option<String>,
}

impl From<AccessPage> for AccessLogDocument {
    fn from(page: AccessPage) -> Self {
        let next = page.next.as_ref().and_then(Cursor::of);
        Self {
            items: page.items.into_iter().map(AccessDocument::from).collect(),
            next_cursor: next.map(|cursor| cursor.as_str().to_owned()),
        }
    }
}

impl AuditApi {
    /// Over this desk.
    pub const fn new(desk: PatientsDesk) -> Self {
        Self { desk }
    }

    async fn page(
        &self,
        received: &Received,
        filter: &AccessFilter,
        cursor: Option<&Cursor>,
        limit: Option<PageLimit>,
    ) -> Result<Traced<Json<AccessLogDocument>>, Problem> {
        let after = cursor.map(Cursor::position).transpose()?;
        let page = self.desk.trail.page(received.facility_id, filter, after, limit.unwrap_or_default().0).await?;
        Ok(Json(AccessLogDocument::from(page)).showing(Shown::of("access_log", None, filter.patient)))
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable =
    &[("readPatientAccessLog", Permission::Read(Area::Audit)), ("listAccesses", Permission::Read(Area::Audit))];

#[OpenApi(prefix_path = "/api/v1", tag = "Chapter::Audit")]
impl AuditApi {
    /// Who saw this patient?
    ///
    /// Every access to the patient's data, the refused ones as well, newest first.
    #[oai(path = "/patients/:id/access-log", method = "get", operation_id = "readPatientAccessLog")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn of_patient(
        &self,
        /// The patient.
        id: Path<StrictUuid>,
        /// Only accesses from this moment on.
        from: Query<Option<Moment>>,
        /// Only accesses before this moment.
        to: Query<Option<Moment>>,
        /// How many accesses on a page.
        limit: Query<Option<PageLimit>>,
        /// The `nextCursor` of the page before.
        cursor: Query<Option<Cursor>>,
        asked: Looking,
    ) -> Result<Traced<Json<AccessLogDocument>>, Problem> {
        let patient = PatientId(id.0.0);
        let known = self.desk.patients.get(asked.facility_id, patient).await?;
        known.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        let filter = AccessFilter { patient: Some(patient), actor: None, from: moment(from), to: moment(to) };
        self.page(&asked, &filter, cursor.0.as_ref(), limit.0).await
    }

    /// Who looked at what?
    ///
    /// Every access in the practice, newest first; of one patient, of one member of staff, or of a stretch of time.
    #[oai(path = "/audit/access", method = "get", operation_id = "listAccesses")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn list(
        &self,
        /// Only accesses to this patient's data.
        #[oai(name = "patientId")]
        patient_id: Query<Option<StrictUuid>>,
        /// Only accesses of this member of staff.
        #[oai(name = "actorId")]
        actor_id: Query<Option<StrictUuid>>,
        /// Only accesses from this moment on.
        from: Query<Option<Moment>>,
        /// Only accesses before this moment.
        to: Query<Option<Moment>>,
        /// How many accesses on a page.
        limit: Query<Option<PageLimit>>,
        /// The `nextCursor` of the page before.
        cursor: Query<Option<Cursor>>,
        asked: Looking,
    ) -> Result<Traced<Json<AccessLogDocument>>, Problem> {
        let filter = AccessFilter {
            patient: patient_id.0.map(|id| PatientId(id.0)),
            actor: actor_id.0.map(|id| UserId(id.0)),
            from: moment(from),
            to: moment(to),
        };
        self.page(&asked, &filter, cursor.0.as_ref(), limit.0).await
    }
}

fn moment(parameter: Query<Option<Moment>>) -> Option<Timestamp> {
    parameter.0.map(|moment| moment.0)
}

#[cfg(test)]
mod tests {
    use frame::parameter::TextParameter;

    use super::*;

    #[test]
    fn a_moment_has_an_offset_and_no_name_of_a_time_zone() {
        for text in ["2026-03-01T08:00:00Z", "2026-03-01T09:00:00.123456789+01:00"] {
            assert!(Moment::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "2026-03-01",
            "2026-03-01T08:00:00",
            "2026-03-01T08:00:00+01:00[Europe/Paris]",
            "now",
            "20260301T080000Z",
            "2026-03-01 08:00:00Z",
        ] {
            assert!(Moment::parse(text).is_err(), "{text}");
        }
    }
}
