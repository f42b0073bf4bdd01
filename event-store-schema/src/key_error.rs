//! What can go wrong with keys.

/// What is wrong with a key, or with content under it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// The text is not a list of keys.
    #[error("a master key is 32 bytes in base64; several are separated by commas, the one in use first")]
    InvalidMasterKey,
    /// Something was wrapped by a master key that this server was not given.
    #[error("the master key {0} is missing")]
    UnknownMasterKey(String),
    /// The content is not what was encrypted there under that key.
    #[error("content does not decrypt: it was altered or moved, or the key is not the right one")]
    NotAuthentic,
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system")]
    NoRandomness,
    /// The patient's data key does not exist.
    #[error("there is no data key for this patient")]
    NoDataKey,
}
