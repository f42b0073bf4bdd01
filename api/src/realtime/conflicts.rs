//! Tells a user that what they tried to change had changed since they read it: on all their screens, on whichever server
//! those are. None of this is part of the log, where nothing happened; what is lost is told by the 412 all the same.

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, Message};
use domain::ids::{FacilityId, UserId};
use futures_util::StreamExt;
use projections::publisher::NatsNames;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::hub::{Addressee, Hub};
use super::messages::Notice;

const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A change that came too late. Names of fields, never what is in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StaleChange {
    /// Who wanted it.
    pub user_id: UserId,
    /// What kind of resource it is about.
    pub resource_type: String,
    /// Which.
    pub resource_id: Uuid,
    /// The fields that have another value than in the version that was to be changed.
    pub fields: Vec<String>,
}

/// What servers say to each other.
#[derive(Serialize, Deserialize)]
struct Said {
    server: Uuid,
    #[serde(flatten)]
    change: StaleChange,
}

/// Tells of changes that came too late; cheap to clone.
#[derive(Clone)]
pub struct StaleChanges {
    server: Uuid,
    hub: Arc<Hub>,
    nats: Option<(Client, NatsNames)>,
}

impl StaleChanges {
    pub(super) fn new(hub: Arc<Hub>, nats: Option<(Client, NatsNames)>) -> Self {
        Self { server: Uuid::now_v7(), hub, nats }
    }

    /// Tells the screens of this user in this practice.
    pub async fn tell(&self, facility: FacilityId, change: StaleChange) {
        let said = serde_json::to_vec(&Said { server: self.server, change: change.clone() });
        self.hand_over(facility, change);
        let (Some((client, names)), Ok(said)) = (&self.nats, said) else { return };
        // What would wait for the connection is out of date when it is there.
        if client.connection_state() == State::Connected
            && let Err(error) = client.publish(names.conflicts_of(facility), said.into()).await
        {
            tracing::debug!(%error, "the other servers are not told of a change that came too late");
        }
    }

    /// Hears the other servers, until it is dropped.
    pub(super) async fn listen(self) {
        let Some((client, names)) = &self.nats else { return };
        let mut said = loop {
            match client.subscribe(names.conflicts()).await {
                Ok(subscription) => break subscription,
                Err(_) => tokio::time::sleep(TRY_AGAIN).await,
            }
        };
        while let Some(message) = said.next().await {
            self.hear(&message);
        }
    }

    fn hear(&self, message: &Message) {
        let facility = message.subject.rsplit('.').next().and_then(|id| id.parse().ok());
        let said = serde_json::from_slice::<Said>(&message.payload).ok();
        if let (Some(facility), Some(said)) = (facility, said)
            && said.server != self.server
        {
            self.hand_over(facility, said.change);
        }
    }

    fn hand_over(&self, facility: FacilityId, change: StaleChange) {
        let StaleChange { user_id, resource_type, resource_id, fields } = change;
        let notice = Notice::ConflictDetected { resource_type, resource_id, fields };
        self.hub.tell(facility, Addressee::User(user_id), notice);
    }
}
