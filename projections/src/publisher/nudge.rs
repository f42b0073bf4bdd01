//! Nudges: a server whose log has grown says so at once on a plain subject. The publisher comes later, because it waits for
//! read models. A lost nudge costs a poll interval.

use std::convert::Infallible;
use std::time::Duration;

use async_nats::{Client, Message};
use domain::ids::Position;
use event_store_schema::EventLog;
use futures_util::StreamExt;

use super::nats::is_connected;

const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Tells the other servers when this one's log grows, and this one when theirs does.
pub(super) async fn nudge_and_listen(log: EventLog, client: Client, subject: String) {
    loop {
        // A subscription outlives reconnections; it ends, or cannot be made, when the client is closing.
        let Err(error) = follow(&log, &client, &subject).await;
        tracing::debug!(%error, "nudges are interrupted");
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}

async fn follow(log: &EventLog, client: &Client, subject: &str) -> Result<Infallible, async_nats::Error> {
    let mut nudges = client.subscribe(subject.to_owned()).await?;
    let mut head = log.watch();
    // The position that all servers have heard of. If it were passed on again, two servers would nudge each other for ever.
    let mut known = *head.borrow_and_update();
    loop {
        tokio::select! {
            nudge = nudges.next() => {
                let Some(position) = nudge.as_ref().ok_or("the subscription ended").map(position)? else { continue };
                known = known.max(position);
                log.announce(position);
            }
            grown = head.changed() => {
                grown?;
                let position = *head.borrow_and_update();
                // A nudge that waits for the connection would come too late to be of use.
                if position > known && is_connected(client) {
                    known = position;
                    client.publish(subject.to_owned(), position.to_string().into()).await?;
                }
            }
        }
    }
}

fn position(nudge: &Message) -> Option<Position> {
    let number: u64 = std::str::from_utf8(&nudge.payload).ok()?.parse().ok()?;
    Some(Position::from(number))
}
