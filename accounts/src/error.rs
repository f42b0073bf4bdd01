//! What can go wrong with the accounts.

use event_store_schema::{DatabaseError, KeyError, LogError, Malformed};

use super::passwords::PasswordError;

/// The system gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no randomness from the operating system")]
pub struct NoRandomness;

/// The signing key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the token signing key is not usable")]
pub struct UnusableKey;

/// The accounts could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The database could not be reached.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The tables could not be made.
    #[error("migration of the accounts failed: {0}")]
    Migration(#[from] refinery::Error),
    /// A row holds what this release does not understand.
    #[error("a row of the accounts is not understood: {0}")]
    NotUnderstood(#[from] Malformed),
    /// A sealed secret does not open.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A secret of the house cannot be read.
    #[error(transparent)]
    Secret(#[from] LogError),
    /// The system gave no randomness.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// A code could not be hashed.
    #[error(transparent)]
    Hash(#[from] PasswordError),
    /// A key that signs access tokens is none.
    #[error(transparent)]
    SigningKey(#[from] UnusableKey),
}

impl From<tokio_postgres::Error> for AccountsError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}
