//! The trace of what was refused to a known user for want of a permission or a reason: somebody tried.

use domain::ids::PatientId;
use event_store_schema::{AccessTrail, AccessedObject, Deed, Verdict};
use poem::http::Method;
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};
use uuid::Uuid;

use super::access::{Circumstances, Trace};
use super::auth::Caller;
use super::problem::{Problem, ProblemCode};

/// What stands at the beginning of a path, and what a refused try there was about.
const TRACED: [(&str, &str); 4] = [
    ("/api/v1/patients", "patient"),
    ("/api/v1/appointments", "appointment"),
    ("/api/v1/audit", "access_log"),
    ("/api/v1/waiting-list", "waiting_list_entry"),
];

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

/// Who is known to have made a request that failed: put on the error where the caller is verified.
#[derive(Clone)]
pub struct RefusedCaller(pub Caller);

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
        if let (true, Some(attempt), Some(RefusedCaller(caller))) = (refused, attempt, error.data()) {
            attempt.record(caller).await;
        }
        Err(error)
    }
}

/// What is known of a request before it is looked at.
struct Attempt {
    trail: AccessTrail,
    resource_type: &'static str,
    object: AccessedObject,
    deed: Deed,
    circumstances: Circumstances,
}

impl Attempt {
    fn of(trail: &AccessTrail, request: &Request) -> Option<Self> {
        let path = request.uri().path();
        let (resource_type, rest) =
            TRACED.into_iter().find_map(|(prefix, name)| Some((name, path.strip_prefix(prefix)?)))?;
        let first = rest.strip_prefix('/').and_then(|rest| rest.split('/').next());
        let named = first.and_then(|segment| Uuid::try_parse(segment).ok());
        let object = match resource_type {
            "patient" => named.map(|id| AccessedObject::patient(PatientId(id))).unwrap_or_default(),
            // Whose it is, nobody has looked up.
            _ => AccessedObject { resource_id: named, patient_id: None },
        };
        Some(Self {
            trail: trail.clone(),
            resource_type,
            object,
            deed: if matches!(*request.method(), Method::GET | Method::HEAD) { Deed::Read } else { Deed::Write },
            circumstances: Circumstances::declared(request),
        })
    }

    /// A refusal stays one when it cannot be traced: nothing was shown.
    async fn record(self, caller: &Caller) {
        let trace = Trace::under(self.circumstances, &self.trail, caller);
        let access = trace.access(self.deed, self.resource_type, Verdict::Refused, vec![self.object]);
        if let Err(error) = self.trail.record(access).await {
            tracing::warn!(%error, "a refused access is not traced");
        }
    }
}
