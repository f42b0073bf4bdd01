//! The messages that are being sent, in the schema `messaging`. Whoever works on one of them changes it on condition that it is
//! as they know it, so that two servers which both think they lead send it once.

use domain::ids::{AppointmentId, FacilityId, PatientId};
use domain::reminder::ReminderRule;
use domain::values::{Channel, CodeValue};
use event_store_schema::{Database, DatabaseError};
use jiff::Timestamp;
use projections::reminders::ReminderKey;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, Row};
use uuid::Uuid;

use event_store_schema::migrating;

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// The advisory lock under which migrations run: 'MPms' in ASCII.
const MIGRATION_LOCK: i64 = 0x4d50_6d73;

/// The outbox could not be read, written or made.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The database is away, or refused.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The tables could not be made.
    #[error("migration of the messages failed: {0}")]
    Migration(#[from] refinery::Error),
    /// A row holds what the table's checks rule out.
    #[error("a message names an unknown channel")]
    UnknownChannel,
}

impl From<tokio_postgres::Error> for OutboxError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Brings the schema `messaging` to this release, after the log's, which makes the application's role. The connection must be
/// the owner's; servers may start at the same time.
pub async fn migrate(owner: &Config) -> Result<(), OutboxError> {
    let migrations = migrations::migrations::runner();
    migrating::migrate_schema(owner, MIGRATION_LOCK, "messaging_schema_history", migrations).await
}

/// A message to one patient about appointments of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: Uuid,
    pub(super) facility: FacilityId,
    pub(super) patient: PatientId,
    pub(super) channel: Channel,
    /// How often it was tried.
    pub(super) attempts: i32,
    pub(super) reminders: Vec<AtWork>,
}

/// A reminder in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AtWork {
    pub(super) key: ReminderKey,
    /// Until when it is of use.
    pub(super) expires_at: Timestamp,
}

/// How long a message may be in the hands of a server before another takes that server for dead, by the database's clock.
const HANDING_OVER: &str = "5 seconds";

/// The outbox.
#[derive(Clone)]
pub(super) struct Outbox(Database);

impl Outbox {
    pub(super) const fn new(database: Database) -> Self {
        Self(database)
    }

    /// Takes a message in, to be tried from an instant on. `false` if one of its reminders is at work already.
    pub(super) async fn plan(&self, message: &Message, next_try: Timestamp) -> Result<bool, OutboxError> {
        let Keys { appointments, starts, channels, minutes } =
            Keys::of(message.reminders.iter().map(|reminder| &reminder.key));
        let expires: Vec<Timestamp> = message.reminders.iter().map(|reminder| reminder.expires_at).collect();
        let mut client = self.0.get().await?;
        let transaction = client.transaction().await?;
        let message_row =
            "INSERT INTO messaging.reminder_messages (message_id, facility_id, patient_id, channel, next_try)
                           VALUES ($1, $2, $3, $4, $5)";
        let (facility, patient) = (message.facility.0, message.patient.0);
        let parameters: &[&(dyn ToSql + Sync)] =
            &[&message.id, &facility, &patient, &message.channel.code(), &next_try];
        transaction.execute(message_row, parameters).await?;
        let taken_in = "INSERT INTO messaging.reminders_at_work
                          (appointment_id, starts, channel, minutes_before, expires_at, message_id)
                        SELECT a, s, c, m, e, $6
                        FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::integer[], $5::timestamptz[])
                             AS r (a, s, c, m, e)
                        ON CONFLICT DO NOTHING";
        let parameters: &[&(dyn ToSql + Sync)] = &[&appointments, &starts, &channels, &minutes, &expires, &message.id];
        let taken_in = transaction.execute(taken_in, parameters).await?;
        let whole = usize::try_from(taken_in).is_ok_and(|count| count == message.reminders.len());
        if whole {
            transaction.commit().await?
        } else {
            transaction.rollback().await?
        }
        Ok(whole)
    }

    /// The messages that are to be tried at an instant.
    pub(super) async fn ready(&self, now: Timestamp, limit: i64) -> Result<Vec<Message>, OutboxError> {
        self.messages("state = 'planned' AND next_try <= $1 ORDER BY next_try LIMIT $2", &[&now, &limit]).await
    }

    /// The messages in the hands of a server that is dead: nobody knows whether the other side has them.
    pub(super) async fn orphans(&self) -> Result<Vec<Message>, OutboxError> {
        let dead = format!("state = 'handing_over' AND handed_over_at < clock_timestamp() - interval '{HANDING_OVER}'");
        self.messages(&dead, &[]).await
    }

    /// The reminders in all messages.
    pub(super) async fn at_work(&self) -> Result<Vec<ReminderKey>, OutboxError> {
        let client = self.0.get().await?;
        let all = "SELECT appointment_id, starts, channel, minutes_before FROM messaging.reminders_at_work";
        let all = client.prepare_cached(all).await?;
        client.query(&all, &[]).await?.iter().map(key).collect()
    }

    async fn messages(&self, condition: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Message>, OutboxError> {
        let client = self.0.get().await?;
        let statement = format!(
            "SELECT m.message_id, m.facility_id, m.patient_id, m.channel AS message_channel, m.attempts,
                    r.appointment_id, r.starts, r.channel, r.minutes_before, r.expires_at
             FROM (SELECT * FROM messaging.reminder_messages WHERE {condition}) m
             LEFT JOIN messaging.reminders_at_work r USING (message_id)
             ORDER BY m.next_try, m.message_id, r.starts, r.appointment_id"
        );
        let statement = client.prepare_cached(&statement).await?;
        let mut messages: Vec<Message> = Vec::new();
        for row in client.query(&statement, parameters).await? {
            let id = row.try_get("message_id")?;
            if messages.last().is_none_or(|message| message.id != id) {
                messages.push(Message {
                    id,
                    facility: FacilityId(row.try_get("facility_id")?),
                    patient: PatientId(row.try_get("patient_id")?),
                    channel: channel(row.try_get("message_channel")?)?,
                    attempts: row.try_get("attempts")?,
                    reminders: Vec::new(),
                });
            }
            if row.try_get::<_, Option<Uuid>>("appointment_id")?.is_some()
                && let Some(message) = messages.last_mut()
            {
                let expires_at = row.try_get("expires_at")?;
                message.reminders.push(AtWork { key: key(&row)?, expires_at });
            }
        }
        Ok(messages)
    }

    /// Notes, on disk, that the other side can have the message from now on. `false` if it is not as it was: then it must not.
    pub(super) async fn hand_over(&self, message: &Message, holder: Uuid) -> Result<bool, OutboxError> {
        let intent = "UPDATE messaging.reminder_messages
                      SET state = 'handing_over', attempts = attempts + 1, holder = $3, handed_over_at = clock_timestamp()
                      WHERE message_id = $1 AND state = 'planned' AND attempts = $2";
        let mut client = self.0.get().await?;
        let transaction = client.transaction().await?;
        let intent = transaction.prepare_cached(intent).await?;
        let ours = transaction.execute(&intent, &[&message.id, &message.attempts, &holder]).await? > 0;
        // By itself, because a server that is killed from here on until it has said the last word to the other side leaves a
        // message that nobody sends again: all that can be done before is done.
        transaction.commit().await?;
        Ok(ours)
    }

    /// Notes that the other side does not have the message, and when it is tried again.
    pub(super) async fn postpone(
        &self,
        message: &Message,
        holder: Uuid,
        (attempts, cause): (i32, Option<String>),
        next_try: Timestamp,
    ) -> Result<(), OutboxError> {
        let again = "UPDATE messaging.reminder_messages
                     SET state = 'planned', holder = NULL, handed_over_at = NULL, attempts = $4, last_cause = $5,
                         next_try = $6
                     WHERE message_id = $1 AND (holder = $3 OR (state = 'planned' AND attempts = $2))";
        let before = message.attempts;
        self.change(again, &[&message.id, &before, &holder, &attempts, &cause, &next_try]).await?;
        Ok(())
    }

    /// Takes reminders out of a message that is not in anybody's hands.
    pub(super) async fn release(&self, message: &Message, keys: &[ReminderKey]) -> Result<(), OutboxError> {
        let Keys { appointments, starts, channels, minutes } = Keys::of(keys.iter());
        let release = "DELETE FROM messaging.reminders_at_work r
                       USING messaging.reminder_messages m
                       WHERE m.message_id = $1 AND m.state = 'planned' AND r.message_id = m.message_id
                         AND (r.appointment_id, r.starts, r.channel, r.minutes_before) IN (
                             SELECT * FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::integer[]))";
        self.change(release, &[&message.id, &appointments, &starts, &channels, &minutes]).await?;
        Ok(())
    }

    /// Forgets a message: what became of it stands in the log, or it is not to be sent.
    pub(super) async fn close(&self, message: &Message, holder: Option<Uuid>) -> Result<(), OutboxError> {
        let close = "DELETE FROM messaging.reminder_messages
                     WHERE message_id = $1 AND (state = 'planned' OR holder = $2)";
        self.change(close, &[&message.id, &holder]).await?;
        Ok(())
    }

    /// Forgets a message of a dead server.
    pub(super) async fn bury(&self, message: &Message) -> Result<(), OutboxError> {
        self.change("DELETE FROM messaging.reminder_messages WHERE message_id = $1", &[&message.id]).await?;
        Ok(())
    }

    /// Whether the statement found a row to change.
    async fn change(&self, statement: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<bool, OutboxError> {
        let client = self.0.get().await?;
        let statement = client.prepare_cached(statement).await?;
        Ok(client.execute(&statement, parameters).await? > 0)
    }
}

/// Keys of reminders, column by column.
struct Keys {
    appointments: Vec<Uuid>,
    starts: Vec<Timestamp>,
    channels: Vec<&'static str>,
    minutes: Vec<i32>,
}

impl Keys {
    fn of<'a>(keys: impl Iterator<Item = &'a ReminderKey> + Clone) -> Self {
        Self {
            appointments: keys.clone().map(|key| key.appointment_id.0).collect(),
            starts: keys.clone().map(|key| key.starts).collect(),
            channels: keys.clone().map(|key| key.rule.channel.code()).collect(),
            minutes: keys.map(|key| key.rule.minutes_before.cast_signed()).collect(),
        }
    }
}

fn channel(code: &str) -> Result<Channel, OutboxError> {
    Channel::parse(code).map_err(|_| OutboxError::UnknownChannel)
}

fn key(row: &Row) -> Result<ReminderKey, OutboxError> {
    let minutes: i32 = row.try_get("minutes_before")?;
    let rule = ReminderRule { channel: channel(row.try_get("channel")?)?, minutes_before: minutes.unsigned_abs() };
    let appointment_id = AppointmentId(row.try_get("appointment_id")?);
    Ok(ReminderKey { appointment_id, starts: row.try_get("starts")?, rule })
}
