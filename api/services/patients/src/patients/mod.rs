//! Patients: register, read, revise, archive, restore, restrict, list and search, and the history of
//! each.

mod answers;
mod documents;
mod input;
mod list;

use commands::{CommandContext, CommandError, Executed, Registration};
use domain::ids::{FacilityId, PatientId};
use domain::patient::{Patient, PatientCommand, PatientError};
use domain::reservation::KeyKind;
use domain::role::Area;
use domain::values::{PatientStatus, Reason, TextValue};
use event_store_schema::Holder;
use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::ParseFromJSON;
use projections::patients::{PageStart, PatientFilter, patient_history};
use serde_json::value::RawValue;

use self::answers::{Changed, Listed, Read, Registered};
use self::documents::{HistoryDocument, HistoryEntryDocument, PatientDocument};
use self::input::{PatientInput, RestrictionInput};
use self::list::{PatientListDocument, StatusFilter, links};
use crate::desk::PatientsDesk;
use frame::access::{AccessPurpose, AccessReason, Trace};
use frame::auth::Caller;
use frame::command::{ChangeReason, UnderConditions, command_context};
use frame::conditional::{IfMatch, IfNoneMatch, etag};
use frame::pagination::{self, Cursor, PageLimit, PageNumber, PageRequest};
use frame::parameter::{IdempotencyKey, Prefer, SearchText, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Conflict, Problem, ProblemCode};
use frame::strict_json::StrictJson;
use service::Chapter;

/// The operations.
pub struct PatientsApi {
    desk: PatientsDesk,
}

impl PatientsApi {
    /// Over this desk.
    pub const fn new(desk: PatientsDesk) -> Self {
        Self { desk }
    }

    async fn change(
        &self,
        id: StrictUuid,
        command: &PatientCommand,
        context: &CommandContext,
        trace: Trace,
        prefer: Option<Prefer>,
    ) -> Result<Changed, Problem> {
        let outcome = self.desk.commands.change_patient(id.0, command, context).await;
        let executed = match outcome {
            Ok(executed) => executed,
            Err(error) => return Err(self.refusal(error, context.facility_id, trace).await),
        };
        let preference = self.desk.settle(executed.position, prefer).await;
        let position = executed.position.map(|position| position.to_string());
        Ok(Changed::Now(Json(document(&executed)?), etag(executed.after.version), position, preference))
    }

    /// A refusal as a problem; a duplicate with those whom the patient may be, which is a search that shows them.
    async fn refusal(&self, error: CommandError<PatientError>, facility: FacilityId, trace: Trace) -> Problem {
        match error {
            CommandError::Reserved(holders) => {
                let shown = holders.iter().map(|holder| PatientId(holder.stream.id()));
                if let Err(problem) = trace.search(shown).await {
                    return problem;
                }
                let mut conflicts = Vec::with_capacity(holders.len());
                for holder in holders {
                    conflicts.push(self.candidate(holder, facility).await);
                }
                Problem::new(ProblemCode::LikelyDuplicate).conflicting_with(conflicts)
            }
            error => error.into(),
        }
    }

    /// Whom a patient may be. The number is read from the log itself: the read model may not show it yet.
    async fn candidate(&self, holder: Holder, facility: FacilityId) -> Conflict {
        let id = holder.stream.id();
        let candidate = self.desk.commands.load::<Patient>(facility, id).await.ok().flatten();
        let number = candidate.and_then(|loaded| loaded.aggregate.patient_number);
        let by_ins = holder.kind == KeyKind::PatientIns.name();
        let fields: &[&str] = if by_ins { &["ins"] } else { &["lastName", "firstName", "birthDate"] };
        Conflict {
            resource_type: "patient".to_owned(),
            resource_id: Some(id.to_string()),
            reference: number.map(|number| number.as_str().to_owned()),
            rule: if by_ins { "same_ins" } else { "same_identity" }.to_owned(),
            fields: Some(fields.iter().map(|&field| field.to_owned()).collect()),
            period: None,
        }
    }
}

/// The document of the state that a command left.
fn document(executed: &Executed<Patient>) -> Result<PatientDocument, Problem> {
    let Some(recorded) = executed.after.recorded else { return Err(Problem::new(ProblemCode::ResourceNotFound)) };
    let (id, after) = (PatientId(executed.id), &executed.after);
    let document = projections::patient_document(&after.aggregate, id, after.version, recorded.first, recorded.last);
    typed(&document.map_err(|error| Problem::internal(&error))?)
}

/// The document in the form that the OpenAPI document declares, so that the two cannot differ.
fn typed(document: &RawValue) -> Result<PatientDocument, Problem> {
    let document = serde_json::from_str(document.get()).ok();
    PatientDocument::parse_from_json(document).map_err(|error| {
        tracing::error!(error = error.into_message(), "a patient's document has not the declared form");
        Problem::new(ProblemCode::InternalError)
    })
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    ("listPatients", Permission::Read(Area::Patients)),
    ("registerPatient", Permission::Write(Area::Patients)),
    ("readPatient", Permission::Read(Area::Patients)),
    ("revisePatient", Permission::Write(Area::Patients)),
    ("archivePatient", Permission::Write(Area::Patients)),
    ("restorePatient", Permission::Write(Area::Patients)),
    ("restrictPatient", Permission::Write(Area::Patients)),
    ("unrestrictPatient", Permission::Write(Area::Patients)),
    ("readPatientHistory", Permission::Read(Area::Patients)),
];

#[OpenApi(prefix_path = "/api/v1/patients", tag = "Chapter::Patients")]
impl PatientsApi {
    /// List or search patients
    ///
    /// By family name and first name. Each word of `search` must begin a word of the names, the patient number, the
    /// birth date, the telephone number or the e-mail, in any order, without regard to case and accents.
    #[oai(path = "/", method = "get", operation_id = "listPatients")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn list(
        &self,
        request: &Request,
        caller: Caller,
        /// Words to find patients by.
        search: Query<Option<SearchText>>,
        /// Which patients; those whom the practice follows if left out.
        status: Query<Option<StatusFilter>>,
        /// Which page, from 1. Not together with `cursor`.
        page: Query<Option<PageNumber>>,
        /// How many patients on a page.
        limit: Query<Option<PageLimit>>,
        /// The `nextCursor` of the page before. It costs the same on every page.
        cursor: Query<Option<Cursor>>,
        /// For what the patients are looked at.
        #[oai(name = "X-Access-Purpose")]
        purpose: Header<Option<AccessPurpose>>,
        /// Why.
        #[oai(name = "X-Access-Reason")]
        reason: Header<Option<AccessReason>>,
    ) -> Result<Listed, Problem> {
        let asked = PageRequest::new(page.0, limit.0, cursor.0)?;
        let status = status.0.unwrap_or(StatusFilter::Active);
        let filter = PatientFilter {
            status: match status {
                StatusFilter::Active => Some(PatientStatus::Active),
                StatusFilter::Inactive => Some(PatientStatus::Inactive),
                StatusFilter::All => None,
            },
            search: search.0.as_ref().map(|search| search.as_str().to_owned()),
        };
        let start = match &asked.start {
            pagination::PageStart::Number(number) => PageStart::Number(number.0),
            pagination::PageStart::Cursor(cursor) => PageStart::After(cursor.position()?),
        };
        let found = self.desk.patients.list(caller.facility_id, &filter, &start, asked.limit.0).await?;
        let trace = self.desk.trace(&caller, request).declared(purpose.0, reason.0);
        trace.search(found.items.iter().map(|patient| patient.id)).await?;
        let next = found.next.as_ref().and_then(Cursor::of);
        let link = links(&asked, search.0.as_ref(), status, &found, next.as_ref());
        Ok(Listed::Page(Json(PatientListDocument::new(found, next)?), link))
    }

    /// Register a patient
    ///
    /// A likely duplicate is refused with 409 and the candidates, unless `confirmDistinct` is given with a reason.
    #[oai(path = "/", method = "post", operation_id = "registerPatient")]
    async fn register(
        &self,
        request: &Request,
        caller: Caller,
        /// Under which the request may be repeated without registering twice.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<PatientInput>,
    ) -> Result<Registered, Problem> {
        let parsed = input.parse()?;
        let context = command_context(&caller, request, parsed.reason.as_ref());
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        let registration =
            Registration { details: parsed.details, confirm_distinct: parsed.confirm_distinct, reason: parsed.reason };
        let executed = match self.desk.commands.register_patient(&registration, &context).await {
            Ok(executed) => executed,
            Err(error) => {
                return Err(self.refusal(error, caller.facility_id, self.desk.trace(&caller, request)).await);
            }
        };
        let preference = self.desk.settle(executed.position, prefer.0).await;
        let location = format!("/api/v1/patients/{}", executed.id);
        let position = executed.position.map(|position| position.to_string());
        Ok(Registered::Created(
            Json(document(&executed)?),
            location,
            etag(executed.after.version),
            position,
            preference,
        ))
    }

    /// Read a patient
    #[oai(path = "/:id", method = "get", operation_id = "readPatient")]
    async fn read(
        &self,
        request: &Request,
        caller: Caller,
        /// The patient.
        id: Path<StrictUuid>,
        /// The versions that the client has already.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<IfNoneMatch>>,
        /// For what the patient is looked at.
        #[oai(name = "X-Access-Purpose")]
        purpose: Header<Option<AccessPurpose>>,
        /// Why.
        #[oai(name = "X-Access-Reason")]
        reason: Header<Option<AccessReason>>,
    ) -> Result<Read, Problem> {
        let found = self.desk.patients.get(caller.facility_id, PatientId(id.0.0)).await?;
        let found = found.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        // Also when the client has it already: it is shown again.
        self.desk.trace(&caller, request).declared(purpose.0, reason.0).read(PatientId(id.0.0)).await?;
        let tag = etag(found.version);
        if if_none_match.0.is_some_and(|known| known.has(found.version)) {
            return Ok(Read::NotModified(tag));
        }
        Ok(Read::Found(Json(typed(&found.document)?), tag))
    }

    /// Revise a patient
    ///
    /// Replaces everything that is known: what is left out is known no more. Each part that differs becomes an event of
    /// its own; a correction of the identity needs a reason.
    #[oai(path = "/:id", method = "put", operation_id = "revisePatient")]
    async fn revise(
        &self,
        request: &Request,
        caller: Caller,
        /// The patient.
        id: Path<StrictUuid>,
        /// The version that is to be changed.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<PatientInput>,
    ) -> Result<Changed, Problem> {
        let parsed = input.parse()?;
        let context = command_context(&caller, request, parsed.reason.as_ref()).if_match(if_match.0);
        let command = PatientCommand::RevisePatient {
            details: parsed.details,
            confirm_distinct: parsed.confirm_distinct,
            reason: parsed.reason,
        };
        self.change(id.0, &command, &context, self.desk.trace(&caller, request), prefer.0).await
    }

    /// Archive a patient
    ///
    /// Nothing is lost: the patient leaves the list, and can be restored.
    #[oai(path = "/:id", method = "delete", operation_id = "archivePatient")]
    async fn archive(
        &self,
        request: &Request,
        caller: Caller,
        /// The patient.
        id: Path<StrictUuid>,
        /// The version that is to be archived.
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
        self.change(id.0, &PatientCommand::ArchivePatient, &context, self.desk.trace(&caller, request), prefer.0).await
    }

    /// Restore an archived patient
    #[oai(path = "/:id/restore", method = "post", operation_id = "restorePatient")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn restore(
        &self,
        request: &Request,
        caller: Caller,
        /// The patient.
        id: Path<StrictUuid>,
        /// The version that is to be restored.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// Under which the request may be repeated.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// Why.
        #[oai(name = "X-Change-Reason")]
        reason: Header<Option<ChangeReason>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
    ) -> Result<Changed, Problem> {
        let reason = reason.0.map(Reason::from);
        let asked = reason.as_ref().map(|reason| reason.as_str().to_owned()).unwrap_or_default();
        let context = command_context(&caller, request, reason.as_ref()).if_match(if_match.0);
        let context = context.once(idempotency_key.0.as_ref(), request, &asked);
        self.change(id.0, &PatientCommand::RestorePatient, &context, self.desk.trace(&caller, request), prefer.0).await
    }

    /// Restrict a patient's file
    ///
    /// Of a colleague, or of somebody well known: from then on, the clinical part is opened for a declared reason only, and
    /// the compliance officer is told of it.
    #[oai(path = "/:id/restrict", method = "post", operation_id = "restrictPatient")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn restrict(
        &self,
        request: &Request,
        caller: Caller,
        /// The patient.
        id: Path<StrictUuid>,
        /// The version that is to be restricted.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// Under which the request may be repeated.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<RestrictionInput>,
    ) -> Result<Changed, Problem> {
        let reason = input.parse()?;
        let context = command_context(&caller, request, Some(&reason)).if_match(if_match.0);
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        let command = PatientCommand::RestrictPatient { reason: Some(reason) };
        self.change(id.0, &command, &context, self.desk.trace(&caller, request), prefer.0).await
    }

    /// Lift the restriction of a patient's file
    #[oai(path = "/:id/unrestrict", method = "post", operation_id = "unrestrictPatient")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn unrestrict(
        &self,
        request: &Request,
        caller: Caller,
        /// The patient.
        id: Path<StrictUuid>,
        /// The version of which the restriction is to be lifted.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// Under which the request may be repeated.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<RestrictionInput>,
    ) -> Result<Changed, Problem> {
        let reason = input.parse()?;
        let context = command_context(&caller, request, Some(&reason)).if_match(if_match.0);
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        let command = PatientCommand::UnrestrictPatient { reason: Some(reason) };
        self.change(id.0, &command, &context, self.desk.trace(&caller, request), prefer.0).await
    }

    /// The history of a patient
    ///
    /// Every version, from the first: who made it, when, why, and what it changed from what to what.
    #[oai(path = "/:id/history", method = "get", operation_id = "readPatientHistory")]
    async fn history(
        &self,
        request: &Request,
        caller: Caller,
        /// The patient.
        id: Path<StrictUuid>,
        /// For what the history is looked at.
        #[oai(name = "X-Access-Purpose")]
        purpose: Header<Option<AccessPurpose>>,
        /// Why.
        #[oai(name = "X-Access-Reason")]
        reason: Header<Option<AccessReason>>,
    ) -> Result<Json<HistoryDocument>, Problem> {
        let log = self.desk.commands.log();
        let history = patient_history(log, Some(caller.facility_id), PatientId(id.0.0)).await?;
        let history = history.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        let trace = self.desk.trace(&caller, request).declared(purpose.0, reason.0);
        trace.read_of("patient_history", Some(id.0.0), Some(PatientId(id.0.0))).await?;
        Ok(Json(HistoryDocument { items: history.into_iter().map(HistoryEntryDocument::from).collect() }))
    }
}
