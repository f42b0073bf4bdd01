//! What can be asked of a practice.

use super::FacilitySettings;
use crate::ids::RoomId;
use crate::permissions::Permissions;
use crate::reminder::ReminderSettings;
use crate::role::Role;
use crate::values::{FacilityName, Finess, Label};

/// A command to a practice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FacilityCommand {
    /// Opens it, so that people can work in it.
    OpenFacility {
        /// Its name.
        name: FacilityName,
        /// Its FINESS number, if it has one.
        finess: Option<Finess>,
        /// Its IANA time zone.
        time_zone: String,
    },
    /// Replaces its settings.
    ChangeSettings {
        /// All of them, from now on.
        settings: FacilitySettings,
    },
    /// Widens or narrows what a role may do in it.
    ChangeRolePermissions {
        /// The role.
        role: Role,
        /// What it may do from now on, in all areas.
        permissions: Permissions,
    },
    /// Makes a room known, in which patients can be seen from now on.
    AddRoom {
        /// The room's id, made by the caller.
        room_id: RoomId,
        /// What people call it.
        name: Label,
    },
    /// Calls a room otherwise.
    RenameRoom {
        /// Which room.
        room_id: RoomId,
        /// What people call it from now on.
        name: Label,
    },
    /// Takes no more bookings in a room. What is booked there stays booked.
    CloseRoom {
        /// Which room.
        room_id: RoomId,
    },
    /// Decides how patients are reminded of their appointments.
    SetReminderRules {
        /// All of it, from now on.
        reminders: ReminderSettings,
    },
}
