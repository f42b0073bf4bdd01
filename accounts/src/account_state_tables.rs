//! Copies what the log tells of accounts and facilities into the tables: who is registered, suspended, in which role, under
//! which address, and whose calendar feeds ended.
//!
//! [`account_state_feed`](super::account_state_feed) does it several times a second on every server. An operation that
//! changes an account does it at once, so that its answer is not ahead of what a login finds. An event that this release
//! does not understand is noted in `accounts.unread_events`, which closes its user or facility until a release copies it.

use std::collections::HashMap;
use std::sync::Arc;

use domain::aggregate::AggregateRoot;
use domain::event::{RecordedEvent, UnreadableEvent};
use domain::facility::FacilityEvent;
use domain::ids::{FacilityId, Position, StreamId, StreamVersion, UserId};
use domain::personal::Revealed;
use domain::user::{PasswordOccasion, Profession, Profile, User, UserEvent};
use domain::values::TextValue;
use event_store_schema::{Cells, EventLog, LogError};
use tokio::sync::Mutex;
use tokio_postgres::Transaction;
use tokio_postgres::types::Json;

use super::account::{LoginHash, SET_LOGIN, status_of};
use super::error::AccountsError;
use super::statements::{Parameters, query, query_one};

/// How many events are read at once.
const PAGE: u32 = 1000;

/// The writer of one server. Cheap to clone.
#[derive(Clone)]
pub struct AccountStateTables {
    log: EventLog,
    /// Up to where the log holds nothing more for the tables. Whoever waits for it holds no connection of the pool.
    followed: Arc<Mutex<Position>>,
}

/// An event that changes the tables.
enum Change {
    User(UserId, UserEvent),
    Facility(FacilityEvent),
}

impl Change {
    fn of(event: &RecordedEvent) -> Result<Self, UnreadableEvent> {
        if is_of_user(&event.stream) {
            Ok(Self::User(UserId(event.stream.id()), event.decode()?))
        } else {
            Ok(Self::Facility(event.decode()?))
        }
    }
}

impl AccountStateTables {
    /// Over this log and the tables in its database.
    pub async fn open(log: EventLog) -> Result<Self, AccountsError> {
        let progress = include_str!("../sql/account_state_tables/progress.sql");
        let position = query_one(log.database(), progress, &[]).await?.cell("position")?;
        Ok(Self { log, followed: Arc::new(Mutex::new(Position::from_sql(position))) })
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

    /// Copies the streams that another release could not, if this one understands all of their events by now.
    pub async fn copy_unread(&self) -> Result<(), AccountsError> {
        let unread = include_str!("../sql/account_state_tables/unread_streams.sql");
        if query(self.log.database(), unread, &[]).await?.is_empty() {
            return Ok(());
        }
        let mut client = self.log.database().get().await?;
        let transaction = client.transaction().await?;
        let until = locked_progress(&transaction).await?;
        for row in transaction.query(unread, &[]).await? {
            // A row without a stream's name can only be noted, which the feed does.
            let Ok(stream) = row.stream("stream_id") else { continue };
            let stretch = (row.position("first_position")?, until);
            let Some(events) = self.understood(&stream, stretch).await? else { continue };
            for (event, change) in events {
                self.write(&transaction, &event, change).await?;
            }
            let forget = include_str!("../sql/account_state_tables/forget_unread.sql");
            transaction.execute(forget, &[&stream.as_str()]).await?;
            tracing::info!(%stream, "events that no release understood are copied into the accounts");
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The changes of a stream from one position to another, if all are understood.
    async fn understood(
        &self,
        stream: &StreamId,
        (from, until): (Position, Position),
    ) -> Result<Option<Vec<(RecordedEvent, Change)>>, AccountsError> {
        let events = match self.log.load(stream, StreamVersion::ZERO).await {
            Ok(events) => events,
            Err(LogError::Database(error)) => return Err(error.into()),
            Err(LogError::Key(_) | LogError::Unreadable(_) | LogError::Malformed { .. }) => return Ok(None),
        };
        let taken = events
            .into_iter()
            .filter(|event| is_taken(&event.event_type) && from <= event.position && event.position <= until);
        Ok(taken.map(|event| Change::of(&event).map(|change| (event, change))).collect::<Result<_, _>>().ok())
    }

    /// One server copies the events of a page. How far that went is written down only with them, so that the log of a busy
    /// facility costs nothing here but the reading.
    async fn follow_page(&self, followed: &mut Position) -> Result<(), AccountsError> {
        let (events, reached) = self.log.read_each(*followed, PAGE, is_taken).await?;
        if !events.is_empty() {
            self.copy(*followed, reached).await?;
        }
        *followed = reached;
        Ok(())
    }

    async fn copy(&self, followed: Position, until: Position) -> Result<(), AccountsError> {
        let mut client = self.log.database().get().await?;
        let transaction = client.transaction().await?;
        let mut written = followed.max(locked_progress(&transaction).await?);
        while written < until {
            let (events, reached) = self.log.read_each(written, PAGE, is_taken).await?;
            for event in events {
                let (position, stream) = match &event {
                    Ok(event) => (event.position, Some(event.stream.clone())),
                    Err(damaged) => (damaged.position, damaged.stream.clone()),
                };
                let understood = event.map_err(|damaged| damaged.error);
                match understood.and_then(|event| Ok((Change::of(&event)?, event))) {
                    Ok((change, event)) => self.write(&transaction, &event, change).await?,
                    Err(error) => {
                        tracing::error!(%position, %error, "an account's event is not understood; the account is closed");
                        let note = include_str!("../sql/account_state_tables/note_unread.sql");
                        // Of no stream: it closes nothing, and is counted all the same.
                        let stream = stream.as_ref().map_or("", StreamId::as_str);
                        transaction.execute(note, &[&position.to_sql(), &stream]).await?;
                    }
                }
            }
            written = reached;
        }
        let advance = include_str!("../sql/account_state_tables/advance.sql");
        transaction.execute(advance, &[&written.to_sql()]).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn write(
        &self,
        transaction: &Transaction<'_>,
        event: &RecordedEvent,
        change: Change,
    ) -> Result<(), AccountsError> {
        match change {
            Change::User(user, change) => self.write_user_event(transaction, user, event.facility_id, change).await,
            Change::Facility(change) => write_facility_event(transaction, event.facility_id, change).await,
        }
    }

    async fn write_user_event(
        &self,
        transaction: &Transaction<'_>,
        user: UserId,
        facility: FacilityId,
        event: UserEvent,
    ) -> Result<(), AccountsError> {
        match event {
            UserEvent::UserRegistered { role, profession, personal } => {
                // Without the address, as after an erasure, nobody could log in: then there is no account to make.
                if let Some(login) = self.login_of(&personal) {
                    let (rpps, adeli) = numbers(&profession);
                    let parameters: Parameters<'_> =
                        &[&user.0, &facility.0, &login.bytes().as_slice(), &role.name(), &rpps, &adeli];
                    let register = include_str!("../sql/account_state_tables/register.sql");
                    transaction.execute(register, parameters).await?;
                }
                transaction.execute(SET_ROLE, &[&user.0, &role.name()]).await?;
            }
            UserEvent::UserProfileChanged { profession, personal, fields_changed: _ } => {
                let (rpps, adeli) = numbers(&profession);
                let set_profession = include_str!("../sql/account_state_tables/set_profession.sql");
                transaction.execute(set_profession, &[&user.0, &rpps, &adeli]).await?;
                if let Some(login) = self.login_of(&personal) {
                    transaction.execute(SET_LOGIN, &[&user.0, &login.bytes().as_slice()]).await?;
                }
            }
            UserEvent::RoleAssigned { role } => {
                transaction.execute(SET_ROLE, &[&user.0, &role.name()]).await?;
                transaction.execute(END_FEEDS, &[&user.0]).await?;
            }
            UserEvent::PasswordChanged { by: PasswordOccasion::Reset } => {
                transaction.execute(END_FEEDS, &[&user.0]).await?;
            }
            UserEvent::UserSuspended {} => {
                transaction.execute(SET_STATUS, &[&user.0, &status_of(false)]).await?;
                let end_sessions = include_str!("../sql/account_state_tables/end_sessions.sql");
                transaction.execute(end_sessions, &[&user.0]).await?;
                transaction.execute(END_FEEDS, &[&user.0]).await?;
            }
            UserEvent::UserReinstated { role } => {
                transaction.execute(SET_STATUS, &[&user.0, &status_of(true)]).await?;
                transaction.execute(SET_ROLE, &[&user.0, &role.name()]).await?;
            }
            UserEvent::UserInvited { .. }
            | UserEvent::PasswordResetStarted { .. }
            | UserEvent::PasswordResetHandedOut { .. }
            | UserEvent::PasswordChanged { by: PasswordOccasion::Invitation | PasswordOccasion::Change }
            | UserEvent::MfaEnabled {}
            | UserEvent::MfaDisabled {}
            | UserEvent::RecoveryCodeUsed {}
            | UserEvent::LoggedIn { .. }
            | UserEvent::LoginRefused { .. }
            | UserEvent::AccountLocked { .. }
            | UserEvent::AccountUnlocked {}
            | UserEvent::LoggedOut { .. }
            | UserEvent::RefreshTokenReused { .. }
            | UserEvent::SessionRevoked { .. } => {}
        }
        Ok(())
    }

    fn login_of(&self, personal: &Revealed<Profile>) -> Option<LoginHash> {
        match personal {
            Revealed::Value(profile) => Some(LoginHash::of(profile.email.as_str(), &self.log)),
            Revealed::Forgotten => None,
        }
    }
}

const SET_ROLE: &str = include_str!("../sql/account_state_tables/set_role.sql");
/// The calendar feeds that the user made.
const END_FEEDS: &str = include_str!("../sql/account_state_tables/end_feeds.sql");
const SET_STATUS: &str = include_str!("../sql/account_state_tables/set_status.sql");

/// The progress of all servers, which the others wait for until the transaction ends.
async fn locked_progress(transaction: &Transaction<'_>) -> Result<Position, AccountsError> {
    let progress = include_str!("../sql/account_state_tables/lock_progress.sql");
    Ok(Position::from_sql(transaction.query_one(progress, &[]).await?.cell("position")?))
}

/// The numbers in the national directories, RPPS and ADELI.
fn numbers(profession: &Profession) -> (Option<&str>, Option<&str>) {
    (profession.rpps_number.as_ref().map(TextValue::as_str), profession.adeli_number.as_ref().map(TextValue::as_str))
}

async fn write_facility_event(
    transaction: &Transaction<'_>,
    facility: FacilityId,
    event: FacilityEvent,
) -> Result<(), AccountsError> {
    match event {
        FacilityEvent::FacilitySettingsChanged { settings } => {
            let set_settings = include_str!("../sql/account_state_tables/set_settings.sql");
            transaction.execute(set_settings, &[&facility.0, &Json(settings)]).await?;
        }
        FacilityEvent::RolePermissionsChanged { role, permissions } => {
            let set_permissions = include_str!("../sql/account_state_tables/set_permissions.sql");
            let permissions = Json(HashMap::from([(role, permissions)]));
            transaction.execute(set_permissions, &[&facility.0, &permissions]).await?;
        }
        FacilityEvent::FacilityOpened { .. }
        | FacilityEvent::ReminderRulesSet { .. }
        | FacilityEvent::RoomAdded { .. }
        | FacilityEvent::RoomRenamed { .. }
        | FacilityEvent::RoomClosed { .. } => {}
    }
    Ok(())
}

/// Whether a stream is a user's; the others of whom events are taken are facilities'.
pub(super) fn is_of_user(stream: &StreamId) -> bool {
    fn type_of<A: AggregateRoot>() -> &'static str {
        A::TYPE
    }
    stream.aggregate() == type_of::<User>()
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
            | "PasswordChanged"
            | "FacilitySettingsChanged"
            | "RolePermissionsChanged"
    )
}
