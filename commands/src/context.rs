//! The circumstances of a command: who acts, from where, under which conditions and why. They become the metadata of its
//! events.

use domain::event::{Actor, EventMetadata};
use domain::ids::{EventId, FacilityId, StreamVersion};
use event_store_schema::{AppendRequest, Guard, IdempotencyKey, StreamAppend};
use uuid::Uuid;

/// The circumstances of one command.
#[derive(Clone, Debug)]
pub struct CommandContext {
    /// Who acts.
    pub actor: Actor,
    /// The practice they act in. Streams of other practices do not exist for them.
    pub facility_id: FacilityId,
    /// The address the request came from.
    pub client_address: Option<String>,
    /// The request that carries the command.
    pub request_id: Option<String>,
    /// The business process it belongs to.
    pub correlation_id: Uuid,
    /// The event that caused it, for policies.
    pub causation_id: Option<EventId>,
    /// Why.
    pub reason: Option<String>,
    /// The key under which the client may repeat the request.
    pub idempotency: Option<IdempotencyKey>,
    /// The versions one of which the client believes to change, if it says so.
    pub if_match: Option<Vec<StreamVersion>>,
}

impl CommandContext {
    /// A command of the system itself, in a practice.
    pub fn system(facility_id: FacilityId) -> Self {
        Self {
            actor: Actor::SYSTEM,
            facility_id,
            client_address: None,
            request_id: None,
            correlation_id: Uuid::now_v7(),
            causation_id: None,
            reason: None,
            idempotency: None,
            if_match: None,
        }
    }

    /// What is asked of the log: these streams, as long as the guards hold.
    pub(crate) fn append_request(&self, streams: Vec<StreamAppend>, guards: Vec<Guard>) -> AppendRequest {
        AppendRequest {
            streams,
            guards,
            metadata: self.metadata(),
            reason: self.reason.clone(),
            idempotency: self.idempotency.clone(),
        }
    }

    /// What the events say of it.
    fn metadata(&self) -> EventMetadata {
        EventMetadata {
            actor: self.actor,
            client_address: self.client_address.clone(),
            request_id: self.request_id.clone(),
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            idempotency_key: self.idempotency.as_ref().map(|key| key.key.clone()),
        }
    }
}
