//! The trace of who looked at whose data. An operation says with its answer what it [shows](super::shown), and
//! [`super::routes`] writes the trace before the answer leaves. What was refused is traced by [`super::refusals`].
//!
//! A caller says for what in `X-Access-Purpose` and why in `X-Access-Reason`. Some things are not shown without:
//! [`Declaration::needed`] says which.

use std::net::IpAddr;

use domain::event::Actor;
use domain::ids::{FacilityId, PatientId};
use domain::role::{Area, Role};
use domain::values::{Reason, TextValue};
use event_store_schema::{Access, AccessTrail, AccessedObject, Deed, Purpose, TrailError, Verdict};
use poem::Request;
use poem_openapi::registry::MetaSchema;
use serde_json::json;
use uuid::Uuid;

use super::auth::Caller;
use super::client_address::ClientAddress;
use super::command::{LONGEST_ENCODED, parse_encoded_reason};
use super::declared_headers::RequestHeader;
use super::parameter::TextParameter;
use super::problem::{Problem, ProblemCode, Violation};
use super::request_id::RequestId;
use super::shown::Seen;
use crate::text_parameter;

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

impl RequestHeader for AccessReason {
    const HEADER: &'static str = "X-Access-Reason";
    const MEANING: &'static str = "Why it is looked at.";
}

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

impl RequestHeader for AccessPurpose {
    const HEADER: &'static str = "X-Access-Purpose";
    const MEANING: &'static str = "For what it is looked at.";
}

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

/// Whether what an operation with read access to this area answers is traced: the area holds what is known of patients, or
/// who looked at it.
pub(super) const fn is_traced(area: Area) -> bool {
    match area {
        Area::Patients | Area::Appointments | Area::MedicalRecords | Area::Prescriptions | Area::Documents => true,
        Area::Consents | Area::Audit | Area::Exports => true,
        Area::Availability | Area::Users => false,
    }
}

/// Under what circumstances a request is made: all that a trace says of it but for the caller.
#[derive(Default)]
pub(super) struct Circumstances {
    client_address: Option<IpAddr>,
    request_id: Option<String>,
    purpose: Option<Purpose>,
    reason: Option<Reason>,
}

impl Circumstances {
    /// Those of this request, which declares nothing.
    pub(super) fn undeclared(request: &Request) -> Self {
        let request_id = RequestId::of_request(request).map(str::to_owned);
        Self { client_address: ClientAddress::of(request), request_id, purpose: None, reason: None }
    }

    /// Those of this request, with what its headers declare. Headers that cannot be read declare nothing: the operation
    /// refuses them.
    pub(super) fn declared(request: &Request) -> Self {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        Self {
            purpose: header(AccessPurpose::HEADER).and_then(Purpose::named),
            reason: header(AccessReason::HEADER).and_then(|text| AccessReason::parse(text).ok()).map(|reason| reason.0),
            ..Self::undeclared(request)
        }
    }
}

/// A trace before it is known what it is of.
#[must_use = "nothing is traced until it is known what is shown"]
pub struct Trace {
    trail: AccessTrail,
    facility_id: FacilityId,
    actor: Actor,
    role: Role,
    circumstances: Circumstances,
}

impl Trace {
    /// Of this caller's request, which declares nothing.
    pub fn new(trail: &AccessTrail, caller: &Caller, request: &Request) -> Self {
        Self::under(Circumstances::undeclared(request), trail, caller)
    }

    /// Of this caller, under these circumstances.
    pub(super) fn under(circumstances: Circumstances, trail: &AccessTrail, caller: &Caller) -> Self {
        let trail = trail.clone();
        Self { trail, facility_id: caller.facility_id, actor: caller.actor(), role: caller.role, circumstances }
    }

    /// Writes what is shown, on the conditions of [`Declaration::needed`]: 403 names the headers that are missing, and that
    /// try is traced like every refusal. `area` is the one that the operation gives access to.
    pub(super) async fn shown(self, area: Option<Area>, mut seen: Seen) -> Result<(), Problem> {
        let needed = area.map_or(Declaration::None, |area| Declaration::needed(self.role, area, seen.restricted));
        let missing = |header: &str| Violation::new(header, "required", "The header is required.");
        let reason = self.circumstances.reason.is_none().then(|| missing(AccessReason::HEADER));
        let purpose = self.circumstances.purpose.is_none().then(|| missing(AccessPurpose::HEADER));
        let violations: Vec<Violation> = match needed {
            Declaration::None => Vec::new(),
            Declaration::Reason => reason.into_iter().collect(),
            Declaration::BreakGlass => reason.into_iter().chain(purpose).collect(),
        };
        if !violations.is_empty() {
            return Err(Problem::new(ProblemCode::AccessReasonRequired).violating(violations));
        }
        if needed == Declaration::BreakGlass {
            seen.deed = Deed::BreakGlass;
        }
        self.granted(seen).await
    }

    /// The clinical part of a restricted patient is opened: the data protection officers of the practice are told at once.
    /// Without a declared purpose it is `BTG`.
    pub async fn break_glass(
        mut self,
        resource_type: &'static str,
        resource_id: Option<Uuid>,
        patient: PatientId,
    ) -> Result<(), Problem> {
        self.circumstances.purpose.get_or_insert(Purpose::BreakTheGlass);
        let objects = vec![AccessedObject { resource_id, patient_id: Some(patient) }];
        self.granted(Seen { deed: Deed::BreakGlass, resource_type, objects, restricted: true }).await
    }

    async fn granted(self, seen: Seen) -> Result<(), Problem> {
        let trail = self.trail.clone();
        let Seen { deed, resource_type, objects, restricted: _ } = seen;
        Ok(trail.record(self.access(deed, resource_type, Verdict::Granted, objects)).await?)
    }

    pub(super) fn access(
        self,
        deed: Deed,
        resource_type: &'static str,
        verdict: Verdict,
        objects: Vec<AccessedObject>,
    ) -> Access {
        let Circumstances { client_address, request_id, purpose, reason } = self.circumstances;
        Access {
            facility_id: self.facility_id,
            actor: self.actor,
            client_address,
            request_id,
            deed,
            resource_type,
            purpose: purpose.unwrap_or(usual_purpose(self.role)),
            reason: reason.map(|reason| reason.as_str().to_owned()),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::ids::UserId;
    use event_store_schema::Database;

    use accounts::member::Member;

    use super::*;
    use crate::shown::Shown;

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
        let show = async |purpose: Option<&str>, reason: Option<&str>| {
            let mut request = Request::builder();
            for (name, text) in [(AccessPurpose::HEADER, purpose), (AccessReason::HEADER, reason)] {
                request = text.into_iter().fold(request, |request, text| request.header(name, text));
            }
            let trace = Trace::under(Circumstances::declared(&request.finish()), &trail, &caller);
            let patient = PatientId(Uuid::from_u128(4));
            let shown = Shown::of("medical_record", None, Some(patient)).restricted(true);
            let outcome = trace.shown(Some(Area::MedicalRecords), shown.into_seen().unwrap()).await;
            let problem = outcome.unwrap_err();
            let fields: Vec<String> = problem.violations().iter().map(|violation| violation.field.clone()).collect();
            (problem.code(), fields)
        };
        let required = ProblemCode::AccessReasonRequired;
        let missing = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>();
        assert_eq!(show(None, None).await, (required, missing(&[AccessReason::HEADER, AccessPurpose::HEADER])));
        assert_eq!(show(Some("BTG"), None).await, (required, missing(&[AccessReason::HEADER])));
        assert_eq!(show(None, Some("Urgence")).await, (required, missing(&[AccessPurpose::HEADER])));
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
