//! Writes into the tables of accounts what the log tells of accounts and practices: who is registered, suspended, in which
//! role, under which address. [`super::standing_feed`] does it several times a second on every server; whoever changes an
//! account does it at once, so that an answer is not ahead of what a login finds.

use std::collections::HashMap;
use std::sync::Arc;

use domain::event::{LoggedEvent, RecordedEvent, UnreadableEvent};
use domain::facility::FacilityEvent;
use domain::ids::{FacilityId, Position, UserId};
use domain::personal::Revealed;
use domain::role::Role;
use domain::user::{Profile, UserEvent};
use domain::values::TextValue;
use event_store_schema::EventLog;
use tokio::sync::Mutex;
use tokio_postgres::Transaction;
use tokio_postgres::types::Json;

use super::account::{AccountsError, LoginHash};

/// How many events are read at once.
const PAGE: u32 = 1000;

/// The writer of one server. Cheap to clone.
#[derive(Clone)]
pub struct StandingTables {
    log: EventLog,
    /// Up to where the log holds nothing more for the tables. Whoever waits for it holds no connection of the pool.
    followed: Arc<Mutex<Position>>,
}

impl StandingTables {
    /// Over this log and the tables in its database.
    pub async fn open(log: EventLog) -> Result<Self, AccountsError> {
        let followed = {
            let client = log.database().get().await?;
            let row = client.query_one("SELECT position FROM accounts.standing_progress", &[]).await?;
            Position::from_sql(row.get(0))
        };
        Ok(Self { log, followed: Arc::new(Mutex::new(followed)) })
    }

    /// Reads on in the log, a page at most. How far that went.
    pub async fn follow(&self) -> Result<Position, AccountsError> {
        let mut followed = self.followed.lock().await;
        self.follow_page(&mut followed).await?;
        Ok(*followed)
    }

    /// Returns when the tables hold everything up to this position of the log.
    pub async fn follow_to(&self, position: Position) -> Result<(), AccountsError> {
        let mut followed = self.followed.lock().await;
        while *followed < position {
            self.follow_page(&mut followed).await?;
        }
        Ok(())
    }

    /// What concerns accounts is written into the tables by one server; how far that went is written down only with it, so
    /// that the log of a busy practice costs nothing here but the reading.
    async fn follow_page(&self, followed: &mut Position) -> Result<(), AccountsError> {
        let (events, reached) = self.log.read_taken(*followed, PAGE, is_taken).await?;
        if !events.is_empty() {
            self.write_tables(*followed, reached).await?;
        }
        *followed = reached;
        Ok(())
    }

    async fn write_tables(&self, followed: Position, until: Position) -> Result<(), AccountsError> {
        let mut client = self.log.database().get().await?;
        let transaction = client.transaction().await?;
        let progress = "SELECT position FROM accounts.standing_progress FOR UPDATE";
        let written_down = Position::from_sql(transaction.query_one(progress, &[]).await?.get(0));
        let mut written = followed.max(written_down);
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
        FacilityEvent::FacilityOpened { .. } | FacilityEvent::ReminderRulesSet { .. } => {}
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
        // Rooms open no door.
        FacilityEvent::RoomAdded { .. } | FacilityEvent::RoomRenamed { .. } | FacilityEvent::RoomClosed { .. } => {}
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
