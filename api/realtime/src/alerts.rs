//! Tells the data protection officers of a facility at once when a user opens what is restricted. Each server looks for such
//! rows in the trail itself, which is the same for all of them: it needs no NATS, and nothing recorded is missed.

use std::sync::Arc;
use std::time::Duration;

use domain::role::Role;
use event_store_schema::{AccessAlert, AccessPosition, AccessTrail, TrailError};
use tokio::sync::Mutex;

use super::hub::{Addressee, Hub};
use super::messages::Notice;

/// How often the trail is looked at. What this server records itself wakes it at once.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Relays what the trail holds of alerts.
pub(super) struct Alerts {
    trail: AccessTrail,
    hub: Arc<Hub>,
    /// Up to where they are told; nothing before the first look. It outlives a restart of the task.
    seen: Mutex<Option<AccessPosition>>,
}

impl Alerts {
    pub(super) fn new(trail: AccessTrail, hub: Arc<Hub>) -> Self {
        Self { trail, hub, seen: Mutex::default() }
    }

    /// Relays the alerts that are recorded from now on, until it is dropped.
    pub(super) async fn relay(&self) {
        let mut recorded = self.trail.watch_alerts();
        let mut last_problem = String::new();
        loop {
            match self.look().await {
                Ok(()) => last_problem.clear(),
                Err(error) => {
                    let problem = error.to_string();
                    if problem != last_problem {
                        tracing::warn!(error = %problem, "the trail of accesses cannot be watched for alerts");
                        last_problem = problem;
                    }
                }
            }
            // Either is a reason to look.
            let _ = tokio::time::timeout(POLL_INTERVAL, recorded.changed()).await;
        }
    }

    async fn look(&self) -> Result<(), TrailError> {
        let mut seen = self.seen.lock().await;
        let Some(after) = *seen else {
            *seen = Some(self.trail.head().await?);
            return Ok(());
        };
        for alert in self.trail.alerts_after(after).await? {
            *seen = Some(alert.position);
            self.hub.tell(alert.facility_id, Addressee::Role(Role::Dpo), notice(alert));
        }
        Ok(())
    }
}

fn notice(alert: AccessAlert) -> Notice {
    Notice::Notification {
        kind: "break_glass",
        access_position: alert.position.get(),
        actor_id: alert.actor,
        patient_id: alert.patient_id,
        resource_type: alert.resource_type,
    }
}
