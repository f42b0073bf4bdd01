//! The waiting list: who wants a time sooner than there is one ([`WaitingListApi`]), and what is offered to them
//! ([`WaitingOffersApi`]). That time which frees up is offered by itself is the work of [`policies::waiting_list`].

mod documents;
mod input;
pub(crate) mod offers;

use commands::{CommandError, Executed};
use domain::ids::{FacilityId, PatientId, UserId, WaitingId};
use domain::role::Area;
use domain::scheduling::PracticeTime;
use domain::values::CodeValue;
use domain::waiting_list::{WaitingCommand, WaitingEntry, WaitingError, WaitingStatus};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use projections::waiting_list::{WaitingFilter, WaitingPageStart};

use self::documents::{EntryDocument, ListDocument};
use self::input::{JoinInput, WishInput};
pub use self::offers::WaitingOffersApi;
use crate::desk::AgendaDesk;
use frame::answers::{Changed, Created, Read, TaggedList};
use frame::command::id_of_new;
use frame::pagination::{Cursor, Links, PageLimit, PageNumber, PageRequest, PageStart};
use frame::parameter::StrictUuid;
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
use frame::received::{Changing, ChangingFor, Creating, NO_BODY, Reading, Received};
use frame::shown::{Showing, Shown, Traced};
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
        outcome: Result<Executed<WaitingEntry>, CommandError<WaitingError>>,
        received: &Received,
    ) -> Result<Traced<Changed<EntryDocument>>, Problem> {
        let executed = outcome?;
        let settled = self.settle(executed.position, received).await;
        let time = self.waiting_time(received.facility_id).await?;
        Ok(Changed::now(document(&executed, &time)?, executed.after.version, settled).showing(shown(&executed)))
    }
}

/// What is shown of the patient by the state that a command left.
fn shown(executed: &Executed<WaitingEntry>) -> Shown {
    Shown::of("waiting_list_entry", Some(executed.id), executed.after.aggregate.patient_id).written()
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
        asked: Reading,
    ) -> Result<Traced<TaggedList<ListDocument>>, Problem> {
        let request = PageRequest::new(page.0, limit.0, cursor.0)?;
        let status_code = status.0.as_ref().map(|status| status.parameter("status")).transpose()?;
        let filter = WaitingFilter {
            statuses: status_code.into_iter().collect(),
            patient: patient_id.0.map(|id| PatientId(id.0)),
            practitioner: practitioner_id.0.map(|id| UserId(id.0)),
        };
        let start = match &request.start {
            PageStart::Number(number) => WaitingPageStart::Number(number.0),
            PageStart::Cursor(cursor) => WaitingPageStart::After(cursor.position()?),
        };
        let facility = asked.facility_id;
        let found = self.desk.waiting.list(facility, &filter, &start, request.limit.0).await?;
        let time = self.desk.waiting_time(facility).await?;
        let patients = found.items.iter().filter_map(|view| view.entry.patient_id);
        let (names, shown) = patient_names(&self.desk.patients, &asked, patients).await?;
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
        let mut shared = vec![("limit", request.limit.0.to_string())];
        shared.extend(status_code.map(|status| ("status", status.code().to_owned())));
        shared.extend(practitioner_id.0.map(|id| ("practitionerId", id.0.to_string())));
        shared.extend(patient_id.0.map(|id| ("patientId", id.0.to_string())));
        let links = Links::new("/api/v1/waiting-list", shared).around(&request, Some(found.total), next.as_ref());
        Ok(TaggedList::page(&asked, body, links.header()).showing(shown))
    }

    /// Put a patient on the waiting list
    ///
    /// Time that frees up and that they wait for is offered to them by itself, to whoever is first in line. An offer keeps
    /// nobody from booking.
    #[oai(path = "/", method = "post", operation_id = "joinWaitingList")]
    async fn join(
        &self,
        asked: Creating,
        StrictJson(input): StrictJson<JoinInput>,
    ) -> Result<Traced<Created<EntryDocument>>, Problem> {
        let (wish, texts) = input.parse()?;
        let context = asked.context(None, &input);
        let (id, patient) = (WaitingId(id_of_new(&context)), PatientId(input.patient_id.0));
        let executed = self.desk.commands.join_waiting_list(id, patient, wish, texts, &context).await?;
        let settled = self.desk.settle(executed.position, &asked).await;
        let time = self.desk.waiting_time(asked.facility_id).await?;
        let path = format!("/api/v1/waiting-list/{}", executed.id);
        Ok(Created::at(path, document(&executed, &time)?, executed.after.version, settled).showing(shown(&executed)))
    }

    /// Read a place on the waiting list
    #[oai(path = "/:id", method = "get", operation_id = "readWaitingListEntry")]
    async fn read(
        &self,
        /// The place.
        id: Path<StrictUuid>,
        asked: Reading,
    ) -> Result<Traced<Read<EntryDocument>>, Problem> {
        let found = self.desk.waiting.get(asked.facility_id, WaitingId(id.0.0)).await?;
        let found = found.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        let time = self.desk.waiting_time(asked.facility_id).await?;
        let answer = Read::of(&asked, found.version, || {
            let written = (found.created_at, found.updated_at);
            let document = EntryDocument::of(found.id, &found.entry, found.version, written, &time.zone);
            document.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))
        })?;
        Ok(answer.showing(Shown::of("waiting_list_entry", Some(id.0.0), found.entry.patient_id)))
    }

    /// Change what somebody waits for
    ///
    /// Replaces everything: what is left out is known no more. The place in the line stays.
    #[oai(path = "/:id", method = "put", operation_id = "reviseWaitingListEntry")]
    async fn revise(
        &self,
        /// The place.
        id: Path<StrictUuid>,
        asked: Changing,
        StrictJson(input): StrictJson<WishInput>,
    ) -> Result<Traced<Changed<EntryDocument>>, Problem> {
        let (wish, texts) = input.parse()?;
        let context = asked.context(None, &input);
        let outcome = self.desk.commands.change_wish(WaitingId(id.0.0), wish, texts, &context).await;
        self.desk.waiting_changed(outcome, &asked).await
    }

    /// Take a patient off the waiting list
    ///
    /// What is offered to them at that moment is offered to somebody else.
    #[oai(path = "/:id", method = "delete", operation_id = "leaveWaitingList")]
    async fn leave(
        &self,
        /// The place.
        id: Path<StrictUuid>,
        asked: ChangingFor,
    ) -> Result<Traced<Changed<EntryDocument>>, Problem> {
        let reason = asked.change_reason();
        let context = asked.context(reason.as_ref(), &NO_BODY);
        let command = WaitingCommand::LeaveWaitingList { by_patient: false };
        let outcome = self.desk.commands.change_waiting(WaitingId(id.0.0), &command, &context).await;
        self.desk.waiting_changed(outcome, &asked).await
    }
}
