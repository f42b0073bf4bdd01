//! A patient as the API shows them: the fields of the existing web client, under its names.

use poem_openapi::{Enum, Object};
use projections_engine::history::HistoryEntry;
use uuid::Uuid;

/// Whether the practice follows the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum Status {
    /// Followed.
    Active,
    /// Archived.
    Inactive,
}

/// A patient. Fields that are not known are left out; all personal fields are, once the patient has been erased.
#[derive(Debug, Object)]
#[oai(rename = "Patient", rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct PatientDocument {
    id: Uuid,
    patient_number: String,
    status: Status,
    /// True while the clinical part is opened for a declared reason only.
    restricted: Option<bool>,
    /// The version of the patient, as in the `ETag`.
    version: u64,
    /// When the patient was registered (RFC 3339).
    created_at: String,
    /// When the patient was last changed (RFC 3339).
    updated_at: String,
    last_name: Option<String>,
    first_name: Option<String>,
    /// `YYYY-MM-DD`.
    birth_date: Option<String>,
    /// `male`, `female`, `other` or `unknown`.
    gender: Option<String>,
    nationality: Option<String>,
    /// The number of an identity document.
    id_number: Option<String>,
    ins: Option<InsDocument>,
    address: Option<AddressDocument>,
    contact: Option<ContactDocument>,
    insurance: Option<InsuranceDocument>,
    /// True once the patient's personal data was erased.
    forgotten: Option<bool>,
}

/// The national health identity (identité nationale de santé).
#[derive(Debug, Object)]
#[oai(rename = "Ins")]
struct InsDocument {
    matricule: String,
    oid: String,
}

/// Where a patient lives.
#[derive(Debug, Object)]
#[oai(rename = "Address", rename_all = "camelCase", skip_serializing_if_is_none)]
struct AddressDocument {
    street: Option<String>,
    city: Option<String>,
    postal_code: Option<String>,
    /// ISO 3166-1, two letters.
    country: Option<String>,
}

/// How to reach a patient.
#[derive(Debug, Object)]
#[oai(rename = "Contact", rename_all = "camelCase", skip_serializing_if_is_none)]
struct ContactDocument {
    /// E.164.
    phone: Option<String>,
    email: Option<String>,
    emergency_contact: Option<EmergencyContactDocument>,
}

/// Whom to call in an emergency.
#[derive(Debug, Object)]
#[oai(rename = "EmergencyContact", skip_serializing_if_is_none)]
struct EmergencyContactDocument {
    name: String,
    relationship: Option<String>,
    /// E.164.
    phone: Option<String>,
}

/// How a patient is insured.
#[derive(Debug, Object)]
#[oai(rename = "Insurance", skip_serializing_if_is_none)]
struct InsuranceDocument {
    provider: String,
    number: Option<String>,
    /// `public` or `private`.
    r#type: Option<String>,
}

/// One version of a patient: who made it, when, why, and what it changed.
#[derive(Debug, Object)]
#[oai(rename = "HistoryEntry", rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct HistoryEntryDocument {
    version: u64,
    /// The place of the event in the log.
    position: u64,
    /// What happened, such as `PatientIdentityCorrected`.
    event_type: String,
    /// When the log took it (RFC 3339).
    recorded_at: String,
    /// When it happened (RFC 3339).
    occurred_at: String,
    actor: ActorDocument,
    /// The request that caused it, as in its `X-Request-Id`.
    request_id: Option<String>,
    /// Why, where a reason was given.
    reason: Option<String>,
    /// Whether its personal content was erased.
    forgotten: bool,
    changes: Vec<ChangeDocument>,
}

/// Who acted.
#[derive(Debug, Object)]
#[oai(rename = "Actor", rename_all = "camelCase", skip_serializing_if_is_none)]
struct ActorDocument {
    /// The member of staff; the nil UUID is the system itself.
    user_id: Uuid,
    role: Option<String>,
}

/// One field that a version changed. A side that is left out was empty.
#[derive(Debug, Object)]
#[oai(rename = "Change", skip_serializing_if_is_none)]
struct ChangeDocument {
    /// The field's path, such as `contact.phone`.
    field: String,
    from: Option<serde_json::Value>,
    to: Option<serde_json::Value>,
}

/// The versions of a patient, first to last.
#[derive(Debug, Object)]
#[oai(rename = "PatientHistory")]
pub struct HistoryDocument {
    pub(super) items: Vec<HistoryEntryDocument>,
}

impl From<HistoryEntry> for HistoryEntryDocument {
    fn from(entry: HistoryEntry) -> Self {
        let changes = entry.changes.into_iter();
        Self {
            version: entry.version.get(),
            position: entry.position.get(),
            event_type: entry.event_type,
            recorded_at: entry.recorded_at.to_string(),
            occurred_at: entry.occurred_at.to_string(),
            actor: ActorDocument {
                user_id: entry.actor.user_id.0,
                role: entry.actor.role.map(|role| role.name().to_owned()),
            },
            request_id: entry.request_id,
            reason: entry.reason,
            forgotten: entry.forgotten,
            changes: changes.map(|c| ChangeDocument { field: c.field, from: c.from, to: c.to }).collect(),
        }
    }
}
