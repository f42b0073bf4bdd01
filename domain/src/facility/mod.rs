//! A practice or clinic (cabinet, clinique): what it is called, and what it decides about the accounts of its staff. Every
//! other stream belongs to one.

mod command;
mod error;
mod event;
mod rooms;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::command::FacilityCommand;
pub use self::error::FacilityError;
pub use self::event::FacilityEvent;
pub use self::rooms::Room;
pub use self::settings::FacilitySettings;
use crate::aggregate::{AggregateRoot, Circumstances};
use crate::ids::{RoomId, SubjectId};
use crate::permissions::Permissions;
use crate::reminder::ReminderSettings;
use crate::role::Role;
use crate::values::{Finess, TextValue};

/// A practice as its events tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facility {
    /// Empty until the practice is opened.
    pub name: String,
    /// Its number in the national register of establishments, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finess: Option<Finess>,
    /// Its IANA time zone, in which wall-clock times are meant.
    pub time_zone: String,
    /// What it decided about the accounts of its staff.
    #[serde(default)]
    pub settings: FacilitySettings,
    /// The permissions of those roles that it widened or narrowed.
    #[serde(default)]
    pub role_permissions: BTreeMap<Role, Permissions>,
    /// The rooms in which patients are or were seen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rooms: BTreeMap<RoomId, Room>,
    /// How it reminds patients of their appointments.
    #[serde(default)]
    pub reminders: ReminderSettings,
}

impl Facility {
    /// Whether it was opened.
    pub fn is_open(&self) -> bool {
        !self.time_zone.is_empty()
    }

    /// What a role may do here: what the practice said last, else the default, and always within [`Role::bounds`].
    pub fn permissions_of(&self, role: Role) -> Permissions {
        let said = self.role_permissions.get(&role).copied();
        said.unwrap_or_else(|| Permissions::default_of(role)).bounded_for(role)
    }

    fn open(&self) -> Result<(), FacilityError> {
        if self.is_open() { Ok(()) } else { Err(FacilityError::NotOpen) }
    }
}

impl Aggregate for Facility {
    const TYPE: &'static str = "facility";
    type Command = FacilityCommand;
    type Event = FacilityEvent;
    type Error = FacilityError;
    type Services = Circumstances;

    async fn handle(
        &mut self,
        command: FacilityCommand,
        _services: &Circumstances,
        sink: &EventSink<Self>,
    ) -> Result<(), FacilityError> {
        match command {
            FacilityCommand::OpenFacility { name, finess, time_zone } => {
                if self.is_open() {
                    return Err(FacilityError::AlreadyOpen);
                }
                if jiff::tz::TimeZone::get(&time_zone).is_err() {
                    return Err(FacilityError::UnknownTimeZone);
                }
                let opened = FacilityEvent::FacilityOpened { name, finess, time_zone };
                sink.write(opened, self).await;
            }
            FacilityCommand::ChangeSettings { settings } => {
                self.open()?;
                settings.check().map_err(|violation| FacilityError::Invalid(vec![violation]))?;
                if settings != self.settings {
                    sink.write(FacilityEvent::FacilitySettingsChanged { settings }, self).await;
                }
            }
            FacilityCommand::AddRoom { room_id, name } => {
                self.open()?;
                sink.write(rooms::add(&self.rooms, room_id, name)?, self).await;
            }
            FacilityCommand::RenameRoom { room_id, name } => {
                self.open()?;
                if let Some(renamed) = rooms::rename(&self.rooms, room_id, name)? {
                    sink.write(renamed, self).await;
                }
            }
            FacilityCommand::CloseRoom { room_id } => {
                self.open()?;
                rooms::open(&self.rooms, room_id)?;
                sink.write(FacilityEvent::RoomClosed { room_id }, self).await;
            }
            FacilityCommand::ChangeRolePermissions { role, permissions } => {
                self.open()?;
                let violations: Vec<_> = permissions.violations(role).collect();
                if !violations.is_empty() {
                    return Err(FacilityError::Invalid(violations));
                }
                if permissions != self.permissions_of(role) {
                    sink.write(FacilityEvent::RolePermissionsChanged { role, permissions }, self).await;
                }
            }
            FacilityCommand::SetReminderRules { reminders } => {
                self.open()?;
                let reminders = reminders.in_order();
                let violations = reminders.violations();
                if !violations.is_empty() {
                    return Err(FacilityError::Invalid(violations));
                }
                if reminders != self.reminders {
                    sink.write(FacilityEvent::ReminderRulesSet { reminders }, self).await;
                }
            }
        }
        Ok(())
    }

    fn apply(&mut self, event: FacilityEvent) {
        match event {
            FacilityEvent::FacilityOpened { name, finess, time_zone } => {
                *self = Self { name: name.as_str().to_owned(), finess, time_zone, ..Self::default() };
            }
            FacilityEvent::FacilitySettingsChanged { settings } => self.settings = settings,
            FacilityEvent::RolePermissionsChanged { role, permissions } => {
                self.role_permissions.insert(role, permissions);
            }
            FacilityEvent::RoomAdded { room_id, name } | FacilityEvent::RoomRenamed { room_id, name } => {
                self.rooms.insert(room_id, Room { name, closed: false });
            }
            FacilityEvent::RoomClosed { room_id } => {
                if let Some(room) = self.rooms.get_mut(&room_id) {
                    room.closed = true;
                }
            }
            FacilityEvent::ReminderRulesSet { reminders } => self.reminders = reminders,
        }
    }
}

impl AggregateRoot for Facility {
    fn subject(&self, _id: Uuid) -> Option<SubjectId> {
        None
    }
}
