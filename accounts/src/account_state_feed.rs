//! Keeps [`AccountState`] up to date on every server.
//!
//! ```text
//!  the log ──► account_state_tables ──► rows of `accounts` ── 5 times a second ──► AccountState
//!                 (one server copies)          (every server looks)
//! ```
//!
//! The tables are the one truth: a server that was away only has to look. A look takes one round trip. A row that this
//! release does not understand closes its own entry and ends nothing else.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::ids::{FacilityId, UserId};
use domain::permissions::Permissions;
use domain::role::Role;
use event_store_schema::{Cells, EventLog, Malformed};
use futures_util::future::try_join5;
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::{Json, ToSql};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::account;
use super::account_state::{AccountState, Entry, FacilityState, SessionState, Unread, UserState};
use super::account_state_tables::{AccountStateTables, is_of_user};
use super::error::AccountsError;
use super::sessions::Sessions;
use super::tokens::AccessTokens;

/// How often the tables are looked at: several times within the second in which a revocation has to work everywhere.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// How often it is written down which sessions were used.
const WRITE_INTERVAL: Duration = Duration::from_secs(15);
/// How often keys of other servers are looked for, and what is over is forgotten.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(60);
/// Tokens of a session that is over have expired after the longest lifetime of a token.
const TOKENS_GONE_AFTER: SignedDuration = SignedDuration::from_hours(1);

const SESSIONS: &str = "accounts.sessions";
const ACCOUNTS: &str = "accounts.credentials";
const FACILITIES: &str = "accounts.practices";
const UNREAD_EVENTS: &str = "accounts.unread_events";

/// Follows the tables and the log for one server.
pub struct AccountStateFeed {
    log: EventLog,
    sessions: Sessions,
    state: Arc<AccountState>,
    /// Every row that a transaction before this one changed has been seen.
    seen_before: AtomicI64,
    tables: AccountStateTables,
}

impl AccountStateFeed {
    /// Over these tables and this log. Returns when everything that they hold by now is known.
    pub async fn start(
        log: EventLog,
        tables: AccountStateTables,
        sessions: Sessions,
        state: Arc<AccountState>,
    ) -> Result<Self, AccountsError> {
        tables.copy_unread().await?;
        tables.follow_to(log.head().await?).await?;
        let feed = Self { log, sessions, state, seen_before: AtomicI64::new(0), tables };
        feed.look().await?;
        Ok(feed)
    }

    /// Goes on until it is stopped. A database that is away is asked again.
    pub async fn run(&self, tokens: &AccessTokens, stop: CancellationToken) {
        let mut looks = every(LOOK_INTERVAL);
        let (mut writing, mut housekeeping) = (every(WRITE_INTERVAL), every(HOUSEKEEPING_INTERVAL));
        let mut failing = false;
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => break,
                _ = looks.tick() => self.take_up().await,
                _ = writing.tick() => self.write_down().await,
                _ = housekeeping.tick() => self.keep_house(tokens).await,
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
    async fn take_up(&self) -> Result<(), AccountsError> {
        let followed = self.tables.follow().await;
        self.look().await?;
        followed.map(|_| ())
    }

    async fn write_down(&self) -> Result<(), AccountsError> {
        let seen = self.state.take_seen();
        if seen.is_empty() { Ok(()) } else { self.sessions.note_seen(&seen).await }
    }

    async fn keep_house(&self, tokens: &AccessTokens) -> Result<(), AccountsError> {
        self.state.forget_sessions_over_by(Timestamp::now() - TOKENS_GONE_AFTER);
        metrics::gauge!("known_sessions").set(self.state.session_count() as f64);
        let keys = tokens.look_for_keys().await;
        let copied = self.tables.copy_unread().await;
        self.sessions.forget_old().await?;
        keys.and(copied)
    }

    /// Takes up every row that changed since the last look. The horizon is read first: what commits while the rows are
    /// read is at or after it, and read again by the next look.
    async fn look(&self) -> Result<(), AccountsError> {
        let client = self.log.database().get().await?;
        let horizon = client.prepare_cached(include_str!("../sql/account_state/horizon.sql")).await?;
        let sessions = client.prepare_cached(include_str!("../sql/account_state/changed_sessions.sql")).await?;
        let accounts = client.prepare_cached(include_str!("../sql/account_state/changed_accounts.sql")).await?;
        let facilities = client.prepare_cached(include_str!("../sql/account_state/changed_facilities.sql")).await?;
        let unread = client.prepare_cached(include_str!("../sql/account_state/unread_events.sql")).await?;
        // Sent together, answered in this order.
        let since = self.seen_before.load(Ordering::Relaxed).to_string();
        let since = [&since as &(dyn ToSql + Sync)];
        let (horizon, sessions, accounts, facilities, unread) = try_join5(
            client.query_one(&horizon, &[]),
            client.query(&sessions, &since),
            client.query(&accounts, &since),
            client.query(&facilities, &since),
            client.query(&unread, &[]),
        )
        .await?;
        let horizon: i64 = horizon.cell("horizon")?;
        self.learn(SESSIONS, "session_id", &sessions, session, |id, entry| match entry {
            Entry::Open(session) => self.state.learn_session(&session),
            Entry::Closed => self.state.close_session(id),
        });
        self.learn(ACCOUNTS, "user_id", &accounts, user, |id, entry| self.state.learn_user(UserId(id), entry));
        self.learn(FACILITIES, "facility_id", &facilities, facility, |id, entry| {
            self.state.learn_facility(FacilityId(id), entry);
        });
        self.learn_unread(&unread);
        self.seen_before.store(horizon, Ordering::Relaxed);
        Ok(())
    }

    /// One row after the other: what is wrong with one concerns no other.
    fn learn<T>(
        &self,
        table: &'static str,
        key: &'static str,
        rows: &[Row],
        read: impl Fn(&Row) -> Result<T, Malformed>,
        learn: impl Fn(Uuid, Entry<T>),
    ) {
        let not_understood = self.state.not_understood();
        for row in rows {
            match (row.cell::<Uuid>(key), read(row)) {
                (Ok(id), Ok(known)) => {
                    learn(id, Entry::Open(known));
                    not_understood.clear(table, &id);
                }
                (Ok(id), Err(malformed)) => {
                    learn(id, Entry::Closed);
                    not_understood.note(table, Some(&id), malformed);
                }
                (Err(malformed), _) => {
                    not_understood.note(table, None, malformed);
                }
            }
        }
    }

    fn learn_unread(&self, rows: &[Row]) {
        let not_understood = self.state.not_understood();
        let mut unread = Unread::default();
        let mut streams = Vec::with_capacity(rows.len());
        for row in rows {
            let stream = row.stream("stream_id");
            match &stream {
                Ok(stream) if is_of_user(stream) => unread.users.insert(UserId(stream.id())),
                Ok(stream) => unread.facilities.insert(FacilityId(stream.id())),
                Err(_) => false,
            };
            let key = stream.as_ref().ok().map(|stream| stream as &dyn ToString);
            streams.push(not_understood.note(UNREAD_EVENTS, key, Malformed("event")));
        }
        not_understood.retain(UNREAD_EVENTS, &streams);
        self.state.learn_unread(unread);
    }
}

fn session(row: &Row) -> Result<SessionState, Malformed> {
    Ok(SessionState {
        session_id: row.cell("session_id")?,
        ended: row.cell("ended")?,
        second_factor: row.cell("second_factor")?,
        expires_at: row.cell("expires_at")?,
        last_seen_at: row.cell("last_seen_at")?,
    })
}

fn user(row: &Row) -> Result<UserState, Malformed> {
    Ok(UserState { role: account::role(row)?, active: account::is_active(row)? })
}

fn facility(row: &Row) -> Result<FacilityState, Malformed> {
    let Json(settings) = row.cell("settings")?;
    let Json(permissions) = row.cell::<Json<HashMap<Role, Permissions>>>("permissions")?;
    Ok(FacilityState { settings, permissions })
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}
