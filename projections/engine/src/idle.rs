//! Checkpoints past events that change nothing. Most events are of one aggregate and change one or two read models, and there
//! are ten: a statement for each of the others and every batch would cost more than the batch. What a leader has
//! passed over, this server knows at once; the checkpoints, by which other servers know it, are moved together a moment later.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Object};
use domain::ids::Position;
use event_store_schema::{Database, DatabaseError};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// How long what is owed is gathered. Writers on other servers wait for it.
const GATHER: Duration = Duration::from_millis(4);

/// How long to wait when the database is away.
const AWAY: Duration = Duration::from_millis(100);

/// A database that does not answer this long is as good as away.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What the leaders of one server owe their checkpoints.
#[derive(Default)]
pub(crate) struct IdleCheckpoints {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    owed: HashMap<&'static str, Passed>,
    /// The epochs of leads that are another server's by now.
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
    /// A leader has come so far.
    pub(crate) fn owe(&self, projection: &'static str, passed: Passed) {
        self.state().owed.insert(projection, passed);
        self.news.notify_one();
    }

    /// A batch moves the checkpoint itself, further than anything that is owed.
    pub(crate) fn settle(&self, projection: &'static str) {
        self.state().owed.remove(projection);
    }

    /// Whether another server took this lead.
    pub(crate) fn is_fenced(&self, projection: &'static str, epoch: i64) -> bool {
        self.state().fenced.get(projection) == Some(&epoch)
    }

    /// Moves what is owed, for as long as the server runs.
    pub(crate) async fn keep(&self, database: Database) {
        let mut session = None;
        loop {
            self.news.notified().await;
            sleep(GATHER).await;
            while let Some(pause) = self.move_owed(&database, &mut session).await {
                sleep(pause).await;
            }
        }
    }

    /// Moves what can be moved. When to try again, if something is left.
    async fn move_owed(&self, database: &Database, session: &mut Option<ClientWrapper>) -> Option<Duration> {
        let owed = self.state().owed.clone();
        if owed.is_empty() {
            return None;
        }
        let moved = timeout(ANSWER_WITHIN, send(database, session, &owed)).await;
        let moved = match moved {
            Ok(Ok(moved)) => moved,
            failed => {
                *session = None;
                if let Ok(Err(error)) = failed {
                    tracing::debug!(%error, "checkpoints of idle projections are not moved");
                }
                return Some(AWAY);
            }
        };
        let mut state = self.state();
        for (name, fenced) in moved {
            // What came since is owed still.
            let Some((&projection, passed)) = owed.get_key_value(name.as_str()) else { continue };
            if state.owed.get(projection) == Some(passed) {
                state.owed.remove(projection);
            }
            if fenced {
                state.fenced.insert(projection, passed.epoch);
            }
        }
        (!state.owed.is_empty()).then_some(GATHER)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the database; which of them have moved, and which are led by somebody else.
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
