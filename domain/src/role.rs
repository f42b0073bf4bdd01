//! Roles of staff, and what each may do unless its facility says otherwise.

use serde::{Deserialize, Serialize};

use crate::values::{CodeValue, RuleBroken};

/// What somebody does in the practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
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
    /// Délégué à la protection des données (compliance officer).
    Dpo,
}

impl Role {
    /// Every role there is.
    pub const ALL: [Self; 6] = [Self::Doctor, Self::Nurse, Self::Secretary, Self::Admin, Self::Auditor, Self::Dpo];

    /// The roles of those who treat patients, and are booked for it.
    pub const PRACTITIONERS: [Self; 2] = [Self::Doctor, Self::Nurse];

    /// The name used in JSON, in tokens and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Doctor => "doctor",
            Self::Nurse => "nurse",
            Self::Secretary => "secretary",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
            Self::Dpo => "dpo",
        }
    }

    /// The role of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// What the role may do with an area, by default.
    pub const fn access(self, area: Area) -> Access {
        use Access::{None, Read, ReadWrite};
        use Area::*;
        match (self, area) {
            (Self::Doctor, Patients | Appointments | Availability | MedicalRecords) => ReadWrite,
            (Self::Doctor, Prescriptions | Documents | Consents) => ReadWrite,
            (Self::Doctor, Users) => Read,
            (Self::Doctor, Audit | Exports) => None,

            (Self::Nurse, Patients | Appointments | MedicalRecords) => ReadWrite,
            (Self::Nurse, Documents | Consents) => ReadWrite,
            (Self::Nurse, Availability | Prescriptions | Users) => Read,
            (Self::Nurse, Audit | Exports) => None,

            (Self::Secretary, Patients | Appointments | Availability | Consents) => ReadWrite,
            (Self::Secretary, Documents | Users) => Read,
            (Self::Secretary, MedicalRecords | Prescriptions | Audit | Exports) => None,

            (Self::Admin, Availability | Users) => ReadWrite,
            (Self::Admin, Patients | Appointments | Audit) => Read,
            (Self::Admin, MedicalRecords | Prescriptions | Documents | Consents | Exports) => None,

            (Self::Auditor, Patients | Appointments | Availability | MedicalRecords) => Read,
            (Self::Auditor, Prescriptions | Documents | Consents | Users | Audit) => Read,
            (Self::Auditor, Exports) => None,

            (Self::Dpo, Patients | Consents | Audit) => Read,
            (Self::Dpo, Exports) => ReadWrite,
            (Self::Dpo, Appointments | Availability | MedicalRecords) => None,
            (Self::Dpo, Prescriptions | Documents | Users) => None,
        }
    }

    /// The least and the most that a facility may allow the role in an area. Whoever controls what others do never changes
    /// the clinical part of a file; data leave the house through the compliance officer alone; and there is always
    /// somebody who can give a role its permissions back.
    pub const fn bounds(self, area: Area) -> (Access, Access) {
        use Area::{Documents, Exports, MedicalRecords, Prescriptions, Users};
        match (self, area) {
            (Self::Auditor | Self::Dpo, MedicalRecords | Prescriptions | Documents) => (Access::None, Access::Read),
            (Self::Dpo, Exports) => (Access::None, Access::ReadWrite),
            (_, Exports) => (Access::None, Access::None),
            (Self::Admin, Users) => (Access::ReadWrite, Access::ReadWrite),
            _ => (Access::None, Access::ReadWrite),
        }
    }
}

impl CodeValue for Role {
    const ALL: &'static [Self] = &Self::ALL;
    const ACCEPTED: &'static [&'static str] = &["doctor", "nurse", "secretary", "admin", "auditor", "dpo"];
    const DESCRIPTION: &'static str = "What somebody does in the practice.";

    fn parse(raw: &str) -> Result<Self, RuleBroken> {
        let detail = || format!("The value must be one of: {}.", Self::ACCEPTED.join(", "));
        Self::named(raw).ok_or_else(|| RuleBroken::new("role_code", detail()))
    }

    fn code(self) -> &'static str {
        self.name()
    }
}

/// A part of the product that permissions are given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Identity, contact and insurance of patients.
    Patients,
    /// Appointments.
    Appointments,
    /// Opening hours and leave of practitioners.
    Availability,
    /// Medical records.
    MedicalRecords,
    /// Prescriptions.
    Prescriptions,
    /// Documents.
    Documents,
    /// Consents.
    Consents,
    /// Staff accounts.
    Users,
    /// The audit trail.
    Audit,
    /// Exports, erasure and data requests.
    Exports,
}

impl Area {
    /// Every area there is.
    pub const ALL: [Self; 10] = [
        Self::Patients,
        Self::Appointments,
        Self::Availability,
        Self::MedicalRecords,
        Self::Prescriptions,
        Self::Documents,
        Self::Consents,
        Self::Users,
        Self::Audit,
        Self::Exports,
    ];

    /// The name used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Patients => "patients",
            Self::Appointments => "appointments",
            Self::Availability => "availability",
            Self::MedicalRecords => "medical_records",
            Self::Prescriptions => "prescriptions",
            Self::Documents => "documents",
            Self::Consents => "consents",
            Self::Users => "users",
            Self::Audit => "audit",
            Self::Exports => "exports",
        }
    }
}

/// How far a permission goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Nothing.
    None,
    /// Looking.
    Read,
    /// Looking and changing.
    ReadWrite,
}

impl Access {
    /// Whether it allows looking.
    pub fn may_read(self) -> bool {
        self >= Self::Read
    }

    /// Whether it allows changing.
    pub fn may_write(self) -> bool {
        self >= Self::ReadWrite
    }

    /// The access that the two permissions of an area make; none if one may change what one may not look at.
    pub const fn of(read: bool, write: bool) -> Option<Self> {
        match (read, write) {
            (true, true) => Some(Self::ReadWrite),
            (true, false) => Some(Self::Read),
            (false, false) => Some(Self::None),
            (false, true) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;

    /// The names of all variants, as serde refuses what is none of them.
    fn variants<T: DeserializeOwned + std::fmt::Debug>() -> Vec<String> {
        let refusal = serde_json::from_str::<T>("\"none of them\"").unwrap_err().to_string();
        let (_, listed) = refusal.split_once("expected one of ").unwrap();
        listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn every_variant_of_roles_and_areas_is_in_its_list() {
        assert_eq!(Role::ALL.map(Role::name).to_vec(), variants::<Role>());
        assert_eq!(Role::ACCEPTED, Role::ALL.map(Role::name));
        assert_eq!(Area::ALL.map(Area::name).to_vec(), variants::<Area>());
    }
}
