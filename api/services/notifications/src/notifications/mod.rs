//! Notifications: what the staff of a practice is told of without looking for it, and who has read what.

pub mod read_marks;
mod texts;

use std::collections::HashSet;

use domain::appointment::AppointmentError;
use domain::ids::{Position, UserId};
use domain::role::Area;
use domain::values::{CodeValue, NotificationKind};
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use projections::notifications::{NotificationPageStart, NotificationView};
use uuid::Uuid;

use self::read_marks::ReadMarkTables;
use self::texts::Names;
use crate::desk::NotificationsDesk;
use frame::answers::{Done, TaggedList};
use frame::auth::Caller;
use frame::instants::rfc3339;
use frame::pagination::{Cursor, Links, PageLimit, PageNumber, PageRequest, PageStart};
use frame::parameter::{StrictBool, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
use frame::received::Reading;
use frame::shown::{Showing, Shown, Traced};
use frame::unparsed_code::UnparsedCode;
use service::{Chapter, patient_names};

/// The operations.
pub struct NotificationsApi {
    desk: NotificationsDesk,
    marks: ReadMarkTables,
}

/// Something that the staff is to know.
#[derive(Debug, Object)]
#[oai(rename = "Notification", rename_all = "camelCase", skip_serializing_if_is_none)]
struct NotificationDocument {
    id: Uuid,
    kind: UnparsedCode<NotificationKind>,
    /// In French. The patient's name stands in it for those who may read patients.
    text: String,
    /// What kind of resource to look at: `waiting_list_entry`, `appointment` or `leave`.
    resource_type: String,
    resource_id: Uuid,
    patient_id: Option<Uuid>,
    appointment_id: Option<Uuid>,
    practitioner_id: Option<Uuid>,
    /// When it happened (RFC 3339, with the offset of the practice).
    created_at: String,
    /// Whether the caller has not read it yet.
    unread: bool,
}

/// A page of notifications.
#[derive(Debug, Object)]
#[oai(rename = "NotificationList", rename_all = "camelCase", skip_serializing_if_is_none)]
struct NotificationListDocument {
    /// The newest first.
    items: Vec<NotificationDocument>,
    /// How many there are, read or not.
    total: u64,
    /// How many of them the caller has not read.
    unread: u64,
    /// The `cursor` of the next page, if there is one.
    next_cursor: Option<String>,
}

impl NotificationsApi {
    /// Over this desk.
    pub fn new(desk: NotificationsDesk) -> Self {
        let marks = ReadMarkTables::new(desk.commands.log().database().clone());
        Self { desk, marks }
    }

    /// Where a notification of the caller's practice stands.
    async fn position_of(&self, caller: &Caller, id: StrictUuid) -> Result<Position, Problem> {
        let position = self.desk.notifications.position_of(caller.facility_id, id.0).await?;
        position.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    ("listNotifications", Permission::Read(Area::Appointments)),
    ("markNotificationRead", Permission::Read(Area::Appointments)),
    ("markNotificationsReadUpTo", Permission::Read(Area::Appointments)),
];

#[OpenApi(prefix_path = "/api/v1/notifications", tag = "Chapter::Notifications")]
impl NotificationsApi {
    /// What is there to know?
    ///
    /// The newest first. Live screens get a frame `notification` with the id of each new one.
    #[oai(path = "/", method = "get", operation_id = "listNotifications")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn list(
        &self,
        /// `true` for those alone that the caller has not read.
        unread: Query<Option<StrictBool>>,
        /// Which page, from 1. Not together with `cursor`.
        page: Query<Option<PageNumber>>,
        /// How many notifications on a page.
        limit: Query<Option<PageLimit>>,
        /// The `nextCursor` of the page before. It costs the same on every page.
        cursor: Query<Option<Cursor>>,
        asked: Reading,
    ) -> Result<Traced<TaggedList<NotificationListDocument>>, Problem> {
        let request = PageRequest::new(page.0, limit.0, cursor.0)?;
        let unread_only = unread.0.is_some_and(|unread| unread.0);
        let start = match &request.start {
            PageStart::Number(number) => NotificationPageStart::Number(number.0),
            PageStart::Cursor(cursor) => NotificationPageStart::After(cursor.position()?),
        };
        let facility = asked.facility_id;
        let marks = self.marks.of(facility, asked.user_id).await?;
        let found = self.desk.notifications.list(facility, &marks, unread_only, &start, request.limit.0).await?;
        let time = self.desk.commands.practice_time::<AppointmentError>(facility).await?;
        let patients = found.items.iter().filter_map(|view| view.patient_id);
        let practitioners: HashSet<UserId> = found.items.iter().filter_map(|view| view.practitioner_id).collect();
        let practitioners: Vec<UserId> = practitioners.into_iter().collect();
        let (patients, shown) = patient_names(&self.desk.patients, &asked, patients).await?;
        let names =
            Names { patients, practitioners: self.desk.users.names(facility, &practitioners).await?, zone: time.zone };
        let next = found.next.as_ref().and_then(Cursor::of);
        let count = if unread_only { found.unread } else { found.total };
        let mut shared = vec![("limit", request.limit.0.to_string())];
        shared.extend(unread_only.then(|| ("unread", "true".to_owned())));
        let links = Links::new("/api/v1/notifications", shared).around(&request, Some(count), next.as_ref());
        let body = NotificationListDocument {
            items: found.items.iter().map(|view| document(view, &names)).collect(),
            total: found.total,
            unread: found.unread,
            next_cursor: next.map(|cursor| cursor.as_str().to_owned()),
        };
        Ok(TaggedList::page(&asked, body, links.header()).showing(shown))
    }

    /// Read one
    ///
    /// For the caller alone: colleagues have not read it by that.
    #[oai(path = "/:id/read", method = "post", operation_id = "markNotificationRead")]
    async fn mark_read(
        &self,
        caller: Caller,
        /// The notification.
        id: Path<StrictUuid>,
    ) -> Result<Traced<Done>, Problem> {
        let position = self.position_of(&caller, id.0).await?;
        self.marks.mark(caller.facility_id, caller.user_id, position).await?;
        Ok(Done::Done.showing(Shown::nothing()))
    }

    /// Read one and all before it
    ///
    /// What came after it stays as it is.
    #[oai(path = "/:id/read-up-to", method = "post", operation_id = "markNotificationsReadUpTo")]
    async fn mark_read_up_to(
        &self,
        caller: Caller,
        /// The last notification that was read.
        id: Path<StrictUuid>,
    ) -> Result<Traced<Done>, Problem> {
        let position = self.position_of(&caller, id.0).await?;
        self.marks.mark_up_to(caller.facility_id, caller.user_id, position).await?;
        Ok(Done::Done.showing(Shown::nothing()))
    }
}

fn document(view: &NotificationView, names: &Names) -> NotificationDocument {
    NotificationDocument {
        id: view.id,
        kind: view.kind.code().to_owned().into(),
        text: names.sentence(view),
        resource_type: view.resource_type.clone(),
        resource_id: view.resource_id,
        patient_id: view.patient_id.map(|id| id.0),
        appointment_id: view.appointment_id.map(|id| id.0),
        practitioner_id: view.practitioner_id.map(|id| id.0),
        created_at: rfc3339(view.recorded_at, &names.zone),
        unread: view.unread,
    }
}
