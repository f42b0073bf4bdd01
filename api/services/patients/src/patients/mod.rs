//! Patients: register, read, revise, archive, restore, restrict, list and search, and the history of
//! each.

mod documents;
mod input;
mod list;

use commands::{CommandContext, CommandError, Executed, Registration};
use domain::ids::{FacilityId, PatientId};
use domain::patient::{Patient, PatientCommand, PatientError};
use domain::reservation::KeyKind;
use domain::role::Area;
use domain::values::{PatientStatus, TextValue};
use event_store_schema::Holder;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use projections::patients::{PageStart, PatientFilter, patient_history};

use self::documents::{HistoryDocument, HistoryEntryDocument, PatientDocument};
use self::input::{PatientInput, RestrictionInput};
use self::list::{PatientListDocument, StatusFilter, links};
use crate::desk::PatientsDesk;
use frame::answers::{Changed, Created, Listed, Read};
use frame::command::ChangeReason;
use frame::conditional::IfMatch;
use frame::pagination::{self, Cursor, PageLimit, PageNumber, PageRequest};
use frame::parameter::{IdempotencyKey, Prefer, SearchText, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Conflict, Problem, ProblemCode};
use frame::received::{Asked, Changing, ChangingFor, Creating, Looking, NO_BODY, Reading, Received, Stepping};
use frame::shown::{Showing, Shown, Traced};
use frame::strict_json::StrictJson;
use frame::written_json::WrittenJson;
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
        id: Path<StrictUuid>,
        command: &PatientCommand,
        context: &CommandContext,
        received: &Received,
    ) -> Result<Traced<Changed<PatientDocument>>, Problem> {
        let executed = match self.desk.commands.change_patient(id.0.0, command, context).await {
            Ok(executed) => executed,
            Err(error) => return Err(self.refusal(error, context.facility_id).await),
        };
        let settled = self.desk.settle(executed.position, received).await;
        let shown = Shown::patient(PatientId(executed.id)).written();
        Ok(Changed::now(document(&executed)?, executed.after.version, settled).showing(shown))
    }

    /// A refusal as a problem; a duplicate with those whom the patient may be, which is a search that shows them.
    async fn refusal(&self, error: CommandError<PatientError>, facility: FacilityId) -> Problem {
        match error {
            CommandError::Reserved(holders) => {
                let shown = Shown::search(holders.iter().map(|holder| PatientId(holder.stream.id())));
                let mut conflicts = Vec::with_capacity(holders.len());
                for holder in holders {
                    conflicts.push(self.candidate(holder, facility).await);
                }
                Problem::new(ProblemCode::LikelyDuplicate).conflicting_with(conflicts).showing(shown)
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

/// The document of the state that a command left, as the read model will hold it.
fn document(executed: &Executed<Patient>) -> Result<WrittenJson<PatientDocument>, Problem> {
    let Some(recorded) = executed.after.recorded else { return Err(Problem::new(ProblemCode::ResourceNotFound)) };
    let (id, after) = (PatientId(executed.id), &executed.after);
    let document = projections::patient_document(&after.aggregate, id, after.version, recorded.first, recorded.last);
    document.map(WrittenJson::stored).map_err(|error| Problem::internal(&error))
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
        asked: Looking,
    ) -> Result<Traced<Listed<PatientListDocument>>, Problem> {
        let request = PageRequest::new(page.0, limit.0, cursor.0)?;
        let status = status.0.unwrap_or(StatusFilter::Active);
        let filter = PatientFilter {
            status: match status {
                StatusFilter::Active => Some(PatientStatus::Active),
                StatusFilter::Inactive => Some(PatientStatus::Inactive),
                StatusFilter::All => None,
            },
            search: search.0.as_ref().map(|search| search.as_str().to_owned()),
        };
        let start = match &request.start {
            pagination::PageStart::Number(number) => PageStart::Number(number.0),
            pagination::PageStart::Cursor(cursor) => PageStart::After(cursor.position()?),
        };
        let found = self.desk.patients.list(asked.facility_id, &filter, &start, request.limit.0).await?;
        let next = found.next.as_ref().and_then(Cursor::of);
        let link = links(&request, search.0.as_ref(), status, &found, next.as_ref());
        let shown = Shown::search(found.items.iter().map(|patient| patient.id));
        Ok(Listed::page(PatientListDocument::written(&found, next.as_ref())?, link).showing(shown))
    }

    /// Register a patient
    ///
    /// A likely duplicate is refused with 409 and the candidates, unless `confirmDistinct` is given with a reason.
    #[oai(path = "/", method = "post", operation_id = "registerPatient")]
    async fn register(
        &self,
        asked: Creating,
        StrictJson(input): StrictJson<PatientInput>,
    ) -> Result<Traced<Created<PatientDocument>>, Problem> {
        let parsed = input.parse()?;
        let context = asked.context(parsed.reason.as_ref(), &input);
        let registration =
            Registration { details: parsed.details, confirm_distinct: parsed.confirm_distinct, reason: parsed.reason };
        let executed = match self.desk.commands.register_patient(&registration, &context).await {
            Ok(executed) => executed,
            Err(error) => return Err(self.refusal(error, asked.facility_id).await),
        };
        let settled = self.desk.settle(executed.position, &asked).await;
        let path = format!("/api/v1/patients/{}", executed.id);
        let shown = Shown::patient(PatientId(executed.id)).written();
        Ok(Created::at(path, document(&executed)?, executed.after.version, settled).showing(shown))
    }

    /// Read a patient
    #[oai(path = "/:id", method = "get", operation_id = "readPatient")]
    async fn read(
        &self,
        /// The patient.
        id: Path<StrictUuid>,
        asked: Reading,
    ) -> Result<Traced<Read<PatientDocument>>, Problem> {
        let id = PatientId(id.0.0);
        let found = self.desk.patients.get(asked.facility_id, id).await?;
        let found = found.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        let answer = Read::of(&asked, found.version, || Ok(WrittenJson::stored(found.document)))?;
        Ok(answer.showing(Shown::patient(id)))
    }

    /// Revise a patient
    ///
    /// Replaces everything that is known: what is left out is known no more. Each part that differs becomes an event of
    /// its own; a correction of the identity needs a reason.
    #[oai(path = "/:id", method = "put", operation_id = "revisePatient")]
    async fn revise(
        &self,
        /// The patient.
        id: Path<StrictUuid>,
        asked: Changing,
        StrictJson(input): StrictJson<PatientInput>,
    ) -> Result<Traced<Changed<PatientDocument>>, Problem> {
        let parsed = input.parse()?;
        let context = asked.context(parsed.reason.as_ref(), &input);
        let command = PatientCommand::RevisePatient {
            details: parsed.details,
            confirm_distinct: parsed.confirm_distinct,
            reason: parsed.reason,
        };
        self.change(id, &command, &context, &asked).await
    }

    /// Archive a patient
    ///
    /// Nothing is lost: the patient leaves the list, and can be restored.
    #[oai(path = "/:id", method = "delete", operation_id = "archivePatient")]
    async fn archive(
        &self,
        /// The patient.
        id: Path<StrictUuid>,
        asked: ChangingFor,
    ) -> Result<Traced<Changed<PatientDocument>>, Problem> {
        let context = asked.context(asked.change_reason().as_ref(), &NO_BODY);
        self.change(id, &PatientCommand::ArchivePatient, &context, &asked).await
    }

    /// Restore an archived patient
    #[oai(path = "/:id/restore", method = "post", operation_id = "restorePatient")]
    async fn restore(
        &self,
        /// The patient.
        id: Path<StrictUuid>,
        asked: Asked<(IfMatch, IdempotencyKey, ChangeReason, Prefer)>,
    ) -> Result<Traced<Changed<PatientDocument>>, Problem> {
        let reason = asked.change_reason();
        let body = reason.as_ref().map(|reason| reason.as_str().to_owned()).unwrap_or_default();
        let context = asked.context(reason.as_ref(), &body);
        self.change(id, &PatientCommand::RestorePatient, &context, &asked).await
    }

    /// Restrict a patient's file
    ///
    /// Of a colleague, or of somebody well known: from then on, the clinical part is opened for a declared reason only, and
    /// the compliance officer is told of it.
    #[oai(path = "/:id/restrict", method = "post", operation_id = "restrictPatient")]
    async fn restrict(
        &self,
        /// The patient.
        id: Path<StrictUuid>,
        asked: Stepping,
        StrictJson(input): StrictJson<RestrictionInput>,
    ) -> Result<Traced<Changed<PatientDocument>>, Problem> {
        let reason = input.parse()?;
        let context = asked.context(Some(&reason), &input);
        self.change(id, &PatientCommand::RestrictPatient { reason: Some(reason) }, &context, &asked).await
    }

    /// Lift the restriction of a patient's file
    #[oai(path = "/:id/unrestrict", method = "post", operation_id = "unrestrictPatient")]
    async fn unrestrict(
        &self,
        /// The patient.
        id: Path<StrictUuid>,
        asked: Stepping,
        StrictJson(input): StrictJson<RestrictionInput>,
    ) -> Result<Traced<Changed<PatientDocument>>, Problem> {
        let reason = input.parse()?;
        let context = asked.context(Some(&reason), &input);
        self.change(id, &PatientCommand::UnrestrictPatient { reason: Some(reason) }, &context, &asked).await
    }

    /// The history of a patient
    ///
    /// Every version, from the first: who made it, when, why, and what it changed from what to what.
    #[oai(path = "/:id/history", method = "get", operation_id = "readPatientHistory")]
    async fn history(
        &self,
        /// The patient.
        id: Path<StrictUuid>,
        asked: Looking,
    ) -> Result<Traced<Json<HistoryDocument>>, Problem> {
        let (log, patient) = (self.desk.commands.log(), PatientId(id.0.0));
        let history = patient_history(log, Some(asked.facility_id), patient).await?;
        let history = history.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        let document = HistoryDocument { items: history.into_iter().map(HistoryEntryDocument::from).collect() };
        Ok(Json(document).showing(Shown::of("patient_history", Some(id.0.0), Some(patient))))
    }
}

#[cfg(test)]
mod tests;
