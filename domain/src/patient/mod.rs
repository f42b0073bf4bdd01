//! A patient of a practice: identity, contact, insurance, number and status.
//!
//! ```text
//!              PatientRegistered                PatientArchived
//!   (nothing) ─────────────────────► followed ─────────────────► archived
//!                                     │   ▲ ◄───────────────────
//!                                     └───┘     PatientRestored
//!      PatientIdentityCorrected, PatientContactChanged, PatientInsuranceChanged
//! ```
//!
//! Followed or archived, the file may be restricted (`PatientRestricted`, `PatientUnrestricted`): then nobody opens its clinical
//! part without saying why.

mod command;
mod details;
mod event;
mod rules;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::command::PatientCommand;
pub use self::details::{Contact, Coverage, EmergencyContact, Identity, PatientDetails};
pub use self::event::PatientEvent;
pub use self::rules::{contact_changes, identity_changes, insurance_changes};
use crate::aggregate::{AggregateRoot, Circumstances};
use crate::ids::SubjectId;
use crate::personal::Revealed;
use crate::refusal::{Refusal, Refused};
use crate::values::{PatientNumber, PatientStatus, RuleBroken, Violation};

/// A patient as their events tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Patient {
    /// The number in the practice; none before the registration.
    pub patient_number: Option<PatientNumber>,
    /// Whether the patient is archived.
    pub archived: bool,
    /// Whether the clinical part is opened for a declared reason only.
    #[serde(default)]
    pub restricted: bool,
    /// Who the patient is.
    pub identity: Revealed<Identity>,
    /// How to reach them.
    pub contact: Revealed<Contact>,
    /// How they are insured.
    pub coverage: Revealed<Coverage>,
}

/// Why a command on a patient is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatientError {
    /// There is no such patient.
    #[error("the patient is not registered")]
    NotRegistered,
    /// The id is taken.
    #[error("the patient is already registered")]
    AlreadyRegistered,
    /// An archived patient is restored before anything is changed.
    #[error("the patient is archived")]
    Archived,
    /// Only an archived patient can be restored.
    #[error("the patient is not archived")]
    NotArchived,
    /// The file is restricted already.
    #[error("the patient is already restricted")]
    AlreadyRestricted,
    /// Only a restricted file can be opened to all again.
    #[error("the patient is not restricted")]
    NotRestricted,
    /// The data are not right.
    #[error("{} field(s) are not right", .0.len())]
    Invalid(Vec<Violation>),
}

impl Refused for PatientError {
    fn refusal(self) -> Refusal<Self> {
        match self {
            Self::NotRegistered => Refusal::NotThere,
            Self::Invalid(violations) => Refusal::Invalid(violations),
            Self::AlreadyRegistered
            | Self::Archived
            | Self::NotArchived
            | Self::AlreadyRestricted
            | Self::NotRestricted => Refusal::NotNow(self.sentence()),
        }
    }
}

impl Patient {
    /// Whether there was a registration.
    pub fn is_registered(&self) -> bool {
        self.patient_number.is_some()
    }

    /// Whether the practice follows the patient.
    pub fn status(&self) -> PatientStatus {
        if self.archived { PatientStatus::Inactive } else { PatientStatus::Active }
    }

    fn registered(&self) -> Result<(), PatientError> {
        if self.is_registered() { Ok(()) } else { Err(PatientError::NotRegistered) }
    }

    fn followed(&self) -> Result<(), PatientError> {
        match self {
            Self { patient_number: None, .. } => Err(PatientError::NotRegistered),
            Self { archived: true, .. } => Err(PatientError::Archived),
            _ => Ok(()),
        }
    }

    /// What has to happen so that the patient's details are these: one event per part that differs.
    fn revision(&self, details: PatientDetails, confirmed_distinct: bool) -> Vec<PatientEvent> {
        let PatientDetails { identity, contact, coverage } = details;
        let mut events = Vec::new();
        let fields_changed = identity_changes(self.identity.value(), &identity);
        if !fields_changed.is_empty() {
            let personal = Revealed::Value(identity);
            events.push(PatientEvent::PatientIdentityCorrected { fields_changed, confirmed_distinct, personal });
        }
        let fields_changed = contact_changes(self.contact.value(), &contact);
        if !fields_changed.is_empty() {
            let personal = Revealed::Value(contact);
            events.push(PatientEvent::PatientContactChanged { fields_changed, personal });
        }
        let fields_changed = insurance_changes(self.coverage.value(), &coverage);
        if !fields_changed.is_empty() {
            let personal = Revealed::Value(coverage);
            events.push(PatientEvent::PatientInsuranceChanged { fields_changed, personal });
        }
        events
    }
}

impl Aggregate for Patient {
    const TYPE: &'static str = "patient";
    type Command = PatientCommand;
    type Event = PatientEvent;
    type Error = PatientError;
    type Services = Circumstances;

    async fn handle(
        &mut self,
        command: PatientCommand,
        circumstances: &Circumstances,
        sink: &EventSink<Self>,
    ) -> Result<(), PatientError> {
        match command {
            PatientCommand::RegisterPatient { patient_number, details, confirm_distinct, reason } => {
                if self.is_registered() {
                    return Err(PatientError::AlreadyRegistered);
                }
                let needs_reason = confirm_distinct && reason.is_none();
                refuse(
                    rules::violations(&details, circumstances.today).chain(reason_missing(needs_reason, CORRECTION)),
                )?;
                let registered = PatientEvent::PatientRegistered {
                    patient_number,
                    confirmed_distinct: confirm_distinct,
                    personal: Revealed::Value(details),
                };
                sink.write(registered, self).await;
            }
            PatientCommand::RevisePatient { details, confirm_distinct, reason } => {
                self.followed()?;
                let events = self.revision(details.clone(), confirm_distinct);
                let corrects =
                    events.iter().any(|event| matches!(event, PatientEvent::PatientIdentityCorrected { .. }));
                let needs_reason = corrects && reason.is_none();
                refuse(
                    rules::violations(&details, circumstances.today).chain(reason_missing(needs_reason, CORRECTION)),
                )?;
                for event in events {
                    sink.write(event, self).await;
                }
            }
            PatientCommand::ArchivePatient => {
                self.followed()?;
                sink.write(PatientEvent::PatientArchived {}, self).await;
            }
            PatientCommand::RestorePatient => {
                self.registered()?;
                if !self.archived {
                    return Err(PatientError::NotArchived);
                }
                sink.write(PatientEvent::PatientRestored {}, self).await;
            }
            PatientCommand::RestrictPatient { reason } => {
                self.registered()?;
                if self.restricted {
                    return Err(PatientError::AlreadyRestricted);
                }
                refuse(reason_missing(reason.is_none(), RESTRICTION).into_iter())?;
                sink.write(PatientEvent::PatientRestricted {}, self).await;
            }
            PatientCommand::UnrestrictPatient { reason } => {
                self.registered()?;
                if !self.restricted {
                    return Err(PatientError::NotRestricted);
                }
                refuse(reason_missing(reason.is_none(), RESTRICTION).into_iter())?;
                sink.write(PatientEvent::PatientUnrestricted {}, self).await;
            }
        }
        Ok(())
    }

    fn apply(&mut self, event: PatientEvent) {
        match event {
            PatientEvent::PatientRegistered { patient_number, personal, confirmed_distinct: _ } => {
                let (identity, contact, coverage) = match personal {
                    Revealed::Value(PatientDetails { identity, contact, coverage }) => {
                        (Revealed::Value(identity), Revealed::Value(contact), Revealed::Value(coverage))
                    }
                    Revealed::Forgotten => (Revealed::Forgotten, Revealed::Forgotten, Revealed::Forgotten),
                };
                let patient_number = Some(patient_number);
                *self = Self { patient_number, archived: false, restricted: false, identity, contact, coverage };
            }
            PatientEvent::PatientIdentityCorrected { personal, .. } => self.identity = personal,
            PatientEvent::PatientContactChanged { personal, .. } => self.contact = personal,
            PatientEvent::PatientInsuranceChanged { personal, .. } => self.coverage = personal,
            PatientEvent::PatientArchived {} => self.archived = true,
            PatientEvent::PatientRestored {} => self.archived = false,
            PatientEvent::PatientRestricted {} => self.restricted = true,
            PatientEvent::PatientUnrestricted {} => self.restricted = false,
        }
    }
}

impl AggregateRoot for Patient {
    const INTRODUCES_SUBJECT: bool = true;

    fn subject(&self, id: Uuid) -> Option<SubjectId> {
        Some(SubjectId(id))
    }
}

const CORRECTION: &str = "A correction of the identity, and a registration beside a likely duplicate, need a reason.";
const RESTRICTION: &str = "Restricting a patient's file and lifting the restriction need a reason.";

fn reason_missing(missing: bool, why: &str) -> Option<Violation> {
    missing.then(|| RuleBroken::new("reason_required", why).at("reason"))
}

fn refuse(violations: impl Iterator<Item = Violation>) -> Result<(), PatientError> {
    let violations: Vec<_> = violations.collect();
    if violations.is_empty() { Ok(()) } else { Err(PatientError::Invalid(violations)) }
}
