//! Short messages: what reaches the gateway, and what is known of what does not.

use policies::messaging::{Cause, DeliveryError, SendError};
use serde_json::json;
use system_tests::sms::{Fault, SmsGateway};

use super::{messengers, send, short_message};

#[tokio::test]
async fn a_short_message_is_posted_with_a_key_of_its_own() {
    let gateway = SmsGateway::start().await;
    let messengers = messengers(None, Some(&gateway.url()));
    let message = short_message();
    let (told, outcome) = send(&messengers, &message).await;
    outcome.unwrap();
    assert_eq!(told, 1);
    let [posted] = gateway.messages().try_into().unwrap();
    assert_eq!(posted.body, json!({"to": "+33612345678", "text": message.text}));
    assert_eq!(posted.token.as_deref(), Some("t0ken"));
    assert_eq!(posted.key, Some(message.id.to_string()));
}

#[tokio::test]
async fn an_answer_tells_whether_the_message_can_be_there() {
    use DeliveryError::{Permanent, Transient, Unknown};
    let gateway = SmsGateway::start().await;
    let messengers = messengers(None, Some(&gateway.url()));
    for (fault, expected) in [
        (Fault::Answer(503), Transient(Cause::Refused(503))),
        (Fault::Answer(401), Transient(Cause::Login)),
        (Fault::Answer(422), Permanent(Cause::Refused(422))),
        (Fault::Answer(500), Unknown(Cause::Refused(500))),
        (Fault::AcceptAndHangUp, Unknown(Cause::ConnectionLost)),
    ] {
        gateway.break_next([fault]);
        let (_, outcome) = send(&messengers, &short_message()).await;
        let Err(SendError::Delivery(error)) = outcome else { panic!("{fault:?}: {outcome:?}") };
        assert_eq!(error, expected, "{fault:?}");
        assert!(!format!("{error} {error:?}").contains("+33"), "{error}");
    }
}

#[tokio::test]
async fn a_gateway_that_is_away_did_not_get_the_message() {
    let messengers = messengers(None, Some("http://127.0.0.1:1/messages"));
    let (told, outcome) = send(&messengers, &short_message()).await;
    assert_eq!(told, 1, "before the connection is tried");
    assert!(matches!(outcome, Err(SendError::Delivery(DeliveryError::Transient(Cause::Unreachable)))), "{outcome:?}");
}

#[tokio::test]
async fn a_short_message_is_not_sent_when_what_comes_before_fails() {
    let gateway = SmsGateway::start().await;
    let outcome = messengers(None, Some(&gateway.url())).send(&short_message(), async { Err(()) }).await;
    assert!(matches!(outcome, Err(SendError::HandingOver(()))));
    assert!(gateway.messages().is_empty());
}
