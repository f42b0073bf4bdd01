//! What servers say to each other over NATS and keep nowhere: who is connected ([`super::presence`]), and whose change came
//! too late ([`super::conflicts`]). It is about one practice at a time, whose id ends the subject, and lost when NATS is away.

use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, Message, Subscriber};
use domain::ids::FacilityId;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How long to wait when NATS takes no subscription.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Everything that is said on these subjects from now on.
pub(super) async fn listen_to(client: &Client, subjects: &str) -> Subscriber {
    loop {
        match client.subscribe(subjects.to_owned()).await {
            Ok(subscription) => return subscription,
            Err(_) => tokio::time::sleep(RETRY_INTERVAL).await,
        }
    }
}

/// Tells the other servers. What would wait for the connection is out of date when it is there, so it is not said then.
pub(super) async fn tell(client: &Client, subject: String, said: &impl Serialize) {
    if client.connection_state() != State::Connected {
        return;
    }
    let Ok(said) = serde_json::to_vec(said) else { return };
    if let Err(error) = client.publish(subject, said.into()).await {
        tracing::debug!(%error, "the other servers are not told");
    }
}

/// What was said, and of which practice; nothing if it is not understood.
pub(super) fn heard<T: DeserializeOwned>(message: &Message) -> Option<(FacilityId, T)> {
    let facility = message.subject.rsplit('.').next()?.parse().ok()?;
    Some((facility, serde_json::from_slice(&message.payload).ok()?))
}
