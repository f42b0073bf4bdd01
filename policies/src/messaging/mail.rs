//! A message as an e-mail: MIME, in ASCII throughout, so that every server takes it.

use domain::values::{EmailAddress, TextValue};
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};

use super::{Cause, DeliveryError, Outgoing};

/// An e-mail that is ready to be sent.
pub(super) struct Mail {
    pub(super) from: Address,
    pub(super) to: Address,
    /// Head and content, as they travel.
    pub(super) bytes: Vec<u8>,
}

impl Mail {
    /// Writes the message as an e-mail from `from` to `to`.
    pub(super) fn write(outgoing: &Outgoing, from: &Mailbox, to: &EmailAddress) -> Result<Self, DeliveryError> {
        let unsendable = DeliveryError::Permanent(Cause::Unsendable);
        let to: Address = to.as_str().parse().map_err(|_| unsendable)?;
        let sender = Mailbox::new(Some(outgoing.sender.clone()), from.email.clone());
        let head = Message::builder()
            .from(sender)
            .to(Mailbox::new(None, to.clone()))
            .subject(outgoing.subject.clone())
            // The same at every try, so that a mail program shows a message once that came twice.
            .message_id(Some(format!("<{}@{}>", outgoing.id, from.email.domain())))
            .header(AutoSubmitted);
        let text = SinglePart::plain(outgoing.text.clone());
        let whole = match (&outgoing.html, &outgoing.attachment) {
            (None, None) => head.singlepart(text),
            (Some(html), None) => head.multipart(alternatives(text, html)),
            (None, Some(file)) => head.multipart(MultiPart::mixed().singlepart(text).singlepart(attach(file)?)),
            (Some(html), Some(file)) => {
                head.multipart(MultiPart::mixed().multipart(alternatives(text, html)).singlepart(attach(file)?))
            }
        };
        let bytes = whole.map_err(|_| unsendable)?.formatted();
        Ok(Self { from: from.email.clone(), to, bytes })
    }
}

fn alternatives(text: SinglePart, html: &str) -> MultiPart {
    MultiPart::alternative().singlepart(text).singlepart(SinglePart::html(html.to_owned()))
}

fn attach(file: &super::Attachment) -> Result<SinglePart, DeliveryError> {
    let content_type =
        ContentType::parse(&file.content_type).map_err(|_| DeliveryError::Permanent(Cause::Unsendable))?;
    Ok(Attachment::new(file.name.clone()).body(file.content.clone(), content_type))
}

/// Tells other programs not to answer: no notes of absence come back (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
