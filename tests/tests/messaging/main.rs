//! Messages to patients, to a real SMTP server and a real gateway of the test's own, which break where it matters.

mod links;
mod mail;
mod sms;

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::values::{EmailAddress, PhoneNumber, TextValue};
use policies::messaging::{
    Attachment, DEFAULT_SMS_BODY, MailSettings, MessagingSettings, Messengers, Outgoing, Recipient, SendError,
    SmsSettings,
};
use uuid::Uuid;

/// Ways to reach patients: this server and this gateway, as the operator would name them.
fn messengers(smtp_url: Option<&str>, sms_url: Option<&str>) -> Messengers {
    let mail = MailSettings::read(smtp_url, Some("rdv@cabinet.example"), None).expect("the server");
    let sms = SmsSettings::read(sms_url, Some("t0ken"), DEFAULT_SMS_BODY).expect("the gateway");
    Messengers::new(MessagingSettings { mail, sms }).expect("settings")
}

fn message_to(recipient: Recipient) -> Outgoing {
    Outgoing {
        id: Uuid::now_v7(),
        sender: "Cabinet de la Gaîté, dès 8 h".to_owned(),
        recipient,
        subject: "Rappel : votre rendez-vous du mardi 24 novembre 2026 à 9 h 30".to_owned(),
        text: "Bonjour,\n\n.Un point en début de ligne, et une ligne qui est bien plus longue que ce qu'un serveur de \
               courrier accepte sans qu'on la replie avant de la lui donner.\n.\nÀ bientôt\n"
            .to_owned(),
        html: None,
        attachment: None,
    }
}

fn mail() -> Outgoing {
    message_to(Recipient::Email(EmailAddress::parse("zoe@patient.example").expect("an address")))
}

fn short_message() -> Outgoing {
    message_to(Recipient::Phone(PhoneNumber::parse("06 12 34 56 78").expect("a number")))
}

/// Sends a message; how often it was about to be handed over, and what came of it.
async fn send(messengers: &Messengers, message: &Outgoing) -> (usize, Result<(), SendError<Infallible>>) {
    let told = AtomicUsize::new(0);
    let outcome = messengers
        .send(message, async {
            told.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .await;
    (told.into_inner(), outcome)
}

fn file() -> Attachment {
    Attachment {
        name: "rendez-vous.ics".to_owned(),
        content_type: "text/calendar; charset=utf-8; method=PUBLISH".to_owned(),
        content: "BEGIN:VCALENDAR\r\nSUMMARY:À l'étage\r\nEND:VCALENDAR\r\n".to_owned(),
    }
}
