//! E-mails: what arrives, and what is known of those that do not.

use domain::values::Channel;
use policies::messaging::{
    Cause, ChannelHealth, DeliveryError, MailSettings, MessagingSettings, Messengers, SendError,
};
use system_tests::smtp::{Fault, MailServer, Manner, Step};

use super::{file, mail, messengers, send};

#[tokio::test]
async fn an_email_arrives_as_it_was_written() {
    let server = MailServer::start().await;
    let messengers = messengers(Some(&server.url()), None);
    let message =
        policies::messaging::Outgoing {
            html: Some("<p>À bientôt</p>".to_owned()), attachment: Some(file()), ..mail()
        };
    let (told, outcome) = send(&messengers, &message).await;
    outcome.unwrap();
    assert_eq!(told, 1);

    let [arrived] = server.mails().try_into().unwrap();
    assert_eq!(arrived.from, "rdv@cabinet.example");
    assert_eq!(arrived.to, ["zoe@patient.example"]);
    assert_eq!(arrived.sender_name(), message.sender);
    assert_eq!(arrived.subject(), message.subject);
    assert_eq!(arrived.text().trim_end(), message.text.trim_end());
    assert_eq!(arrived.html().trim_end(), "<p>À bientôt</p>");
    assert_eq!(arrived.message_id(), format!("{}@cabinet.example", message.id));
    assert_eq!(arrived.header("Auto-Submitted"), "auto-generated");
    let attached = ("rendez-vous.ics".to_owned(), "text/calendar".to_owned(), file().content);
    assert_eq!(arrived.attachment(), Some(attached));
    assert!(arrived.raw.is_ascii() && arrived.raw.lines().all(|line| line.len() <= 998), "{}", arrived.raw);
}

#[tokio::test]
async fn a_connection_serves_several_messages() {
    let server = MailServer::start().await;
    let messengers = messengers(Some(&server.url()), None);
    for _ in 0..3 {
        send(&messengers, &mail()).await.1.unwrap();
    }
    assert_eq!((server.mails().len(), server.connections()), (3, 1));
}

#[tokio::test]
async fn what_breaks_tells_whether_the_message_can_be_there() {
    use DeliveryError::{Permanent, Transient, Unknown};
    for (fault, told, expected) in [
        (Fault::Refuse(Step::Sender, 550), 0, Transient(Cause::Refused(550))),
        (Fault::Refuse(Step::Recipient, 450), 0, Transient(Cause::Refused(450))),
        (Fault::Refuse(Step::Recipient, 550), 0, Permanent(Cause::Refused(550))),
        (Fault::Refuse(Step::Data, 451), 0, Transient(Cause::Refused(451))),
        (Fault::Refuse(Step::End, 452), 1, Transient(Cause::Refused(452))),
        (Fault::Refuse(Step::End, 554), 1, Permanent(Cause::Refused(554))),
        (Fault::HangUp(Step::Recipient), 0, Transient(Cause::ConnectionLost)),
        (Fault::HangUp(Step::End), 1, Unknown(Cause::ConnectionLost)),
        (Fault::AcceptAndHangUp, 1, Unknown(Cause::ConnectionLost)),
    ] {
        let server = MailServer::start().await;
        let messengers = messengers(Some(&server.url()), None);
        server.break_next([fault]);
        let (times, outcome) = send(&messengers, &mail()).await;
        let Err(SendError::Delivery(error)) = outcome else { panic!("{fault:?}: {outcome:?}") };
        assert_eq!((times, error), (told, expected), "{fault:?}");
        assert_eq!(server.mails().len(), usize::from(fault == Fault::AcceptAndHangUp), "{fault:?}");
        assert!(!format!("{error} {error:?}").contains("patient"), "{error}");
        send(&messengers, &mail()).await.1.unwrap_or_else(|error| panic!("after {fault:?}: {error}"));
    }
}

/// A server that goes away in the middle of a content that is too long for the socket's buffers certainly did not get its
/// end.
#[tokio::test]
async fn what_breaks_before_the_end_of_the_content_was_not_accepted() {
    let server = MailServer::start().await;
    let messengers = messengers(Some(&server.url()), None);
    server.break_next([Fault::HangUp(Step::Content)]);
    let attachment = Some(policies::messaging::Attachment { content: "Une ligne.\r\n".repeat(2_000_000), ..file() });
    let long = policies::messaging::Outgoing { attachment, ..mail() };
    let (told, outcome) = send(&messengers, &long).await;
    let Err(SendError::Delivery(error)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((told, error), (1, DeliveryError::Transient(Cause::ConnectionLost)));
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn a_message_is_not_sent_when_what_comes_before_fails() {
    let server = MailServer::start().await;
    let messengers = messengers(Some(&server.url()), None);
    let outcome = messengers.send(&mail(), async { Err("the database is away") }).await;
    assert!(matches!(outcome, Err(SendError::HandingOver("the database is away"))), "{outcome:?}");
    send(&messengers, &mail()).await.1.unwrap();
    assert_eq!(server.mails().len(), 1, "only the second one");
}

#[tokio::test]
async fn a_server_that_is_away_is_tried_again_later_and_noticed() {
    let (messengers, nothing) = (messengers(Some("smtp://127.0.0.1:1?tls=none"), None), Messengers::default());
    assert_eq!(messengers.health(Channel::Email), ChannelHealth::Good);
    let (told, outcome) = send(&messengers, &mail()).await;
    assert_eq!(told, 0);
    assert!(matches!(outcome, Err(SendError::Delivery(DeliveryError::Transient(Cause::Unreachable)))), "{outcome:?}");
    assert_eq!(messengers.health(Channel::Email), ChannelHealth::Failing(Cause::Unreachable));

    assert!(messengers.can(Channel::Email) && !messengers.can(Channel::Sms) && !nothing.can(Channel::Email));
    assert_eq!(nothing.health(Channel::Email), ChannelHealth::NotConfigured);
    let (_, outcome) = send(&nothing, &mail()).await;
    assert!(matches!(outcome, Err(SendError::Delivery(DeliveryError::Transient(Cause::NotConfigured)))), "{outcome:?}");
}

#[tokio::test]
async fn a_server_is_spoken_to_by_tls_and_told_who_we_are() {
    let folder = tempfile::tempdir().unwrap();
    for manner in [Manner::StartTls, Manner::Tls] {
        let server = MailServer::with(manner, Some(("cabinet", "s3cret"))).await;
        let authority = folder.path().join(format!("{manner:?}.pem"));
        std::fs::write(&authority, server.certificate()).unwrap();
        let ways = |url: &str, authority| {
            let mail = MailSettings::read(Some(url), Some("rdv@cabinet.example"), authority).unwrap();
            Messengers::new(MessagingSettings { mail, sms: None }).unwrap()
        };
        send(&ways(&server.url(), Some(authority.clone())), &mail()).await.1.unwrap();
        assert_eq!(server.mails().len(), 1, "{manner:?}");

        for (messengers, expected) in [
            (ways(&server.url(), None), Cause::Encryption),
            (ways(&server.url().replace("s3cret", "wrong"), Some(authority)), Cause::Login),
        ] {
            let (_, outcome) = send(&messengers, &mail()).await;
            let Err(SendError::Delivery(DeliveryError::Transient(cause))) = outcome else { panic!("{outcome:?}") };
            assert_eq!(cause, expected, "{manner:?}");
        }
        assert_eq!(server.mails().len(), 1, "{manner:?}");
    }
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_that_offers_no_encryption_unless_that_was_said() {
    let server = MailServer::start().await;
    let messengers = messengers(Some(&server.url().replace("?tls=none", "")), None);
    let (_, outcome) = send(&messengers, &mail()).await;
    assert!(matches!(outcome, Err(SendError::Delivery(DeliveryError::Transient(Cause::Encryption)))), "{outcome:?}");
    assert!(server.mails().is_empty());
}
