//! The trace of what was refused to a known user for want of a permission or a reason: somebody tried.

use domain::ids::PatientId;
use domain::role::Area;
use event_store_schema::{AccessTrail, AccessedObject, Deed, Verdict};
use poem::http::Method;
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};
use uuid::Uuid;

use super::access::{Circumstances, Trace};
use super::auth::Caller;
use super::problem::{Problem, ProblemCode};

/// What a refused try was about: what stands at the beginning of its path, or else the area that it asked for.
fn resource_type(path: &str, area: Option<Area>) -> &'static str {
    const BY_PATH: [(&str, &str); 10] = [
        ("/api/v1/patients", PATIENT),
        ("/api/v1/appointments", "appointment"),
        ("/api/v1/audit", "access_log"),
        ("/api/v1/waiting-list", "waiting_list_entry"),
        ("/api/v1/users", "user"),
        ("/api/v1/practitioners", "practitioner"),
        ("/api/v1/facilities", "facility"),
        ("/api/v1/availability", "availability"),
        ("/api/v1/notifications", "notification"),
        ("/api/v1/auth", "account"),
    ];
    let by_path = BY_PATH.into_iter().find(|(prefix, _)| path.starts_with(prefix));
    by_path.map(|(_, name)| name).unwrap_or(match area {
        Some(Area::MedicalRecords) => "medical_record",
        Some(Area::Prescriptions) => "prescription",
        Some(Area::Documents) => "document",
        Some(Area::Consents) => "consent",
        Some(Area::Exports) => "export",
        Some(Area::Patients) => PATIENT,
        Some(Area::Appointments) => "appointment",
        Some(Area::Audit) => "access_log",
        Some(Area::Availability) => "availability",
        Some(Area::Users) => "user",
        None => "operation",
    })
}

const PATIENT: &str = "patient";

/// Traces what was refused to a known user for want of a permission or a reason: somebody tried.
#[derive(Clone)]
pub struct RefusalsTraced(pub Option<AccessTrail>);

impl<E: Endpoint> Middleware<E> for RefusalsTraced {
    type Output = RefusalsTracedEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        RefusalsTracedEndpoint { inner, trail: self.0.clone() }
    }
}

/// The endpoint of [`RefusalsTraced`].
pub struct RefusalsTracedEndpoint<E> {
    inner: E,
    trail: Option<AccessTrail>,
}

/// Who is known to have made a request that failed, and which area it asked for: put on the error where the caller is
/// verified.
#[derive(Clone)]
pub struct RefusedCaller {
    /// Who.
    pub caller: Caller,
    /// None if the operation is about no area.
    pub area: Option<Area>,
}

impl<E: Endpoint> Endpoint for RefusalsTracedEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let attempt = self.trail.as_ref().and_then(|trail| Attempt::of(trail, &request));
        let error = match self.inner.call(request).await {
            Ok(response) => return Ok(response.into_response()),
            Err(error) => error,
        };
        let refused = error.downcast_ref::<Problem>().is_some_and(|problem| {
            matches!(problem.code(), ProblemCode::PermissionDenied | ProblemCode::AccessReasonRequired)
        });
        if let (true, Some(attempt), Some(refused)) = (refused, attempt, error.data::<RefusedCaller>()) {
            attempt.record(refused).await;
        }
        Err(error)
    }
}

/// What is known of a request before it is looked at.
struct Attempt {
    trail: AccessTrail,
    path: String,
    deed: Deed,
    circumstances: Circumstances,
}

impl Attempt {
    fn of(trail: &AccessTrail, request: &Request) -> Option<Self> {
        // As the router reads it: an identifier may be percent-encoded.
        let path = percent_encoding::percent_decode_str(request.uri().path()).decode_utf8().ok()?;
        path.starts_with("/api/v1/").then(|| Self {
            trail: trail.clone(),
            path: path.into_owned(),
            deed: if matches!(*request.method(), Method::GET | Method::HEAD) { Deed::Read } else { Deed::Write },
            circumstances: Circumstances::declared(request),
        })
    }

    /// A refusal stays one when it cannot be traced: nothing was shown.
    async fn record(self, RefusedCaller { caller, area }: &RefusedCaller) {
        let resource_type = resource_type(&self.path, *area);
        // The segment behind `/api/v1/<resource>/`.
        let named = self.path.split('/').nth(4).and_then(|segment| Uuid::try_parse(segment).ok());
        let object = match resource_type {
            PATIENT => named.map(|id| AccessedObject::patient(PatientId(id))).unwrap_or_default(),
            // Whose it is, nobody has looked up.
            _ => AccessedObject { resource_id: named, patient_id: None },
        };
        let trace = Trace::under(self.circumstances, &self.trail, caller);
        let access = trace.access(self.deed, resource_type, Verdict::Refused, vec![object]);
        if let Err(error) = self.trail.record(access).await {
            tracing::warn!(%error, "a refused access is not traced");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_try_is_about_what_its_path_names_or_else_its_area() {
        for (path, area, about) in [
            ("/api/v1/patients/1/access-log", Some(Area::Audit), "patient"),
            ("/api/v1/waiting-list", Some(Area::Appointments), "waiting_list_entry"),
            ("/api/v1/notifications", Some(Area::Appointments), "notification"),
            ("/api/v1/users", Some(Area::Users), "user"),
            ("/api/v1/facilities/current/settings", Some(Area::Users), "facility"),
            ("/api/v1/auth/sessions", None, "account"),
            ("/api/v1/anything", Some(Area::MedicalRecords), "medical_record"),
            ("/api/v1/anything", None, "operation"),
        ] {
            assert_eq!(resource_type(path, area), about, "{path}");
        }
    }
}
