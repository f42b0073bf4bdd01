//! Messages to patients: e-mails through the practice's SMTP server, short messages through any gateway that speaks HTTP.
//!
//! ```text
//! reminders, offers of the waiting list ──► texts, calendar (what is said) ──► Messengers::send
//!                                                                               │  mail: MIME ──► smtp
//!                                                                               └─ sms: JSON  ──► the gateway
//! ```
//!
//! Nothing is kept here: when a message is due, whether it was sent and how often it is tried is its sender's affair. For
//! that, [`Messengers::send`] waits for the sender at the one moment that matters, right before the other side can have the
//! message, and its errors tell whether the message can be there ([`DeliveryError`]). Neither errors nor logs name a
//! recipient or repeat what the other side said: servers like to quote addresses.

mod calendar;
mod error;
mod health;
mod mail;
mod outgoing;
mod settings;
mod sms;
mod sms_body;
mod smtp;
pub mod texts;

use std::sync::Arc;
use std::time::Duration;

use domain::values::Channel;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

pub use self::error::{Cause, DeliveryError, SendError};
pub use self::health::ChannelHealth;
pub use self::outgoing::{Attachment, Outgoing, Recipient};
pub use self::settings::{Encryption, MailSettings, MessagingSettings, SettingsError, SmsSettings};
use self::sms::SmsGateway;
pub use self::sms_body::{BodyTemplate, DEFAULT_BODY as DEFAULT_SMS_BODY};
use self::smtp::SmtpServer;

/// How long messages that are on their way may take when the server stops.
const LAST_MESSAGES: Duration = Duration::from_secs(10);

/// Waits for messages that are on their way, when no other is begun any more.
pub async fn last_messages(sending: &TaskTracker) {
    sending.close();
    if timeout(LAST_MESSAGES, sending.wait()).await.is_err() {
        tracing::warn!("messages are on their way that do not end in time");
    }
}

/// The ways to reach patients that are set up on this server; cheap to clone.
#[derive(Clone, Default)]
pub struct Messengers(Arc<Ways>);

#[derive(Default)]
struct Ways {
    mail: Option<SmtpServer>,
    sms: Option<SmsGateway>,
}

impl Messengers {
    /// As configured. Nobody is spoken to yet.
    pub fn new(settings: MessagingSettings) -> Result<Self, SettingsError> {
        let mail = settings.mail.map(SmtpServer::new).transpose()?;
        let sms = settings.sms.map(SmsGateway::new).transpose()?;
        Ok(Self(Arc::new(Ways { mail, sms })))
    }

    /// Whether patients can be reached this way.
    pub fn can(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.0.mail.is_some(),
            Channel::Sms => self.0.sms.is_some(),
        }
    }

    /// The address that e-mails come from, if there is a server for them.
    pub fn address(&self) -> Option<&str> {
        self.0.mail.as_ref().map(SmtpServer::address)
    }

    /// How sending went last.
    pub fn health(&self, channel: Channel) -> ChannelHealth {
        let log = match channel {
            Channel::Email => self.0.mail.as_ref().map(|mail| &mail.health),
            Channel::Sms => self.0.sms.as_ref().map(|sms| &sms.health),
        };
        log.map_or(ChannelHealth::NotConfigured, |health| health.read())
    }

    /// Sends a message, once: nothing is tried again here.
    ///
    /// `handing_over` is awaited when all is ready and nothing is sent: of an e-mail, the server has accepted sender and
    /// recipient and waits for the content; of a short message, before the request. If it fails, the message is not
    /// sent. After it, [`DeliveryError::Unknown`] means that the message may be there or not; every other error, and one
    /// before it, means that it is not.
    pub async fn send<E: Send>(
        &self,
        outgoing: &Outgoing,
        handing_over: impl Future<Output = Result<(), E>> + Send,
    ) -> Result<(), SendError<E>> {
        let missing = SendError::Delivery(DeliveryError::Transient(Cause::NotConfigured));
        let (health, outcome) = match &outgoing.recipient {
            Recipient::Email(address) => {
                let server = self.0.mail.as_ref().ok_or(missing)?;
                (&server.health, server.send(outgoing, address, handing_over).await)
            }
            Recipient::Phone(number) => {
                let gateway = self.0.sms.as_ref().ok_or(missing)?;
                (&gateway.health, gateway.send(outgoing, number, handing_over).await)
            }
        };
        health.observe(outgoing.recipient.channel(), &outcome);
        outcome
    }
}
