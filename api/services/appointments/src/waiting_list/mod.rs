//! The waiting list: who wants a time sooner than there is one ([`WaitingListApi`]), and what is offered to them
//! ([`WaitingOffersApi`]). That time which frees up is offered by itself is the work of [`policies::waiting_list`].

mod answers;
mod documents;
mod input;
pub(crate) mod offers;

use commands::{CommandError, Executed};
use domain::ids::{FacilityId, PatientId, UserId, WaitingId};
use domain::role::Area;
use domain::scheduling::PracticeTime;
use domain::values::{CodeValue, Reason};
use domain::waiting::{WaitingCommand, WaitingEntry, WaitingError, WaitingStatus};
use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use projections::waiting_list::{WaitingFilter, WaitingPageStart};

use self::answers::{Changed, Joined, ListDocument, Listed, Read};
use self::documents::EntryDocument;
use self::input::{JoinInput, WishInput};
pub use self::offers::WaitingOffersApi;
use crate::desk::AgendaDesk;
use frame::access::{AccessPurpose, AccessReason};
use frame::auth::Caller;
use frame::command::{ChangeReason, UnderConditions, command_context, id_of_new};
use frame::conditional::{IfMatch, IfNoneMatch, content_tag, etag};
use frame::pagination::{Cursor, Links, PageLimit, PageNumber, PageRequest, PageStart};
use frame::parameter::{IdempotencyKey, Prefer, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
use frame::strict_json::StrictJson;
use frame::unparsed_code::UnparsedCode;
use service::{Chapter, patient_names};

/// The operations on places of the list.
pub struct WaitingListApi {
    desk: AgendaDesk,
}

/// What the operations on the waiting list share.
impl AgendaDesk {
    async fn waiting_time(&self, facility: FacilityId) -> Result<PracticeTime, Problem> {
        Ok(self.commands.practice_time::<WaitingError>(facility).await?)
    }

    /// The answer to a command on a place that is there.
    async fn waiting_changed(
        &self,
        facility: FacilityId,
        outcome: Result<Executed<WaitingEntry>, CommandError<WaitingError>>,
        prefer: Option<Prefer>,
    ) -> Result<Changed, Problem> {
        let executed = outcome?;
        let preference = self.settle(executed.position, prefer).await;
        let position = executed.position.map(|position| position.to_string());
        let tag = etag(executed.after.version);
        let time = self.waiting_time(facility).await?;
        Ok(Changed::Now(Json(document(&executed, &time)?), tag, position, preference))
    }
}

/// The document of the state that a command left.
fn document(executed: &Executed<WaitingEntry>, time: &PracticeTime) -> Result<EntryDocument, Problem> {
    let after = &executed.after;
    let written = after.recorded.map(|recorded| (recorded.first, recorded.last));
    written
        .and_then(|written| {
            EntryDocument::of(WaitingId(executed.id), &after.aggregate, after.version, written, &time.zone)
        })
        .ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))
}

impl WaitingListApi {
    /// Over this desk.
    pub const fn new(desk: AgendaDesk) -> Self {
        Self { desk }
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    ("listWaitingList", Permission::Read(Area::Appointments)),
    ("joinWaitingList", Permission::Write(Area::Appointments)),
    ("readWaitingListEntry", Permission::Read(Area::Appointments)),
    ("reviseWaitingListEntry", Permission::Write(Area::Appointments)),
    ("leaveWaitingList", Permission::Write(Area::Appointments)),
];

#[OpenApi(prefix_path = "/api/v1/waiting-list", tag = "Chapter::WaitingList")]
impl WaitingListApi {
    /// Who waits?
    ///
    /// First in line first: by how pressing it is, and then by who came first.
    #[oai(path = "/", method = "get", operation_id = "listWaitingList")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn list(
        &self,
        request: &Request,
        caller: Caller,
        /// Those of this status; those who wait for something still if left out.
        status: Query<Option<UnparsedCode<WaitingStatus>>>,
        /// Those who name this practitioner.
        #[oai(name = "practitionerId")]
        practitioner_id: Query<Option<StrictUuid>>,
        /// This patient's.
        #[oai(name = "patientId")]
        patient_id: Query<Option<StrictUuid>>,
        /// Which page, from 1. Not together with `cursor`.
        page: Query<Option<PageNumber>>,
        /// How many on a page.
        limit: Query<Option<PageLimit>>,
        /// The `nextCursor` of the page before. It costs the same on every page.
        cursor: Query<Option<Cursor>>,
        /// The pages that the client has already.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<IfNoneMatch>>,
        /// For what the patients are looked at.
        #[oai(name = "X-Access-Purpose")]
        purpose: Header<Option<AccessPurpose>>,
        /// Why.
        #[oai(name = "X-Access-Reason")]
        reason: Header<Option<AccessReason>>,
    ) -> Result<Listed, Problem> {
        let asked = PageRequest::new(page.0, limit.0, cursor.0)?;
        let status_code = status.0.as_ref().map(|status| status.parameter("status")).transpose()?;
        let filter = WaitingFilter {
            statuses: status_code.into_iter().collect(),
            patient: patient_id.0.map(|id| PatientId(id.0)),
            practitioner: practitioner_id.0.map(|id| UserId(id.0)),
        };
        let start = match &asked.start {
            PageStart::Number(number) => WaitingPageStart::Number(number.0),
            PageStart::Cursor(cursor) => WaitingPageStart::After(cursor.position()?),
        };
        let facility = caller.facility_id;
        let found = self.desk.waiting.list(facility, &filter, &start, asked.limit.0).await?;
        let time = self.desk.waiting_time(facility).await?;
        let trace = self.desk.trace(&caller, request).declared(purpose.0, reason.0);
        let patients = found.items.iter().filter_map(|view| view.entry.patient_id);
        let names = patient_names(&self.desk.patients, request, trace, facility, patients).await?;
        let items = found.items.iter().filter_map(|view| {
            let name = view.entry.patient_id.and_then(|id| names.get(&id).cloned());
            EntryDocument::line(view, name, &time.zone)
        });
        let next = found.next.as_ref().and_then(Cursor::of);
        let body = ListDocument {
            items: items.collect(),
            total: found.total,
            next_cursor: next.as_ref().map(|cursor| cursor.as_str().to_owned()),
        };
        let content = content_tag(&body);
        let tag = format!("\"{content}\"");
        if if_none_match.0.is_some_and(|known| known.has_tag(&content)) {
            return Ok(Listed::NotModified(tag));
        }
        let mut shared = vec![("limit", asked.limit.0.to_string())];
        shared.extend(status_code.map(|status| ("status", status.code().to_owned())));
        shared.extend(practitioner_id.0.map(|id| ("practitionerId", id.0.to_string())));
        shared.extend(patient_id.0.map(|id| ("patientId", id.0.to_string())));
        let links = Links::new("/api/v1/waiting-list", shared).around(&asked, Some(found.total), next.as_ref());
        Ok(Listed::Page(Json(body), tag, links.header()))
    }

    /// Put a patient on the waiting list
    ///
    /// Time that frees up and that they wait for is offered to them by itself, to whoever is first in line. An offer keeps
    /// nobody from booking.
    #[oai(path = "/", method = "post", operation_id = "joinWaitingList")]
    async fn join(
        &self,
        request: &Request,
        caller: Caller,
        /// Under which the request may be repeated.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<JoinInput>,
    ) -> Result<Joined, Problem> {
        let (wish, texts) = input.parse()?;
        let context = command_context(&caller, request, None);
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        let (id, patient) = (WaitingId(id_of_new(&context)), PatientId(input.patient_id.0));
        let executed = self.desk.commands.join_waiting_list(id, patient, wish, texts, &context).await?;
        let preference = self.desk.settle(executed.position, prefer.0).await;
        let location = format!("/api/v1/waiting-list/{}", executed.id);
        let position = executed.position.map(|position| position.to_string());
        let (tag, time) = (etag(executed.after.version), self.desk.waiting_time(caller.facility_id).await?);
        Ok(Joined::Created(Json(document(&executed, &time)?), location, tag, position, preference))
    }

    /// Read a place on the waiting list
    #[oai(path = "/:id", method = "get", operation_id = "readWaitingListEntry")]
    async fn read(
        &self,
        request: &Request,
        caller: Caller,
        /// The place.
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
        let found = self.desk.waiting.get(caller.facility_id, WaitingId(id.0.0)).await?;
        let found = found.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        // Also when the client has it already: it is shown again.
        let trace = self.desk.trace(&caller, request).declared(purpose.0, reason.0);
        trace.read_of("waiting_list_entry", Some(id.0.0), found.entry.patient_id).await?;
        let tag = etag(found.version);
        if if_none_match.0.is_some_and(|known| known.has(found.version)) {
            return Ok(Read::NotModified(tag));
        }
        let time = self.desk.waiting_time(caller.facility_id).await?;
        let written = (found.created_at, found.updated_at);
        let document = EntryDocument::of(found.id, &found.entry, found.version, written, &time.zone);
        Ok(Read::Found(Json(document.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?), tag))
    }

    /// Change what somebody waits for
    ///
    /// Replaces everything: what is left out is known no more. The place in the line stays.
    #[oai(path = "/:id", method = "put", operation_id = "reviseWaitingListEntry")]
    async fn revise(
        &self,
        request: &Request,
        caller: Caller,
        /// The place.
        id: Path<StrictUuid>,
        /// The version that is to be changed.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<WishInput>,
    ) -> Result<Changed, Problem> {
        let (wish, texts) = input.parse()?;
        let context = command_context(&caller, request, None).if_match(if_match.0);
        let outcome = self.desk.commands.change_wish(WaitingId(id.0.0), wish, texts, &context).await;
        self.desk.waiting_changed(caller.facility_id, outcome, prefer.0).await
    }

    /// Take a patient off the waiting list
    ///
    /// What is offered to them at that moment is offered to somebody else.
    #[oai(path = "/:id", method = "delete", operation_id = "leaveWaitingList")]
    async fn leave(
        &self,
        request: &Request,
        caller: Caller,
        /// The place.
        id: Path<StrictUuid>,
        /// The version that is to be taken off.
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
        let command = WaitingCommand::LeaveWaitingList { by_patient: false };
        let outcome = self.desk.commands.change_waiting(WaitingId(id.0.0), &command, &context).await;
        self.desk.waiting_changed(caller.facility_id, outcome, prefer.0).await
    }
}
