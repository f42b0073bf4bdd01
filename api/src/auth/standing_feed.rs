//! Keeps [`Standing`] up to date on every server. Five times a second it looks for rows of sessions, accounts and practices
//! that changed, in one round trip; and it follows the log for what happened to accounts and practices, which whichever
//! server is first writes into those rows. So the tables are the one truth, and a server that was away only has to look.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::event::{LoggedEvent, RecordedEvent, UnreadableEvent};
use domain::facility::{FacilityEvent, FacilitySettings};
use domain::ids::{FacilityId, Position, UserId};
use domain::permissions::Permissions;
use domain::personal::Revealed;
use domain::role::Role;
use domain::user::{Profile, UserEvent};
use domain::values::TextValue;
use event_store_schema::EventLog;
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Transaction;
use tokio_postgres::types::Json;
use tokio_util::sync::CancellationToken;

use super::accounts::{AccountsError, LoginHash};
use super::sessions::Sessions;
use super::standing::{PracticeStanding, SessionState, Standing, UserStanding};
use super::tokens::AccessTokens;

/// How often the tables are looked at: several times within the second in which a revocation has to work everywhere.
const LOOK: Duration = Duration::from_millis(200);
/// How often it is written down which sessions were used.
const WRITE_DOWN: Duration = Duration::from_secs(15);
/// How often keys of other servers are looked for, and what is over is forgotten.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
/// How many events are read at once.
const PAGE: u32 = 1000;
/// Tokens of a session that is over have expired after the longest lifetime of a token.
const TOKENS_GONE_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Follows the tables and the log for one server.
pub struct StandingFeed {
    log: EventLog,
    sessions: Sessions,
    standing: Arc<Standing>,
    /// Every row that a transaction before this one changed has been seen.
    seen_before: i64,
    /// Up to where the log holds nothing more for the tables.
    followed: Position,
}

impl StandingFeed {
    /// Over these tables and this log. Returns when everything that they hold by now is known.
    pub async fn start(log: EventLog, sessions: Sessions, standing: Arc<Standing>) -> Result<Self, AccountsError> {
        let followed = {
            let client = log.database().get().await?;
            let row = client.query_one("SELECT position FROM accounts.standing_progress", &[]).await?;
            Position::from_sql(row.get(0))
        };
        let mut feed = Self { log, sessions, standing, seen_before: 0, followed };
        let head = feed.log.head().await?;
        while feed.followed < head {
            feed.follow_log().await?;
        }
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
        let followed = self.follow_log().await;
        self.look().await?;
        followed
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

    /// Reads on in the log. What concerns accounts is written into the tables by one server; how far that went is written
    /// down only with it, so that the log of a busy practice costs nothing here but the reading.
    async fn follow_log(&mut self) -> Result<(), AccountsError> {
        let (events, reached) = self.log.read_taken(self.followed, PAGE, is_taken).await?;
        if !events.is_empty() {
            self.write_tables(reached).await?;
        }
        self.followed = reached;
        Ok(())
    }

    async fn write_tables(&self, until: Position) -> Result<(), AccountsError> {
        let mut client = self.log.database().get().await?;
        let transaction = client.transaction().await?;
        let progress = "SELECT position FROM accounts.standing_progress FOR UPDATE";
        let mut written = Position::from_sql(transaction.query_one(progress, &[]).await?.get(0));
        while written < until {
            let (events, reached) = self.log.read_taken(written, PAGE, is_taken).await?;
            for event in &events {
                if let Err(error) = self.write_event(&transaction, event).await? {
                    // It cannot be read, here or anywhere; stopping would keep later suspensions from taking effect.
                    tracing::error!(position = %event.position, %error, "an account's event is passed over");
                }
            }
            written = reached;
        }
        transaction.execute("UPDATE accounts.standing_progress SET position = $1", &[&written.to_sql()]).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn write_event(
        &self,
        transaction: &Transaction<'_>,
        event: &RecordedEvent,
    ) -> Result<Result<(), UnreadableEvent>, AccountsError> {
        if UserEvent::TYPES.iter().any(|(name, _)| *name == event.event_type) {
            match event.decode() {
                Ok(decoded) => self.write_user_event(transaction, event, decoded).await?,
                Err(error) => return Ok(Err(error)),
            }
        } else {
            match event.decode() {
                Ok(decoded) => write_practice_event(transaction, event.facility_id, decoded).await?,
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }

    async fn write_user_event(
        &self,
        transaction: &Transaction<'_>,
        event: &RecordedEvent,
        decoded: UserEvent,
    ) -> Result<(), AccountsError> {
        let Some(user) = event.stream.as_str().strip_prefix("user-").and_then(|id| id.parse().ok()) else {
            return Ok(());
        };
        let user = UserId(user);
        match decoded {
            UserEvent::UserRegistered { role, profession, personal } => {
                // Without the address, as after an erasure, nobody could log in: then there is no account to make.
                if let Some(login) = self.login_of(&personal) {
                    let (rpps, adeli) = (
                        profession.rpps_number.as_ref().map(TextValue::as_str),
                        profession.adeli_number.as_ref().map(TextValue::as_str),
                    );
                    transaction
                        .execute(
                            "INSERT INTO accounts.credentials
                               (user_id, facility_id, login_hash, role, rpps_number, adeli_number, status)
                             VALUES ($1, $2, $3, $4, $5, $6, 'active') ON CONFLICT DO NOTHING",
                            &[&user.0, &event.facility_id.0, &login.bytes().as_slice(), &role.name(), &rpps, &adeli],
                        )
                        .await?;
                }
                set_role(transaction, user, role).await
            }
            UserEvent::UserProfileChanged { profession, personal, fields_changed: _ } => {
                let (rpps, adeli) = (
                    profession.rpps_number.as_ref().map(TextValue::as_str),
                    profession.adeli_number.as_ref().map(TextValue::as_str),
                );
                transaction
                    .execute(
                        "UPDATE accounts.credentials SET rpps_number = $2, adeli_number = $3 WHERE user_id = $1",
                        &[&user.0, &rpps, &adeli],
                    )
                    .await?;
                if let Some(login) = self.login_of(&personal) {
                    transaction
                        .execute(
                            "UPDATE accounts.credentials SET login_hash = $2 WHERE user_id = $1
                               AND NOT EXISTS (SELECT FROM accounts.credentials WHERE login_hash = $2)",
                            &[&user.0, &login.bytes().as_slice()],
                        )
                        .await?;
                }
                Ok(())
            }
            UserEvent::RoleAssigned { role } => set_role(transaction, user, role).await,
            UserEvent::UserSuspended {} => {
                transaction
                    .execute("UPDATE accounts.credentials SET status = 'suspended' WHERE user_id = $1", &[&user.0])
                    .await?;
                // They stay ended when the account is reinstated.
                transaction
                    .execute(
                        "UPDATE accounts.sessions SET ended_at = now(), end_reason = 'suspended'
                         WHERE user_id = $1 AND ended_at IS NULL",
                        &[&user.0],
                    )
                    .await?;
                Ok(())
            }
            UserEvent::UserReinstated { role } => {
                transaction
                    .execute("UPDATE accounts.credentials SET status = 'active' WHERE user_id = $1", &[&user.0])
                    .await?;
                set_role(transaction, user, role).await
            }
            UserEvent::UserInvited { .. }
            | UserEvent::PasswordResetStarted { .. }
            | UserEvent::PasswordChanged { .. }
            | UserEvent::MfaEnabled {}
            | UserEvent::MfaDisabled {}
            | UserEvent::RecoveryCodeUsed {}
            | UserEvent::LoggedIn { .. }
            | UserEvent::LoginRefused { .. }
            | UserEvent::AccountLocked { .. }
            | UserEvent::LoggedOut { .. }
            | UserEvent::RefreshTokenReused { .. }
            | UserEvent::SessionRevoked { .. } => Ok(()),
        }
    }

    fn login_of(&self, personal: &Revealed<Profile>) -> Option<LoginHash> {
        match personal {
            Revealed::Value(profile) => Some(LoginHash::of(profile.email.as_str(), &self.log)),
            Revealed::Forgotten => None,
        }
    }
}

async fn set_role(transaction: &Transaction<'_>, user: UserId, role: Role) -> Result<(), AccountsError> {
    transaction
        .execute("UPDATE accounts.credentials SET role = $2 WHERE user_id = $1", &[&user.0, &role.name()])
        .await?;
    Ok(())
}

async fn write_practice_event(
    transaction: &Transaction<'_>,
    facility: FacilityId,
    event: FacilityEvent,
) -> Result<(), AccountsError> {
    match event {
        FacilityEvent::FacilityOpened { .. } => {}
        FacilityEvent::FacilitySettingsChanged { settings } => {
            transaction
                .execute(
                    "INSERT INTO accounts.practices (facility_id, settings) VALUES ($1, $2)
                     ON CONFLICT (facility_id) DO UPDATE SET settings = excluded.settings",
                    &[&facility.0, &Json(settings)],
                )
                .await?;
        }
        FacilityEvent::RolePermissionsChanged { role, permissions } => {
            transaction
                .execute(
                    "INSERT INTO accounts.practices (facility_id, permissions) VALUES ($1, $2)
                     ON CONFLICT (facility_id) DO UPDATE
                       SET permissions = practices.permissions || excluded.permissions",
                    &[&facility.0, &Json(HashMap::from([(role, permissions)]))],
                )
                .await?;
        }
    }
    Ok(())
}

/// The types of events that change the tables.
fn is_taken(event_type: &str) -> bool {
    matches!(
        event_type,
        "UserRegistered"
            | "UserProfileChanged"
            | "RoleAssigned"
            | "UserSuspended"
            | "UserReinstated"
            | "FacilitySettingsChanged"
            | "RolePermissionsChanged"
    )
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}
