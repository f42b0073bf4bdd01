//! The administrative gender of a patient.

use super::code::code_value;

code_value! {
    /// The administrative gender, in the codes of the existing web client (`male`, `female`, `other`) and of HL7 FHIR
    /// `administrative-gender`, which adds `unknown`: what a provisional identity has.
    Gender("gender_code", "The administrative gender of a patient.") {
        /// Male.
        Male = "male",
        /// Female.
        Female = "female",
        /// Neither of the two.
        Other = "other",
        /// Not known.
        Unknown = "unknown",
    }
}
