//! Tells the data protection officers of a practice at once when somebody opens what is restricted. Each server looks for
//! such rows in the trail itself, which is the same for all of them: it needs no NATS, and nothing recorded is missed.

use std::time::Duration;

use domain::role::Role;
use event_store_schema::{AccessAlert, AccessPosition, AccessTrail, TrailError};

use super::hub::{Addressee, Hub};
use super::messages::Notice;

/// How often the trail is looked at. What this server records itself wakes it at once.
const LOOK: Duration = Duration::from_millis(500);

/// Relays the alerts that are recorded from now on, until it is dropped.
pub(super) async fn relay_alerts(trail: AccessTrail, hub: &Hub) {
    let mut recorded = trail.watch_alerts();
    let mut seen: Option<AccessPosition> = None;
    let mut last_problem = String::new();
    loop {
        match look(&trail, hub, &mut seen).await {
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
        let _ = tokio::time::timeout(LOOK, recorded.changed()).await;
    }
}

async fn look(trail: &AccessTrail, hub: &Hub, seen: &mut Option<AccessPosition>) -> Result<(), TrailError> {
    let Some(after) = *seen else {
        *seen = Some(trail.head().await?);
        return Ok(());
    };
    for alert in trail.alerts_after(after).await? {
        *seen = Some(alert.position);
        hub.tell(alert.facility_id, Addressee::Role(Role::Dpo), notice(alert));
    }
    Ok(())
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
