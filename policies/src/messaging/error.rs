//! What can come of sending a message, told apart by the one thing that its sender must know: whether it can be there.

use std::fmt;

/// The message was not delivered, or nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// It was certainly not accepted, and may be if it is tried again: the other side is away, busy, or does not know us.
    #[error("not sent for now: {0}")]
    Transient(Cause),
    /// It was certainly not accepted, and never will be.
    #[error("refused for good: {0}")]
    Permanent(Cause),
    /// It was handed over, and the answer never came: it may have been accepted.
    #[error("handed over, and no answer came: {0}")]
    Unknown(Cause),
}

impl DeliveryError {
    /// Why.
    pub const fn cause(self) -> Cause {
        match self {
            Self::Transient(cause) | Self::Permanent(cause) | Self::Unknown(cause) => cause,
        }
    }
}

/// Sending failed, here or there.
#[derive(Debug, thiserror::Error)]
pub enum SendError<E> {
    /// It was not delivered, or nobody knows.
    #[error(transparent)]
    Delivery(DeliveryError),
    /// What the sender wanted to do before the message is handed over failed; so it was not.
    #[error("not sent, for what comes before failed: {0}")]
    HandingOver(E),
}

impl<E> From<DeliveryError> for SendError<E> {
    fn from(error: DeliveryError) -> Self {
        Self::Delivery(error)
    }
}

/// Why a message was not delivered; in logs and events, so it holds nothing of the message and nothing that the other
/// side wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// This way of reaching patients is not set up.
    NotConfigured,
    /// The other side cannot be reached.
    Unreachable,
    /// No TLS connection comes about: the certificate is not trusted, or encryption is not offered.
    Encryption,
    /// The other side does not take our login.
    Login,
    /// No answer in time.
    TimedOut,
    /// The connection broke, or what came was no answer.
    ConnectionLost,
    /// The address or the message is none that can be sent.
    Unsendable,
    /// The other side answered with this status of SMTP (RFC 5321) or of HTTP.
    Refused(u16),
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = match self {
            Self::NotConfigured => "not_configured",
            Self::Unreachable => "unreachable",
            Self::Encryption => "encryption",
            Self::Login => "login",
            Self::TimedOut => "timed_out",
            Self::ConnectionLost => "connection_lost",
            Self::Unsendable => "unsendable",
            Self::Refused(status) => return write!(formatter, "refused_{status}"),
        };
        formatter.write_str(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_a_code_that_an_event_can_hold() {
        assert_eq!(Cause::Refused(550).to_string(), "refused_550");
        assert_eq!(DeliveryError::Unknown(Cause::TimedOut).cause().to_string(), "timed_out");
    }
}
