//! The rooms of the practice: an appointment names one that is open, and nobody else is booked into it at that time.

use commands::CommandContext;
use domain::facility::{Facility, FacilityCommand, Room};
use domain::ids::{RoomId, StreamVersion};
use domain::role::Area;
use domain::values::{Label, TextValue, fold};
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;
use uuid::Uuid;

use crate::desk::AgendaDesk;
use frame::answers::{Added, Changed, Read, Settled};
use frame::command::id_of_new;
use frame::parameter::StrictUuid;
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
use frame::received::{ChangingFor, Creating, Fetching, NO_BODY, Received};
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
        received: &Received,
    ) -> Result<(RoomDocument, StreamVersion, Settled), Problem> {
        let executed = self.desk.commands.change_facility(command, context).await?;
        let practice: &Facility = &executed.after.aggregate;
        let document = practice.rooms.get(&room).map(|of| RoomDocument::of(room, of));
        let document = document.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        Ok((document, executed.after.version, self.desk.settle(executed.position, received).await))
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
    async fn list(&self, asked: Fetching) -> Result<Read<RoomListDocument>, Problem> {
        let found = self.desk.facilities.get(asked.facility_id).await?;
        let practice = found.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        Read::of(&asked, practice.version, || {
            let mut items: Vec<_> = practice.rooms.iter().map(|(id, room)| RoomDocument::of(*id, room)).collect();
            items.sort_by_cached_key(|room| (!room.open, fold(&room.name)));
            Ok(RoomListDocument { items, version: practice.version.get() })
        })
    }

    /// Add a room
    #[oai(path = "/", method = "post", operation_id = "addRoom")]
    async fn add(
        &self,
        asked: Creating,
        StrictJson(input): StrictJson<RoomInput>,
    ) -> Result<Added<RoomDocument>, Problem> {
        let name = input.parse()?;
        let context = asked.context(None, &input);
        let room_id = RoomId(id_of_new(&context));
        let (room, version, settled) =
            self.change(room_id, &FacilityCommand::AddRoom { room_id, name }, &context, &asked).await?;
        Ok(Added::new(room, version, settled))
    }

    /// Rename a room
    #[oai(path = "/:roomId", method = "put", operation_id = "renameRoom")]
    async fn rename(
        &self,
        /// The room.
        #[oai(name = "roomId")]
        room_id: Path<StrictUuid>,
        asked: ChangingFor,
        StrictJson(input): StrictJson<RoomInput>,
    ) -> Result<Changed<RoomDocument>, Problem> {
        let name = input.parse()?;
        let reason = asked.change_reason();
        let context = asked.context(reason.as_ref(), &input);
        let room_id = RoomId(room_id.0.0);
        let (room, version, settled) =
            self.change(room_id, &FacilityCommand::RenameRoom { room_id, name }, &context, &asked).await?;
        Ok(Changed::now(room, version, settled))
    }

    /// Close a room
    ///
    /// It takes no more bookings; what is booked there stays booked.
    #[oai(path = "/:roomId", method = "delete", operation_id = "closeRoom")]
    async fn close(
        &self,
        /// The room.
        #[oai(name = "roomId")]
        room_id: Path<StrictUuid>,
        asked: ChangingFor,
    ) -> Result<Changed<RoomDocument>, Problem> {
        let reason = asked.change_reason();
        let context = asked.context(reason.as_ref(), &NO_BODY);
        let room_id = RoomId(room_id.0.0);
        let (room, version, settled) =
            self.change(room_id, &FacilityCommand::CloseRoom { room_id }, &context, &asked).await?;
        Ok(Changed::now(room, version, settled))
    }
}
