//! By what a patient is told something.

use super::code::code_value;

code_value! {
    /// A way to reach a patient, in the codes of the existing web client.
    Channel("channel_code", "By what the patient is told.") {
        /// An e-mail.
        Email = "email",
        /// A short message to a telephone.
        Sms = "sms",
    }
}
