//! What can be asked of a practice.

use super::FacilitySettings;
use crate::permissions::Permissions;
use crate::reminder::ReminderSettings;
use crate::role::Role;
use crate::values::{FacilityName, Finess};

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
    /// Decides how patients are reminded of their appointments.
    SetReminderRules {
        /// All of it, from now on.
        reminders: ReminderSettings,
    },
}
