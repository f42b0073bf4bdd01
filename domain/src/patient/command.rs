//! What can be asked of a patient's file.

use super::PatientDetails;
use crate::values::{PatientNumber, Reason};

/// A command to a patient's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatientCommand {
    /// Takes a new patient in.
    RegisterPatient {
        /// The number that the practice gives them.
        patient_number: PatientNumber,
        /// What is known of them.
        details: PatientDetails,
        /// They are known not to be the patient whom they look like.
        confirm_distinct: bool,
        /// Why; needed with `confirm_distinct`.
        reason: Option<Reason>,
    },
    /// Replaces what is known of them; what stays the same is not an event.
    RevisePatient {
        /// What is known of them now.
        details: PatientDetails,
        /// They are known not to be the patient whom they look like.
        confirm_distinct: bool,
        /// Why; needed when the identity changes.
        reason: Option<Reason>,
    },
    /// Puts the file away.
    ArchivePatient,
    /// Takes it out again.
    RestorePatient,
    /// Closes the clinical part to those who do not say why they open it: of a colleague, of somebody well known.
    RestrictPatient {
        /// Why.
        reason: Option<Reason>,
    },
    /// Opens it again to all who may read it.
    UnrestrictPatient {
        /// Why.
        reason: Option<Reason>,
    },
}
