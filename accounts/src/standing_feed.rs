//! Keeps [`Standing`] up to date on every server. Five times a second it looks for rows of sessions, accounts and practices
//! that changed, in one round trip; and it follows the log for what happened to accounts and practices, which whichever
//! server is first [writes into those rows](super::standing_tables). So the tables are the one truth, and a server that was
//! away only has to look.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::facility::FacilitySettings;
use domain::ids::{FacilityId, UserId};
use domain::permissions::Permissions;
use domain::role::Role;
use event_store_schema::EventLog;
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::types::Json;
use tokio_util::sync::CancellationToken;

use super::account::AccountsError;
use super::sessions::Sessions;
use super::standing::{PracticeStanding, SessionState, Standing, UserStanding};
use super::standing_tables::StandingTables;
use super::tokens::AccessTokens;

/// How often the tables are looked at: several times within the second in which a revocation has to work everywhere.
const LOOK: Duration = Duration::from_millis(200);
/// How often it is written down which sessions were used.
const WRITE_DOWN: Duration = Duration::from_secs(15);
/// How often keys of other servers are looked for, and what is over is forgotten.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
/// Tokens of a session that is over have expired after the longest lifetime of a token.
const TOKENS_GONE_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Follows the tables and the log for one server.
pub struct StandingFeed {
    log: EventLog,
    sessions: Sessions,
    standing: Arc<Standing>,
    /// Every row that a transaction before this one changed has been seen.
    seen_before: i64,
    tables: StandingTables,
}

impl StandingFeed {
    /// Over these tables and this log. Returns when everything that they hold by now is known.
    pub async fn start(
        log: EventLog,
        tables: StandingTables,
        sessions: Sessions,
        standing: Arc<Standing>,
    ) -> Result<Self, AccountsError> {
        let head = log.head().await?;
        while tables.follow().await? < head {}
        let mut feed = Self { log, sessions, standing, seen_before: 0, tables };
        feed.look().await?;
        Ok(feed)
    }

    /// Goes on until it is stopped. A database that is away is asked again.
    pub async fn run(mut self, tokens: Arc<AccessTokens>, stop: CancellationToken) {
        let mut looks = every(LOOK);
        let (mut writing, mut housekeeping) = (every(WRITE_DOWN), every(HOUSEKEEPING));
        let mut failing = false;
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => break,
                _ = looks.tick() => self.take_up().await,
                _ = writing.tick() => self.write_down().await,
                _ = housekeeping.tick() => self.keep_house(&tokens).await,
            };
            match outcome {
                Ok(()) => failing = false,
                // Said once, not five times a second.
                Err(error) if !std::mem::replace(&mut failing, true) => {
                    tracing::warn!(%error, "cannot follow what happens to accounts and sessions");
                }
                Err(_) => {}
            }
        }
        if let Err(error) = self.write_down().await {
            tracing::debug!(%error, "when sessions were last used is not written down");
        }
    }

    /// The tables also when the log cannot be read: ended sessions stand there.
    async fn take_up(&mut self) -> Result<(), AccountsError> {
        let followed = self.tables.follow().await;
        self.look().await?;
        followed.map(|_| ())
    }

    async fn write_down(&self) -> Result<(), AccountsError> {
        let seen = self.standing.take_seen();
        if seen.is_empty() { Ok(()) } else { self.sessions.note_seen(&seen).await }
    }

    async fn keep_house(&self, tokens: &AccessTokens) -> Result<(), AccountsError> {
        self.standing.forget_sessions_over_by(Timestamp::now() - TOKENS_GONE_AFTER);
        metrics::gauge!("known_sessions").set(self.standing.session_count() as f64);
        tokens.look_for_keys().await?;
        self.sessions.forget_old().await
    }

    /// Takes up every row that changed since the last look. The horizon is read first: what commits while the rows are
    /// read is at or after it, and read again by the next look.
    async fn look(&mut self) -> Result<(), AccountsError> {
        let client = self.log.database().get().await?;
        let horizon = client.prepare_cached("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint").await?;
        let sessions = client
            .prepare_cached(
                "SELECT session_id, ended_at IS NOT NULL, second_factor, expires_at, last_seen_at FROM accounts.sessions
                 WHERE changed_in >= $1::text::xid8 AND expires_at > now() - interval '1 hour'",
            )
            .await?;
        let users = client
            .prepare_cached(
                "SELECT user_id, role, status = 'active' FROM accounts.credentials WHERE changed_in >= $1::text::xid8",
            )
            .await?;
        let practices = client
            .prepare_cached(
                "SELECT facility_id, settings, permissions FROM accounts.practices WHERE changed_in >= $1::text::xid8",
            )
            .await?;
        // Sent together, answered in this order.
        let since = self.seen_before.to_string();
        let since = [&since as &(dyn tokio_postgres::types::ToSql + Sync)];
        let (horizon, sessions, users, practices) = futures_util::future::try_join4(
            client.query_one(&horizon, &[]),
            client.query(&sessions, &since),
            client.query(&users, &since),
            client.query(&practices, &since),
        )
        .await?;
        for row in sessions {
            self.standing.learn_session(&SessionState {
                session_id: row.get(0),
                ended: row.get(1),
                second_factor: row.get(2),
                expires_at: row.get(3),
                last_seen_at: row.get(4),
            });
        }
        for row in users {
            let role = Role::named(row.get(1)).ok_or(AccountsError::UnknownRole)?;
            self.standing.learn_user(UserId(row.get(0)), UserStanding { role, active: row.get(2) });
        }
        for row in practices {
            let Json(settings): Json<FacilitySettings> = row.get(1);
            let Json(permissions): Json<HashMap<Role, Permissions>> = row.get(2);
            self.standing.learn_practice(FacilityId(row.get(0)), PracticeStanding { settings, permissions });
        }
        self.seen_before = horizon.get(0);
        Ok(())
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}
