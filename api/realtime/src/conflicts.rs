//! Tells a user that what they tried to change had changed since they read it: on all their screens, on whichever server
//! those are. None of this is part of the log, where nothing happened; what is lost is told by the 412 all the same.

use std::sync::Arc;

use async_nats::Client;
use domain::ids::{FacilityId, Position, UserId};
use futures_util::StreamExt;
use projections::publisher::NatsNames;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::hub::{Addressee, Hub};
use super::messages::Notice;
use super::neighbours;

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

    /// For a process that serves no screens: the others hear of it over NATS.
    pub fn without_screens(nats: Option<(Client, NatsNames)>) -> Self {
        Self::new(Arc::new(Hub::new(Position::ZERO, 1)), nats)
    }

    /// Tells the screens of this user in this practice.
    pub async fn tell(&self, facility: FacilityId, change: StaleChange) {
        self.hand_over(facility, change.clone());
        let Some((client, names)) = &self.nats else { return };
        neighbours::tell(client, names.conflicts_of(facility), &Said { server: self.server, change }).await;
    }

    /// Hears the other servers, until it is dropped.
    pub(super) async fn listen(self) {
        let Some((client, names)) = &self.nats else { return };
        let mut messages = neighbours::listen_to(client, &names.conflicts()).await;
        while let Some(message) = messages.next().await {
            if let Some((facility, Said { server, change })) = neighbours::heard(&message)
                && server != self.server
            {
                self.hand_over(facility, change);
            }
        }
    }

    fn hand_over(&self, facility: FacilityId, change: StaleChange) {
        let StaleChange { user_id, resource_type, resource_id, fields } = change;
        let notice = Notice::ConflictDetected { resource_type, resource_id, fields };
        self.hub.tell(facility, Addressee::User(user_id), notice);
    }
}
