//! From a command to appended events: load the aggregate, decide, append. If another server appended first, decide again.
//!
//! ```text
//! a service, a policy ─► Commands ─► booking_facts, facilities … ─► the aggregate's handle ─► EventLog::append
//!                           ▲        what is guarded        events, or a refusal            │
//!                           └──────────── another version: again, on the new state ◄───────┘
//! ```
//!
//! No command reads a read model. A decision rests on its aggregate, on a guard or on a reservation.

mod appointment_series;
mod appointments;
mod appointments_together;
mod availability;
mod booking_facts;
mod cache;
mod context;
mod error;
mod execute;
mod facilities;
mod loaded;
mod patient_numbers;
mod patients;
mod practice_clock;
mod reminders;
mod series_rest;
mod store;
mod users;
mod waiting_list;

pub use appointment_series::{LinkedBooking, LinkedOutcome, OccurrenceOutcome, SeriesBooking, SeriesOutcome};
pub use appointments_together::OccurrenceRefusal;
pub use availability::{LeavePlan, LeaveRefusal, Touched};
pub use context::CommandContext;
pub use error::CommandError;
pub use execute::{Commands, Executed};
pub use loaded::{Loaded, Recorded};
pub use patients::Registration;
pub use series_rest::{OccurrenceChange, SeriesMove, SeriesRest};
pub use store::LogEventStore;
pub use waiting_list::AcceptRefusal;
