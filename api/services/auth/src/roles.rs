//! Roles and permissions as several chapters write them.

use domain::permissions::Permissions;
use domain::role::{Access, Area, Role};
use domain::values::RuleBroken;
use poem_openapi::{Enum, Object};
use serde::Deserialize;

use frame::problem::Violation;

/// The role of a member of staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum RoleName {
    /// Médecin.
    Doctor,
    /// Infirmier, infirmière.
    Nurse,
    /// Secrétaire médicale.
    Secretary,
    /// Administers accounts and settings.
    Admin,
    /// Reads the trail; changes nothing.
    Auditor,
    /// Compliance officer (délégué à la protection des données).
    Dpo,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Doctor => Self::Doctor,
            Role::Nurse => Self::Nurse,
            Role::Secretary => Self::Secretary,
            Role::Admin => Self::Admin,
            Role::Auditor => Self::Auditor,
            Role::Dpo => Self::Dpo,
        }
    }
}

/// What a role may do, area by area.
#[derive(Clone, Debug, PartialEq, Eq, Object, Deserialize)]
#[oai(rename = "Permissions")]
#[serde(deny_unknown_fields)]
pub struct PermissionsDocument {
    patients: AreaAccess,
    appointments: AreaAccess,
    availability: AreaAccess,
    medical_records: AreaAccess,
    prescriptions: AreaAccess,
    documents: AreaAccess,
    consents: AreaAccess,
    users: AreaAccess,
    audit: AreaAccess,
    exports: AreaAccess,
}

/// What a role may do in one area. Whoever may write may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Object, Deserialize)]
#[oai(rename = "Access")]
#[serde(deny_unknown_fields)]
struct AreaAccess {
    read: bool,
    write: bool,
}

impl From<&Permissions> for PermissionsDocument {
    fn from(permissions: &Permissions) -> Self {
        let of = |area| {
            let access = permissions.access(area);
            AreaAccess { read: access.may_read(), write: access.may_write() }
        };
        Self {
            patients: of(Area::Patients),
            appointments: of(Area::Appointments),
            availability: of(Area::Availability),
            medical_records: of(Area::MedicalRecords),
            prescriptions: of(Area::Prescriptions),
            documents: of(Area::Documents),
            consents: of(Area::Consents),
            users: of(Area::Users),
            audit: of(Area::Audit),
            exports: of(Area::Exports),
        }
    }
}

impl PermissionsDocument {
    /// The permissions; where writing without reading is asked for, a violation is added to the others.
    pub fn parse(&self, violations: &mut Vec<Violation>) -> Permissions {
        Area::ALL.into_iter().fold(Permissions::NONE, |permissions, area| {
            let AreaAccess { read, write } = self.of(area);
            let access = Access::of(read, write).unwrap_or_else(|| {
                let broken = RuleBroken::new("write_without_read", "Whoever may write may read.");
                violations.push(broken.at(area.name()).under("permissions").into());
                Access::None
            });
            permissions.with(area, access)
        })
    }

    const fn of(&self, area: Area) -> AreaAccess {
        match area {
            Area::Patients => self.patients,
            Area::Appointments => self.appointments,
            Area::Availability => self.availability,
            Area::MedicalRecords => self.medical_records,
            Area::Prescriptions => self.prescriptions,
            Area::Documents => self.documents,
            Area::Consents => self.consents,
            Area::Users => self.users,
            Area::Audit => self.audit,
            Area::Exports => self.exports,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_read_as_they_are_written() {
        for role in Role::ALL {
            let permissions = Permissions::default_of(role);
            let mut violations = Vec::new();
            assert_eq!(PermissionsDocument::from(&permissions).parse(&mut violations), permissions);
            assert!(violations.is_empty());
        }
    }

    #[test]
    fn nobody_writes_what_they_cannot_read() {
        let blind = AreaAccess { read: false, write: true };
        let document = PermissionsDocument { consents: blind, ..(&Permissions::NONE).into() };
        let mut violations = Vec::new();
        document.parse(&mut violations);
        let broken: Vec<_> = violations.iter().map(|broken| (broken.field.as_str(), broken.rule.as_str())).collect();
        assert_eq!(broken, [("permissions.consents", "write_without_read")]);
    }
}
