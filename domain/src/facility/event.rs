//! What can have happened to a practice.

use serde::{Deserialize, Serialize};

use super::FacilitySettings;
use crate::event::LoggedEvent;
use crate::ids::RoomId;
use crate::permissions::Permissions;
use crate::reminder::ReminderSettings;
use crate::reservation::Reservation;
use crate::role::Role;
use crate::values::{FacilityName, Finess, Label};

/// An event of a practice. None holds personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase")]
pub enum FacilityEvent {
    /// The practice works with MedicalPro from now on.
    FacilityOpened {
        /// Its name.
        name: FacilityName,
        /// Its FINESS number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        finess: Option<Finess>,
        /// Its IANA time zone.
        time_zone: String,
    },
    /// It decided otherwise about the accounts of its staff.
    FacilitySettingsChanged {
        /// All settings from now on.
        #[serde(flatten)]
        settings: FacilitySettings,
    },
    /// It widened or narrowed what a role may do.
    RolePermissionsChanged {
        /// The role.
        role: Role,
        /// What it may do from now on, in all areas.
        permissions: Permissions,
    },
    /// Patients can be seen in this room from now on.
    RoomAdded {
        /// The room's id.
        room_id: RoomId,
        /// What people call it.
        name: Label,
    },
    /// A room is called otherwise.
    RoomRenamed {
        /// Which room.
        room_id: RoomId,
        /// What people call it from now on.
        name: Label,
    },
    /// A room takes no more bookings.
    RoomClosed {
        /// Which room.
        room_id: RoomId,
    },
    /// It decided how patients are reminded of their appointments.
    ReminderRulesSet {
        /// All of it, from now on.
        #[serde(flatten)]
        reminders: ReminderSettings,
    },
}

impl cqrs_es::DomainEvent for FacilityEvent {
    fn event_type(&self) -> String {
        match self {
            Self::FacilityOpened { .. } => "FacilityOpened",
            Self::FacilitySettingsChanged { .. } => "FacilitySettingsChanged",
            Self::RolePermissionsChanged { .. } => "RolePermissionsChanged",
            Self::RoomAdded { .. } => "RoomAdded",
            Self::RoomRenamed { .. } => "RoomRenamed",
            Self::RoomClosed { .. } => "RoomClosed",
            Self::ReminderRulesSet { .. } => "ReminderRulesSet",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        match self {
            Self::FacilityOpened { .. }
            | Self::FacilitySettingsChanged { .. }
            | Self::RolePermissionsChanged { .. }
            | Self::RoomAdded { .. }
            | Self::RoomRenamed { .. }
            | Self::RoomClosed { .. }
            | Self::ReminderRulesSet { .. } => "1",
        }
        .to_owned()
    }
}

impl LoggedEvent for FacilityEvent {
    const TYPES: &'static [(&'static str, u32)] = &[
        ("FacilityOpened", 1),
        ("FacilitySettingsChanged", 1),
        ("RolePermissionsChanged", 1),
        ("RoomAdded", 1),
        ("RoomRenamed", 1),
        ("RoomClosed", 1),
        ("ReminderRulesSet", 1),
    ];

    fn reservations(&self) -> Vec<Reservation> {
        match self {
            Self::FacilityOpened { .. }
            | Self::FacilitySettingsChanged { .. }
            | Self::RolePermissionsChanged { .. }
            | Self::RoomAdded { .. }
            | Self::RoomRenamed { .. }
            | Self::RoomClosed { .. }
            | Self::ReminderRulesSet { .. } => Vec::new(),
        }
    }
}
