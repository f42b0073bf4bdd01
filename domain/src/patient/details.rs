//! What a practice knows of a patient. All of it is personal, so it stands in events under the patient's key only.

use serde::{Deserialize, Serialize};

use crate::values::{
    Address, BirthDate, EmailAddress, FirstName, Gender, IdNumber, Ins, Insurance, LastName, Nationality, PersonName,
    PhoneNumber, Relationship,
};

/// Everything that is typed in when a patient is registered or revised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PatientDetails {
    /// Who the patient is.
    pub identity: Identity,
    /// How to reach them.
    pub contact: Contact,
    /// How they are insured.
    pub coverage: Coverage,
}

/// Who a patient is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Family name.
    pub last_name: LastName,
    /// First name.
    pub first_name: FirstName,
    /// Date of birth.
    pub birth_date: BirthDate,
    /// Gender.
    pub gender: Gender,
    /// Nationality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nationality: Option<Nationality>,
    /// Number of an identity document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_number: Option<IdNumber>,
    /// The national health identity (identité nationale de santé).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ins: Option<Ins>,
}

/// How to reach a patient.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// Where they live.
    #[serde(default, skip_serializing_if = "Address::is_empty")]
    pub address: Address,
    /// Telephone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
    /// E-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailAddress>,
    /// Whom to call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency_contact: Option<EmergencyContact>,
}

/// Whom to call in an emergency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmergencyContact {
    /// Name.
    pub name: PersonName,
    /// What they are to the patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relationship: Option<Relationship>,
    /// Telephone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
}

/// How a patient is insured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// The insurance, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insurance: Option<Insurance>,
}
