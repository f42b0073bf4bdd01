//! What the API offers, one file per resource: its documents, its operations, and how each becomes a command or a query.

pub mod appointments;
pub mod audit;
pub mod availability;
pub mod facilities;
pub mod health;
pub mod patients;
pub mod practitioners;
pub mod roles;
pub mod rooms;
pub mod session;
pub mod slots;
pub mod users;

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
    /// When practitioners can be booked.
    Availability,
    /// The practice itself.
    Facilities,
    /// Who looked at whose data.
    Audit,
    /// Whether the server lives and is ready.
    Operation,
}
