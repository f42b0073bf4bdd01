//! The rules of a medical practice, and nothing else: aggregates, commands, events and value objects.
//!
//! Everything here is pure. Time, identifiers and randomness come in as values; what was decided goes out as events.

pub mod aggregate;
pub mod appointment;
pub mod availability;
pub mod event;
pub mod facility;
pub mod ids;
pub mod patient;
pub mod permissions;
pub mod personal;
pub mod refusal;
pub mod reminder;
pub mod reservation;
pub mod role;
pub mod scheduling;
#[cfg(test)]
mod testing;
pub mod upcasting;
pub mod user;
pub mod values;
pub mod waiting_list;
