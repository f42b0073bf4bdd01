//! Whether a patient is followed by the practice.

use super::code::code_value;

code_value! {
    /// Whether a patient is followed, in the codes of the existing web client. Archiving makes a patient inactive,
    /// restoring makes them active again; erasure and merging are events of their own, not a status to be typed.
    PatientStatus("patient_status_code", "Whether the practice follows the patient.") {
        /// Followed.
        Active = "active",
        /// Archived: kept, and no longer followed.
        Inactive = "inactive",
    }
}
