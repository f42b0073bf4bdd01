//! A message as it goes out: to whom, by what, and what is in it.

use domain::values::{Channel, EmailAddress, PhoneNumber};
use uuid::Uuid;

/// A message to one patient.
#[derive(Clone)]
pub struct Outgoing {
    /// The same at every try: from it comes the Message-ID of an e-mail, and the Idempotency-Key of a short message.
    pub id: Uuid,
    /// Whom a mail program shows as the sender, beside the address that is configured: the name of the practice.
    pub sender: String,
    /// Whom it goes to.
    pub recipient: Recipient,
    /// What an e-mail is about; a short message has none.
    pub subject: String,
    /// What is said.
    pub text: String,
    /// The same as a page; a short message has none.
    pub html: Option<String>,
    /// A file that comes with an e-mail; a short message has none.
    pub attachment: Option<Attachment>,
}

/// Where a message goes, which says by what.
#[derive(Clone, PartialEq, Eq)]
pub enum Recipient {
    /// An e-mail to this address.
    Email(EmailAddress),
    /// A short message to this telephone.
    Phone(PhoneNumber),
}

impl Recipient {
    /// By what it is reached.
    pub const fn channel(&self) -> Channel {
        match self {
            Self::Email(_) => Channel::Email,
            Self::Phone(_) => Channel::Sms,
        }
    }
}

/// A file in an e-mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name, in ASCII.
    pub name: String,
    /// Its media type, with parameters.
    pub content_type: String,
    /// What is in it.
    pub content: String,
}
