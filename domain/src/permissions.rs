//! What a role may do in one practice: the table of [`Role`], as the practice widened or narrowed it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::role::{Access, Area, Role};
use crate::values::{RuleBroken, Violation};

/// How far somebody may go in each area. In JSON: `{"patients": {"read": true, "write": false}, …}`, all areas.
///
/// An area that the JSON does not name is closed: permissions that were set before an area existed do not open it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions([Access; Area::ALL.len()]);

impl Permissions {
    /// Nothing at all.
    pub const NONE: Self = Self([Access::None; Area::ALL.len()]);

    /// What the role may do unless its facility says otherwise.
    pub fn default_of(role: Role) -> Self {
        Self(Area::ALL.map(|area| role.access(area)))
    }

    /// How far they go in an area.
    pub const fn access(&self, area: Area) -> Access {
        self.0[area as usize]
    }

    /// The same but for one area.
    #[must_use]
    pub const fn with(mut self, area: Area, access: Access) -> Self {
        self.0[area as usize] = access;
        self
    }

    /// The same within what any facility may allow the role ([`Role::bounds`]).
    #[must_use]
    pub fn bounded_for(self, role: Role) -> Self {
        Self(Area::ALL.map(|area| {
            let (least, most) = role.bounds(area);
            self.access(area).clamp(least, most)
        }))
    }

    /// What a facility may not allow or take from the role, each as a field under `permissions`.
    pub fn violations(&self, role: Role) -> impl Iterator<Item = Violation> {
        let bounded = self.bounded_for(role);
        let broken = Area::ALL.into_iter().filter(move |area| self.access(*area) != bounded.access(*area));
        broken.map(move |area| {
            let detail = format!("The role {} never has this access to {}.", role.name(), area.name());
            RuleBroken::new("permission_out_of_bounds", detail).at(area.name()).under("permissions")
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Flags {
    read: bool,
    write: bool,
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Area::ALL.map(|area| {
            let access = self.access(area);
            (area.name(), Flags { read: access.may_read(), write: access.may_write() })
        }))
    }
}

/// What was once stored loads for ever: an area that is gone is passed over, and changing without looking is nothing.
impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = BTreeMap::<String, Flags>::deserialize(deserializer)?;
        Ok(Self(Area::ALL.map(|area| {
            let flags = stored.get(area.name());
            flags.and_then(|flags| Access::of(flags.read, flags.write)).unwrap_or(Access::None)
        })))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_default_table_is_within_the_bounds() {
        for role in Role::ALL {
            assert_eq!(Permissions::default_of(role).violations(role).next(), None, "{role:?}");
        }
    }

    #[test]
    fn permissions_are_written_area_by_area() {
        let doctor = Permissions::default_of(Role::Doctor);
        let written = serde_json::to_value(doctor).unwrap();
        assert_eq!(written["medical_records"], json!({"read": true, "write": true}));
        assert_eq!(written["users"], json!({"read": true, "write": false}));
        assert_eq!(written["exports"], json!({"read": false, "write": false}));
        assert_eq!(written.as_object().unwrap().len(), Area::ALL.len());
        assert_eq!(serde_json::from_value::<Permissions>(written).unwrap(), doctor);
    }

    #[test]
    fn what_is_not_named_is_closed() {
        let stored = json!({"patients": {"read": true, "write": false}, "telepathy": {"read": true, "write": true}});
        let expected = Permissions::NONE.with(Area::Patients, Access::Read);
        assert_eq!(serde_json::from_value::<Permissions>(stored).unwrap(), expected);
        let blind = json!({"patients": {"read": false, "write": true}});
        assert_eq!(serde_json::from_value::<Permissions>(blind).unwrap(), Permissions::NONE);
    }

    #[test]
    fn some_bounds_hold_in_every_facility() {
        let everything = Permissions(Area::ALL.map(|_| Access::ReadWrite));
        let fields = |permissions: Permissions, role| {
            permissions.violations(role).map(|violation| violation.field).collect::<Vec<_>>()
        };
        assert_eq!(fields(everything, Role::Doctor), ["permissions.exports"]);
        let clinical = ["permissions.medical_records", "permissions.prescriptions", "permissions.documents"];
        assert_eq!(fields(everything, Role::Dpo), clinical);
        assert_eq!(fields(everything, Role::Auditor), [clinical.as_slice(), &["permissions.exports"]].concat());
        assert_eq!(fields(Permissions::NONE, Role::Admin), ["permissions.users"]);
        assert_eq!(everything.bounded_for(Role::Auditor).access(Area::Documents), Access::Read);
        assert_eq!(Permissions::NONE.bounded_for(Role::Admin).access(Area::Users), Access::ReadWrite);
    }

    #[test]
    fn areas_are_numbered_in_the_order_of_the_list() {
        for (number, area) in Area::ALL.into_iter().enumerate() {
            assert_eq!(area as usize, number);
        }
    }
}
