//! The log: its SQL, and [`EventLog`], the one type that speaks it.
//!
//! Commands append through it; projections and auditors read through it. No other crate has SQL on the schemas `log`, `keys`
//! and `audit`, and this crate does not know what any event means. Personal content is encrypted on the way in and decrypted
//! on the way out, so neither the database nor its backups ever see it.
//!
//! ```text
//! EventLog::append ─► preparing ─► group_commit ─► log.append (sql/functions) ─► appending: an answer for each request
//! EventLog::load, read_forward ─► tail, or row: decrypted and upcast
//! AccessTrail::record ─► group_commit ─► audit.record_access
//! ```
//!
//! [`tasks`], [`health`], [`not_understood`] and [`migrating`] are for the whole house: they need no more than Tokio and
//! PostgreSQL.

mod access;
mod append;
mod appending;
mod batch;
mod cell;
mod database;
mod error;
mod group_commit;
pub mod health;
mod holders;
mod key_error;
mod keys;
mod log;
pub mod migrating;
pub mod not_understood;
mod preparing;
mod row;
mod sealing;
mod tail;
pub mod tasks;
mod together;

pub use access::{
    Access, AccessAlert, AccessCursor, AccessFilter, AccessPage, AccessPosition, AccessTrail, AccessedObject, Deed,
    Purpose, RecordedAccess, TrailError, Verdict,
};
pub use append::{AppendRequest, Appended, Guard, IdempotencyKey, NewEvent, StreamAppend};
pub use cell::{Cells, Malformed};
pub use database::{Database, DatabaseError};
pub use error::{AppendError, DamagedEvent, Holder, LogError};
pub use key_error::KeyError;
pub use keys::{KeyRing, MasterKeys, Vault};
pub use log::EventLog;
pub use migrating::{MigrationError, migrate};
