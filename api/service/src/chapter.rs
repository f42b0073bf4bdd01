//! The chapters into which the OpenAPI document is divided.

/// The chapters of the OpenAPI document.
#[derive(poem_openapi::Tags)]
pub enum Chapter {
    /// Logging in, and who is logged in.
    Session,
    /// Who works in the practice, and their accounts.
    Staff,
    /// Identity, contact and insurance of patients.
    Patients,
    /// Who sees whom, when and where.
    Appointments,
    /// Who waits for a time.
    WaitingList,
    /// What the staff is told of.
    Notifications,
    /// When practitioners can be booked.
    Availability,
    /// The practice itself.
    Facilities,
    /// Who looked at whose data.
    Audit,
    /// Whether the server lives and is ready.
    Operation,
}
