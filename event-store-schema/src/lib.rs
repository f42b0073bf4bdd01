//! The log: its SQL, and [`EventLog`], the one type that speaks it.
//!
//! Commands append through it, projections and auditors read through it; nobody else touches the schemas `log` and
//! `keys`. Beside it stands the trace of who looked at what: the schema `audit`, and [`AccessTrail`]. Personal content is encrypted on the way in and decrypted on the way out, so that neither the database nor
//! its backups ever see it.

mod access;
mod append;
mod batch;
mod committer;
mod database;
mod error;
mod holders;
mod keys;
mod log;
mod row;
mod sealing;
mod tail;
mod together;

pub use access::{
    Access, AccessAlert, AccessCursor, AccessFilter, AccessPage, AccessPosition, AccessTrail, AccessedObject, Deed,
    Purpose, RecordedAccess, TrailError, Verdict,
};
pub use append::{AppendRequest, Appended, Guard, IdempotencyKey, NewEvent, StreamAppend};
pub use database::{Database, DatabaseError, MigrationError, migrate};
pub use error::{AppendError, Holder, LogError};
pub use keys::{KeyError, KeyRing, MasterKeys, Vault};
pub use log::EventLog;
