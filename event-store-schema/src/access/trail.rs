//! The trail of one database, and the task that writes it.

use std::time::Duration;

use tokio::sync::watch;

use super::recording::Recording;
use super::{Access, Deed, TrailError, Verdict};
use crate::database::Database;
use crate::group_commit::GroupCommit;
use crate::tasks::TaskHealth;

/// The trail of one database. Cheap to clone; all clones share one task that writes.
#[derive(Clone)]
pub struct AccessTrail {
    pub(super) database: Database,
    recorder: GroupCommit<Recording>,
    /// Wakes whoever waits for alerts of this server.
    alerted: watch::Sender<()>,
}

impl AccessTrail {
    /// Opens the trail. What the database has not taken within `timeout` is given up.
    pub fn open(database: Database, timeout: Duration) -> Self {
        let recorder = GroupCommit::start(database.clone(), timeout, Recording);
        Self { database, recorder, alerted: watch::Sender::new(()) }
    }

    /// How the task that writes the trail is doing.
    pub fn health(&self) -> &TaskHealth {
        self.recorder.health()
    }

    /// Resolves when the access is on disk; at once with [`TrailError::Overloaded`] when too many wait already.
    ///
    /// When the connection is lost at the wrong moment, the rows may stand in the trail twice; never not at all.
    pub async fn record(&self, access: Access) -> Result<(), TrailError> {
        if access.objects.is_empty() {
            return Ok(());
        }
        let alerting = is_alert(&access);
        let outcome = self.recorder.submit(access).await;
        self.wake_after(alerting, outcome)
    }

    /// The same for work that can wait for its turn, such as pushing to live screens: it is slowed down instead of refused.
    pub async fn record_patiently(&self, access: Access) -> Result<(), TrailError> {
        if access.objects.is_empty() {
            return Ok(());
        }
        let alerting = is_alert(&access);
        let outcome = self.recorder.submit_patiently(access).await;
        self.wake_after(alerting, outcome)
    }

    fn wake_after(&self, alerting: bool, outcome: Result<(), TrailError>) -> Result<(), TrailError> {
        if alerting && outcome.is_ok() {
            self.alerted.send_replace(());
        }
        outcome
    }

    /// Wakes when this server has recorded an alert. A hint; [`alerts_after`](Self::alerts_after) is the truth.
    pub fn watch_alerts(&self) -> watch::Receiver<()> {
        self.alerted.subscribe()
    }
}

fn is_alert(access: &Access) -> bool {
    access.deed == Deed::BreakGlass && access.verdict == Verdict::Granted
}
