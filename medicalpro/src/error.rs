//! Why the program ended with an error.

use std::io;

use accounts::AccountsError;
use accounts::passwords::PasswordError;
use embedded_servers::EmbeddedError;
use event_store_schema::{DatabaseError, KeyError, LogError, MigrationError};
use policies::messaging::SettingsError;
use policies::reminders::OutboxError;
use projections::publisher::NatsError;
use service_notifications::ReadMarksError;

use crate::demo;
use crate::serve::ServeError;

/// Why the program ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The embedded servers do not start or stop.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// `DATABASE_URL` or `DATABASE_ADMIN_URL` is not understood.
    #[error("the database settings are not usable: {0}")]
    DatabaseUrl(#[from] tokio_postgres::Error),
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The log's schema cannot be brought to this release.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// The master key is not one.
    #[error("the master key (MEDICALPRO_MASTER_KEY or --master-key-file) is not usable: {0}")]
    MasterKey(#[from] KeyError),
    /// The master key cannot be read or kept.
    #[error("cannot read or write the master key file {0}: {1}")]
    MasterKeyFile(String, io::Error),
    /// The key ring does not open.
    #[error(transparent)]
    Keys(#[from] LogError),
    /// The schema of the accounts cannot be brought to this release.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The schema of who has read which notification cannot be brought to this release.
    #[error(transparent)]
    ReadMarks(#[from] ReadMarksError),
    /// The threads that check passwords do not start.
    #[error(transparent)]
    Passwords(#[from] PasswordError),
    /// The read models cannot be installed.
    #[error(transparent)]
    ReadModels(#[from] projections_engine::InstallError),
    /// NATS cannot be used.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// The demo practice cannot be seeded.
    #[error(transparent)]
    Demo(#[from] demo::DemoError),
    /// The schema of messages cannot be brought to this release.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// Messages to patients cannot be sent as configured.
    #[error(transparent)]
    Messaging(#[from] SettingsError),
    /// Metrics cannot be recorded.
    #[error("metrics cannot be recorded: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// No server runs on the data folder.
    #[error("no server is running with the data folder {0}: {1}")]
    NotRunning(String, io::Error),
    /// The interface cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The asynchronous runtime does not start.
    #[error("the asynchronous runtime does not start: {0}")]
    Runtime(io::Error),
}
