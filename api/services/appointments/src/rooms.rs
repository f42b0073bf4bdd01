//! The rooms of the practice: an appointment names one that is open, and nobody else is booked into it at that time.

use commands::CommandContext;
use domain::facility::{Facility, FacilityCommand, Room};
use domain::ids::{RoomId, StreamVersion};
use domain::role::Area;
use domain::values::{Label, Reason, TextValue, fold};
use poem::Request;
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Deserialize;
use uuid::Uuid;

use crate::desk::AgendaDesk;
use frame::auth::Caller;
use frame::command::{ChangeReason, UnderConditions, command_context, id_of_new};
use frame::conditional::{IfMatch, IfNoneMatch, etag};
use frame::parameter::{IdempotencyKey, Prefer, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
use frame::strict_json::StrictJson;
use frame::unparsed::Unparsed;
use service::Chapter;

/// The operations.
pub struct RoomsApi {
    desk: AgendaDesk,
}

/// A room of the practice.
#[derive(Debug, Object)]
#[oai(rename = "Room")]
struct RoomDocument {
    id: Uuid,
    name: String,
    /// Whether it takes bookings.
    open: bool,
}

/// The rooms of the practice.
#[derive(Debug, Object)]
#[oai(rename = "RoomList")]
struct RoomListDocument {
    /// Open ones first, each by name. Closed ones are told because appointments of former days name them.
    items: Vec<RoomDocument>,
    /// The version of the practice, as in the `ETag`.
    version: u64,
}

impl RoomDocument {
    fn of(id: RoomId, room: &Room) -> Self {
        Self { id: id.0, name: room.name.as_str().to_owned(), open: !room.closed }
    }
}

/// A room, as it is called.
#[derive(Debug, Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoomInput {
    name: Unparsed<Label>,
}

impl RoomInput {
    fn parse(&self) -> Result<Label, Problem> {
        let mut violations = Vec::new();
        let name = self.name.parse("name", &mut violations);
        name.ok_or_else(|| Problem::validation_failed(violations))
    }
}

#[derive(ApiResponse)]
enum Listed {
    /// The rooms.
    #[oai(status = 200)]
    All(
        Json<RoomListDocument>,
        /// The version of the practice.
        #[oai(header = "ETag")]
        String,
    ),
    /// They are still as in `If-None-Match`.
    #[oai(status = 304)]
    NotModified(
        /// The version of the practice.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Added {
    /// The room is known from now on.
    #[oai(status = 201)]
    Created(
        Json<RoomDocument>,
        /// The version of the practice.
        #[oai(header = "ETag")]
        String,
        /// The last position written.
        #[oai(header = "Event-Position")]
        Option<String>,
        /// `respond-async`, if the answer left before the read models show what was written.
        #[oai(header = "Preference-Applied")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum Changed {
    /// The room as it is now.
    #[oai(status = 200)]
    Now(
        Json<RoomDocument>,
        /// The version of the practice.
        #[oai(header = "ETag")]
        String,
        /// The last position written; left out when nothing changed.
        #[oai(header = "Event-Position")]
        Option<String>,
        /// `respond-async`, if the answer left before the read models show what was written.
        #[oai(header = "Preference-Applied")]
        Option<String>,
    ),
}

/// What a change of a room leaves: the room, and with which headers it is answered.
struct Outcome {
    room: RoomDocument,
    version: StreamVersion,
    position: Option<String>,
    preference: Option<String>,
}

impl RoomsApi {
    /// Over this desk.
    pub const fn new(desk: AgendaDesk) -> Self {
        Self { desk }
    }

    async fn change(
        &self,
        room: RoomId,
        command: &FacilityCommand,
        context: &CommandContext,
        prefer: Option<Prefer>,
    ) -> Result<Outcome, Problem> {
        let executed = self.desk.commands.change_facility(command, context).await?;
        let practice: &Facility = &executed.after.aggregate;
        let document = practice.rooms.get(&room).map(|of| RoomDocument::of(room, of));
        Ok(Outcome {
            room: document.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?,
            version: executed.after.version,
            preference: self.desk.settle(executed.position, prefer).await,
            position: executed.position.map(|position| position.to_string()),
        })
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    // What calendars are made of.
    ("listRooms", Permission::SignedIn),
    ("addRoom", Permission::Write(Area::Availability)),
    ("renameRoom", Permission::Write(Area::Availability)),
    ("closeRoom", Permission::Write(Area::Availability)),
];

#[OpenApi(prefix_path = "/api/v1/facilities/current/rooms", tag = "Chapter::Facilities")]
impl RoomsApi {
    /// Which rooms are there?
    #[oai(path = "/", method = "get", operation_id = "listRooms")]
    async fn list(
        &self,
        caller: Caller,
        /// The versions of the practice that the client has already.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<IfNoneMatch>>,
    ) -> Result<Listed, Problem> {
        let found = self.desk.facilities.get(caller.facility_id).await?;
        let practice = found.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        let tag = etag(practice.version);
        if if_none_match.0.is_some_and(|known| known.has(practice.version)) {
            return Ok(Listed::NotModified(tag));
        }
        let mut items: Vec<_> = practice.rooms.iter().map(|(id, room)| RoomDocument::of(*id, room)).collect();
        items.sort_by_cached_key(|room| (!room.open, fold(&room.name)));
        Ok(Listed::All(Json(RoomListDocument { items, version: practice.version.get() }), tag))
    }

    /// Add a room
    #[oai(path = "/", method = "post", operation_id = "addRoom")]
    async fn add(
        &self,
        request: &Request,
        caller: Caller,
        /// Under which the request may be repeated without adding twice.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<RoomInput>,
    ) -> Result<Added, Problem> {
        let name = input.parse()?;
        let context = command_context(&caller, request, None).once(idempotency_key.0.as_ref(), request, &input);
        let room_id = RoomId(id_of_new(&context));
        let Outcome { room, version, position, preference } =
            self.change(room_id, &FacilityCommand::AddRoom { room_id, name }, &context, prefer.0).await?;
        Ok(Added::Created(Json(room), etag(version), position, preference))
    }

    /// Rename a room
    #[oai(path = "/:roomId", method = "put", operation_id = "renameRoom")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn rename(
        &self,
        request: &Request,
        caller: Caller,
        /// The room.
        #[oai(name = "roomId")]
        room_id: Path<StrictUuid>,
        /// The version of the practice that is to be changed.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// Why.
        #[oai(name = "X-Change-Reason")]
        reason: Header<Option<ChangeReason>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<RoomInput>,
    ) -> Result<Changed, Problem> {
        let name = input.parse()?;
        let reason = reason.0.map(Reason::from);
        let context = command_context(&caller, request, reason.as_ref()).if_match(if_match.0);
        let room_id = RoomId(room_id.0.0);
        let Outcome { room, version, position, preference } =
            self.change(room_id, &FacilityCommand::RenameRoom { room_id, name }, &context, prefer.0).await?;
        Ok(Changed::Now(Json(room), etag(version), position, preference))
    }

    /// Close a room
    ///
    /// It takes no more bookings; what is booked there stays booked.
    #[oai(path = "/:roomId", method = "delete", operation_id = "closeRoom")]
    async fn close(
        &self,
        request: &Request,
        caller: Caller,
        /// The room.
        #[oai(name = "roomId")]
        room_id: Path<StrictUuid>,
        /// The version of the practice that is to be changed.
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
        let room_id = RoomId(room_id.0.0);
        let Outcome { room, version, position, preference } =
            self.change(room_id, &FacilityCommand::CloseRoom { room_id }, &context, prefer.0).await?;
        Ok(Changed::Now(Json(room), etag(version), position, preference))
    }
}
