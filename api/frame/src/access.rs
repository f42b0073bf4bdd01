//! The trace of who looked at whose data, as operations write it: `state.trace(&caller, request).read(…).await?` before
//! the answer, so that nothing is shown that is not in the trail. What was refused is traced by [`RefusalsTraced`], for all
//! operations alike.
//!
//! Who asks says for what in `X-Access-Purpose` and why in `X-Access-Reason`. Some things are not shown without:
//! [`Declaration::needed`] says which.

use domain::event::Actor;
use domain::ids::{FacilityId, PatientId};
use domain::role::{Area, Role};
use domain::values::{Reason, TextValue};
use event_store_schema::{Access, AccessTrail, AccessedObject, Deed, Purpose, TrailError, Verdict};
use poem::http::Method;
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};
use poem_openapi::registry::MetaSchema;
use serde_json::json;
use uuid::Uuid;

use super::auth::Caller;
use super::client_address::ClientAddress;
use super::command::{LONGEST_ENCODED, parse_encoded_reason};
use super::parameter::TextParameter;
use super::problem::{Problem, ProblemCode, Violation};
use super::request_id::RequestId;
use crate::text_parameter;

/// The header of the purpose.
const PURPOSE_HEADER: &str = "X-Access-Purpose";
/// The header of the reason.
const REASON_HEADER: &str = "X-Access-Reason";

/// Why something is looked at (`X-Access-Reason`): percent-encoded UTF-8.
#[derive(Clone, Debug)]
pub struct AccessReason(Reason);

impl TextParameter for AccessReason {
    const NAME: &'static str = "access_reason";

    fn schema() -> MetaSchema {
        MetaSchema {
            description: Some(
                "Why, as percent-encoded UTF-8. It must not identify the patient: it stays in the trail of accesses for good.",
            ),
            example: Some(json!("Rempla%C3%A7ant%20de%20garde")),
            min_length: Some(1),
            max_length: Some(LONGEST_ENCODED),
            pattern: Some("^([A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})+$".to_owned()),
            ..MetaSchema::new("string")
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        parse_encoded_reason(text).map(Self)
    }
}

text_parameter!(AccessReason);

/// For what something is looked at (`X-Access-Purpose`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessPurpose(Purpose);

impl TextParameter for AccessPurpose {
    const NAME: &'static str = "access_purpose";

    fn schema() -> MetaSchema {
        MetaSchema {
            description: Some(
                "For what: a code of HL7's PurposeOfUse. Left out, it is what the role is there for: treatment (TREAT), \
                 administration (PATADMIN) or compliance (HCOMPL).",
            ),
            enum_items: Purpose::ALL.iter().map(|purpose| json!(purpose.name())).collect(),
            ..MetaSchema::new("string")
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let listed = || Purpose::ALL.iter().map(|purpose| purpose.name()).collect::<Vec<_>>().join(", ");
        Purpose::named(text).map(Self).ok_or_else(|| format!("Must be one of: {}.", listed()))
    }
}

text_parameter!(AccessPurpose);

/// What a role looks at data for, unless somebody says otherwise.
const fn usual_purpose(role: Role) -> Purpose {
    match role {
        Role::Doctor | Role::Nurse | Role::Secretary => Purpose::Treatment,
        Role::Admin => Purpose::PatientAdministration,
        Role::Auditor | Role::Dpo => Purpose::Compliance,
    }
}

/// What somebody has to declare before they are shown something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declaration {
    /// Nothing.
    None,
    /// A reason.
    Reason,
    /// A reason and a purpose; the data protection officer is told of it at once.
    BreakGlass,
}

impl Declaration {
    /// What this role has to declare to see this area of a patient's data.
    pub const fn needed(role: Role, area: Area, restricted: bool) -> Self {
        match area {
            Area::MedicalRecords | Area::Prescriptions | Area::Documents if restricted => Self::BreakGlass,
            // Auditors look at what was done; whom it was done to they see for a reason only.
            Area::MedicalRecords | Area::Prescriptions | Area::Documents if matches!(role, Role::Auditor) => {
                Self::Reason
            }
            Area::MedicalRecords | Area::Prescriptions | Area::Documents => Self::None,
            Area::Patients | Area::Appointments | Area::Availability | Area::Consents => Self::None,
            Area::Users | Area::Audit | Area::Exports => Self::None,
        }
    }
}

/// What will be written of one request, once it is known what it sees.
#[must_use = "nothing is traced until `read`, `search` or another deed"]
pub struct Trace {
    trail: AccessTrail,
    facility_id: FacilityId,
    actor: Actor,
    role: Role,
    client_address: Option<std::net::IpAddr>,
    request_id: Option<String>,
    purpose: Option<Purpose>,
    reason: Option<Reason>,
}

impl Trace {
    /// Of this caller's request.
    pub fn new(trail: &AccessTrail, caller: &Caller, request: &Request) -> Self {
        Self {
            trail: trail.clone(),
            facility_id: caller.facility_id,
            actor: caller.actor(),
            role: caller.role,
            client_address: ClientAddress::of(request),
            request_id: RequestId::of_request(request).map(str::to_owned),
            purpose: None,
            reason: None,
        }
    }

    /// With what the caller declares.
    pub fn declared(mut self, purpose: Option<AccessPurpose>, reason: Option<AccessReason>) -> Self {
        self.purpose = purpose.map(|purpose| purpose.0);
        self.reason = reason.map(|reason| reason.0);
        self
    }

    /// The patient's own record is shown.
    pub async fn read(self, patient: PatientId) -> Result<(), Problem> {
        self.granted(Deed::Read, "patient", vec![AccessedObject::patient(patient)]).await
    }

    /// Something else about a patient is shown: `resource_type` in small letters and underscores.
    pub async fn read_of(
        self,
        resource_type: &'static str,
        resource_id: Option<Uuid>,
        patient: Option<PatientId>,
    ) -> Result<(), Problem> {
        self.granted(Deed::Read, resource_type, vec![AccessedObject { resource_id, patient_id: patient }]).await
    }

    /// A list or a search shows these patients.
    pub async fn search(self, patients: impl IntoIterator<Item = PatientId>) -> Result<(), Problem> {
        self.granted(Deed::Search, "patient", patients.into_iter().map(AccessedObject::patient).collect()).await
    }

    /// Something about a patient is printed.
    pub async fn print(
        self,
        resource_type: &'static str,
        resource_id: Uuid,
        patient: PatientId,
    ) -> Result<(), Problem> {
        let object = AccessedObject { resource_id: Some(resource_id), patient_id: Some(patient) };
        self.granted(Deed::Print, resource_type, vec![object]).await
    }

    /// Something of an area is shown, on the conditions of [`Declaration::needed`]: 403 names the headers that are missing,
    /// and that try is traced like every refusal. `restricted` is the patient's own mark.
    pub async fn read_clinical(
        self,
        area: Area,
        resource_type: &'static str,
        resource_id: Option<Uuid>,
        patient: PatientId,
        restricted: bool,
    ) -> Result<(), Problem> {
        let missing = |header: &str| Violation::new(header, "required", "The header is required.");
        let reason = self.reason.is_none().then(|| missing(REASON_HEADER));
        let purpose = self.purpose.is_none().then(|| missing(PURPOSE_HEADER));
        let needed = Declaration::needed(self.role, area, restricted);
        let violations: Vec<Violation> = match needed {
            Declaration::None => Vec::new(),
            Declaration::Reason => reason.into_iter().collect(),
            Declaration::BreakGlass => reason.into_iter().chain(purpose).collect(),
        };
        if !violations.is_empty() {
            return Err(Problem::new(ProblemCode::AccessReasonRequired).violating(violations));
        }
        match needed {
            Declaration::BreakGlass => self.break_glass(resource_type, resource_id, patient).await,
            Declaration::None | Declaration::Reason => self.read_of(resource_type, resource_id, Some(patient)).await,
        }
    }

    /// The clinical part of a restricted patient is opened: the data protection officers of the practice are told at once.
    /// Without a declared purpose it is `BTG`.
    pub async fn break_glass(
        mut self,
        resource_type: &'static str,
        resource_id: Option<Uuid>,
        patient: PatientId,
    ) -> Result<(), Problem> {
        self.purpose.get_or_insert(Purpose::BreakTheGlass);
        let object = AccessedObject { resource_id, patient_id: Some(patient) };
        self.granted(Deed::BreakGlass, resource_type, vec![object]).await
    }

    async fn granted(
        self,
        deed: Deed,
        resource_type: &'static str,
        objects: Vec<AccessedObject>,
    ) -> Result<(), Problem> {
        let trail = self.trail.clone();
        Ok(trail.record(self.access(deed, resource_type, Verdict::Granted, objects)).await?)
    }

    fn access(self, deed: Deed, resource_type: &'static str, verdict: Verdict, objects: Vec<AccessedObject>) -> Access {
        Access {
            facility_id: self.facility_id,
            actor: self.actor,
            client_address: self.client_address,
            request_id: self.request_id,
            deed,
            resource_type,
            purpose: self.purpose.unwrap_or(usual_purpose(self.role)),
            reason: self.reason.map(|reason| reason.as_str().to_owned()),
            verdict,
            objects,
        }
    }
}

impl From<TrailError> for Problem {
    fn from(error: TrailError) -> Self {
        let late = "What cannot be traced is not shown, and the trail of accesses does not answer.";
        match error {
            TrailError::Overloaded => {
                Self::new(ProblemCode::Overloaded).because("Too many accesses wait to be traced.")
            }
            TrailError::Unavailable => Self::new(ProblemCode::NotReady).because(late),
            TrailError::Database(error) if error.is_outage() => {
                tracing::warn!(%error, "accesses cannot be traced");
                Self::new(ProblemCode::NotReady).because(late)
            }
            TrailError::Database(error) => Self::internal(&*error),
            TrailError::Malformed(_) => Self::internal(&error),
        }
    }
}

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
    client_address: Option<std::net::IpAddr>,
    request_id: Option<String>,
    purpose: Option<Purpose>,
    reason: Option<Reason>,
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
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        Some(Self {
            trail: trail.clone(),
            resource_type,
            object,
            deed: if matches!(*request.method(), Method::GET | Method::HEAD) { Deed::Read } else { Deed::Write },
            client_address: ClientAddress::of(request),
            request_id: RequestId::of_request(request).map(str::to_owned),
            purpose: header(PURPOSE_HEADER).and_then(Purpose::named),
            reason: header(REASON_HEADER).and_then(|text| parse_encoded_reason(text).ok()),
        })
    }

    /// A refusal stays one when it cannot be traced: nothing was shown.
    async fn record(self, caller: &Caller) {
        let trace = Trace {
            trail: self.trail.clone(),
            facility_id: caller.facility_id,
            actor: caller.actor(),
            role: caller.role,
            client_address: self.client_address,
            request_id: self.request_id,
            purpose: self.purpose,
            reason: self.reason,
        };
        let access = trace.access(self.deed, self.resource_type, Verdict::Refused, vec![self.object]);
        if let Err(error) = self.trail.record(access).await {
            tracing::warn!(%error, "a refused access is not traced");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::ids::UserId;
    use event_store_schema::Database;

    use accounts::member::Member;

    use super::*;

    #[test]
    fn the_clinical_part_of_a_restricted_patient_needs_a_reason_and_a_purpose() {
        for area in Area::ALL {
            let clinical = matches!(area, Area::MedicalRecords | Area::Prescriptions | Area::Documents);
            for role in Role::ALL {
                let open = if clinical && role == Role::Auditor { Declaration::Reason } else { Declaration::None };
                assert_eq!(Declaration::needed(role, area, false), open, "{role:?} {area:?}");
                let restricted = if clinical { Declaration::BreakGlass } else { Declaration::None };
                assert_eq!(Declaration::needed(role, area, true), restricted, "{role:?} {area:?}");
            }
        }
    }

    /// The trail's database is nowhere, so whatever comes as far as the trail is not shown either.
    #[tokio::test]
    async fn a_restricted_record_is_not_shown_undeclared_and_not_untraced() {
        let nowhere = Database::connect("postgres://nobody@127.0.0.1:1/none", 1).unwrap();
        let trail = AccessTrail::open(nowhere, Duration::from_millis(200));
        let caller = Caller(Member {
            user_id: UserId(Uuid::from_u128(1)),
            facility_id: FacilityId(Uuid::from_u128(2)),
            role: Role::Doctor,
            session_id: Uuid::from_u128(3),
        });
        let request = Request::default();
        let show = async |purpose: Option<&str>, reason: Option<&str>| {
            let purpose = purpose.map(|text| AccessPurpose::parse(text).unwrap());
            let reason = reason.map(|text| AccessReason::parse(text).unwrap());
            let trace = Trace::new(&trail, &caller, &request).declared(purpose, reason);
            let patient = PatientId(Uuid::from_u128(4));
            let outcome = trace.read_clinical(Area::MedicalRecords, "medical_record", None, patient, true).await;
            let problem = outcome.unwrap_err();
            let fields: Vec<String> = problem.violations().iter().map(|violation| violation.field.clone()).collect();
            (problem.code(), fields)
        };
        let required = ProblemCode::AccessReasonRequired;
        let missing = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>();
        assert_eq!(show(None, None).await, (required, missing(&[REASON_HEADER, PURPOSE_HEADER])));
        assert_eq!(show(Some("BTG"), None).await, (required, missing(&[REASON_HEADER])));
        assert_eq!(show(None, Some("Urgence")).await, (required, missing(&[PURPOSE_HEADER])));
        assert_eq!(show(Some("ETREAT"), Some("Urgence")).await, (ProblemCode::NotReady, Vec::new()));
    }

    #[test]
    fn a_purpose_is_a_code_of_the_list() {
        assert_eq!(AccessPurpose::parse("BTG"), Ok(AccessPurpose(Purpose::BreakTheGlass)));
        for text in ["", "btg", "CURIOSITY"] {
            assert!(AccessPurpose::parse(text).is_err(), "{text}");
        }
    }
}
