//! What every operation works with: the command side, the wait for the read models, and the trail of accesses. What a
//! service reads, it brings along itself.

use std::time::Duration;

use commands::Commands;
use domain::ids::Position;
use event_store_schema::AccessTrail;
use poem::Request;
use projections_engine::Projections;

use super::access::Trace;
use super::auth::Caller;
use super::parameter::Prefer;

/// How long an answer waits for the read models to show what it wrote. Normally they do within milliseconds; a read model
/// that is stuck must not block commands, and says so in `health/ready`.
const READ_MODEL_PATIENCE: Duration = Duration::from_secs(2);

/// Handed to every service; cheap to clone.
#[derive(Clone)]
pub struct Desk {
    /// The command side: one for the whole process.
    pub commands: Commands,
    /// How far the read models are.
    pub read_models: Projections,
    /// Who looked at whose data.
    pub trail: AccessTrail,
}

impl Desk {
    /// The trace of what this request shows. It has to be written before the answer leaves.
    pub fn trace(&self, caller: &Caller, request: &Request) -> Trace {
        Trace::new(&self.trail, caller, request)
    }

    /// Waits until the read models show what was written up to `position`, so that whoever wrote reads it. `false` if they
    /// do not in time.
    pub async fn shown(&self, position: Option<Position>) -> bool {
        let Some(position) = position else { return true };
        let shown = self.read_models.wait_for(position, READ_MODEL_PATIENCE).await;
        if !shown {
            tracing::warn!(%position, "answered before the read models show it");
        }
        shown
    }

    /// Waits until a read model that writers do not wait for shows what was written until now. `false` if it does not in time.
    pub async fn caught_up(&self, read_model: &str) -> bool {
        let shown = self.read_models.catch_up(read_model, READ_MODEL_PATIENCE).await;
        if !shown {
            tracing::warn!(read_model, "read before it shows what was written");
        }
        shown
    }

    /// Waits for the read models unless the client would rather not. The value of `Preference-Applied`, if the answer
    /// leaves before they show what was written: because the client asked for that, or because they are stuck.
    pub async fn settle(&self, position: Option<Position>, prefer: Option<Prefer>) -> Option<String> {
        let settled = !prefer.unwrap_or_default().respond_async && self.shown(position).await;
        (!settled).then(|| "respond-async".to_owned())
    }

    /// The same, for an answer that is read from a read model which writers do not wait for.
    pub async fn settle_to_read(
        &self,
        read_model: &str,
        position: Option<Position>,
        prefer: Option<Prefer>,
    ) -> Option<String> {
        match self.settle(position, prefer).await {
            None if !self.caught_up(read_model).await => Some("respond-async".to_owned()),
            preference => preference,
        }
    }
}
