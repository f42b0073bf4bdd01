//! Checkpoints past events that change nothing. Most events change one or two read models. A statement per batch for each of
//! the others would cost more than the batch. So this server notes at once how far each leader has come, and moves the
//! checkpoints of all of them with one statement a moment later. Other servers know the position by the checkpoint.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Object};
use domain::ids::Position;
use event_store_schema::{Database, DatabaseError};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// How long moves are gathered into one statement. Writers on other servers wait for it.
const GATHER_INTERVAL: Duration = Duration::from_millis(4);

/// The pause before the next try if the database is away.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// If the database does not answer for so long, it counts as away.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The moves that the leaders of one server still owe their checkpoints.
#[derive(Default)]
pub(crate) struct IdleCheckpoints {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    owed: HashMap<&'static str, Passed>,
    /// The epochs that another server has ended by taking the lead.
    fenced: HashMap<&'static str, i64>,
}

/// How far a leader has come without a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) version: i64,
    pub(crate) epoch: i64,
    pub(crate) to: Position,
}

impl IdleCheckpoints {
    /// Notes that a leader has come so far without a change.
    pub(crate) fn owe(&self, projection: &'static str, passed: Passed) {
        self.state().owed.insert(projection, passed);
        self.news.notify_one();
    }

    /// Forgets what is owed, because a batch moves the checkpoint further.
    pub(crate) fn settle(&self, projection: &'static str) {
        self.state().owed.remove(projection);
    }

    /// Whether another server took this lead.
    pub(crate) fn is_fenced(&self, projection: &'static str, epoch: i64) -> bool {
        self.state().fenced.get(projection) == Some(&epoch)
    }

    /// Moves what is owed, as long as the server runs.
    pub(crate) async fn keep(&self, database: Database) {
        let mut session = None;
        loop {
            self.news.notified().await;
            sleep(GATHER_INTERVAL).await;
            while let Some(pause) = self.move_owed(&database, &mut session).await {
                sleep(pause).await;
            }
        }
    }

    /// Moves what can be moved. Returns the pause before the next try, if something is left.
    async fn move_owed(&self, database: &Database, session: &mut Option<ClientWrapper>) -> Option<Duration> {
        let owed = self.state().owed.clone();
        if owed.is_empty() {
            return None;
        }
        let moved = timeout(ANSWER_TIMEOUT, send(database, session, &owed)).await;
        let moved = match moved {
            Ok(Ok(moved)) => moved,
            failed => {
                *session = None;
                if let Ok(Err(error)) = failed {
                    tracing::debug!(%error, "checkpoints of idle projections are not moved");
                }
                return Some(RETRY_INTERVAL);
            }
        };
        let mut state = self.state();
        for (name, fenced) in moved {
            // What was added since stays owed.
            let Some((&projection, passed)) = owed.get_key_value(name.as_str()) else { continue };
            if state.owed.get(projection) == Some(passed) {
                state.owed.remove(projection);
            }
            if fenced {
                state.fenced.insert(projection, passed.epoch);
            }
        }
        (!state.owed.is_empty()).then_some(GATHER_INTERVAL)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Moves the checkpoints. Returns the answered ones, each with whether another server leads it.
async fn send(
    database: &Database,
    session: &mut Option<ClientWrapper>,
    owed: &HashMap<&'static str, Passed>,
) -> Result<Vec<(String, bool)>, DatabaseError> {
    let client = match session {
        Some(client) if !client.is_closed() => client,
        _ => {
            let opened = Object::take(database.get().await?);
            opened.batch_execute(include_str!("../sql/lead.sql")).await?;
            session.insert(opened)
        }
    };
    let names: Vec<&str> = owed.keys().copied().collect();
    let column = |of: fn(&Passed) -> i64| owed.values().map(of).collect::<Vec<i64>>();
    let (versions, epochs) = (column(|passed| passed.version), column(|passed| passed.epoch));
    let positions = column(|passed| passed.to.to_sql());
    let statement = client.prepare_cached(include_str!("../sql/move_idle_checkpoints.sql")).await?;
    let rows = client.query(&statement, &[&names, &versions, &epochs, &positions]).await?;
    rows.iter().map(|row| Ok((row.try_get("projection")?, row.try_get("fenced")?))).collect()
}
