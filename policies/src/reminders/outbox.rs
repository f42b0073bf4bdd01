//! The messages that are being sent, in the schema `messaging`. A server changes a message on condition that it is as the
//! server knows it, so that two servers which both think they lead send it once.
//!
//! A row that this release does not understand is set aside: its message is not sent, and all others are.

use domain::ids::{AppointmentId, FacilityId, PatientId};
use domain::reminder::ReminderRule;
use domain::values::{Channel, CodeValue};
use event_store_schema::not_understood::RowsNotUnderstood;
use event_store_schema::{Cells, Database, DatabaseError, Malformed};
use jiff::{SignedDuration, Timestamp};
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
    pub(super) reminders: Vec<ClaimedReminder>,
}

/// A reminder that is in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClaimedReminder {
    pub(super) key: ReminderKey,
    /// Until when it is of use.
    pub(super) expires_at: Timestamp,
}

/// How many seconds a message may be in the hands of a server before another takes that server for dead, by the database's
/// clock.
const HANDING_OVER_SECONDS: f64 = 5.0;

/// When a message that is not understood is looked at again: a newer release may lead by then.
const SET_ASIDE_FOR: SignedDuration = SignedDuration::from_hours(1);

const MESSAGES: &str = "messaging.reminder_messages";
const REMINDERS: &str = "messaging.reminders_at_work";

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The outbox.
#[derive(Clone)]
pub(super) struct Outbox {
    database: Database,
    not_understood: RowsNotUnderstood,
}

impl Outbox {
    pub(super) fn new(database: Database) -> Self {
        Self { database, not_understood: RowsNotUnderstood::default() }
    }

    /// The rows that are set aside.
    pub(super) const fn not_understood(&self) -> &RowsNotUnderstood {
        &self.not_understood
    }

    /// Takes a message in, to be tried from an instant on. `false` if one of its reminders is in a message already.
    pub(super) async fn plan(&self, message: &Message, next_try: Timestamp) -> Result<bool, OutboxError> {
        let Keys { appointments, starts, channels, minutes } =
            Keys::of(message.reminders.iter().map(|reminder| &reminder.key));
        let expires: Vec<Timestamp> = message.reminders.iter().map(|reminder| reminder.expires_at).collect();
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await?;
        let (facility, patient) = (message.facility.0, message.patient.0);
        let parameters: Parameters<'_> = &[&message.id, &facility, &patient, &message.channel.code(), &next_try];
        transaction.execute(include_str!("../../sql/outbox/plan_message.sql"), parameters).await?;
        let claim = include_str!("../../sql/outbox/claim_reminders.sql");
        let parameters: Parameters<'_> = &[&appointments, &starts, &channels, &minutes, &expires, &message.id];
        let claimed = transaction.execute(claim, parameters).await?;
        let whole = usize::try_from(claimed).is_ok_and(|count| count == message.reminders.len());
        if whole {
            transaction.commit().await?
        } else {
            transaction.rollback().await?
        }
        Ok(whole)
    }

    /// The messages that are to be tried at an instant.
    pub(super) async fn ready(&self, now: Timestamp, limit: i64) -> Result<Vec<Message>, OutboxError> {
        let rows = self.query(include_str!("../../sql/outbox/ready.sql"), &[&now, &limit]).await?;
        self.forget_gone().await?;
        let (messages, set_aside) = self.understood(&rows);
        let again = now.checked_add(SET_ASIDE_FOR).unwrap_or(now);
        if !set_aside.is_empty() {
            // Many of them must not stand before those that can be sent.
            self.change(include_str!("../../sql/outbox/set_aside.sql"), &[&set_aside, &again]).await?;
        }
        Ok(messages)
    }

    /// Messages that were set aside, and that a newer release sent.
    async fn forget_gone(&self) -> Result<(), OutboxError> {
        let noted = self.not_understood.noted(MESSAGES);
        if !noted.is_empty() {
            let there = self.query(include_str!("../../sql/outbox/still_there.sql"), &[&noted]).await?;
            let there: Vec<String> = there.iter().filter_map(|row| row.cell("message_id").ok()).collect();
            self.not_understood.retain(MESSAGES, &there);
        }
        Ok(())
    }

    /// The messages in the hands of a server that is dead: nobody knows whether the other side has them.
    pub(super) async fn orphans(&self) -> Result<Vec<Message>, OutboxError> {
        let rows = self.query(include_str!("../../sql/outbox/orphans.sql"), &[&HANDING_OVER_SECONDS]).await?;
        Ok(self.understood(&rows).0)
    }

    /// The reminders in all messages.
    pub(super) async fn claimed(&self) -> Result<Vec<ReminderKey>, OutboxError> {
        let rows = self.query(include_str!("../../sql/outbox/claimed.sql"), &[]).await?;
        let keys = rows.iter().map(|row| {
            let noted = |malformed| {
                let appointment = row.cell::<Uuid>("appointment_id").ok();
                self.not_understood.note(REMINDERS, appointment.as_ref().map(|id| id as &dyn ToString), malformed)
            };
            key(row).map_err(noted)
        });
        let (mut understood, mut set_aside) = (Vec::new(), Vec::new());
        for key in keys {
            match key {
                Ok(key) => understood.push(key),
                Err(noted) => set_aside.push(noted),
            }
        }
        self.not_understood.retain(REMINDERS, &set_aside);
        Ok(understood)
    }

    /// The messages of which every row is understood, and the ids of the others.
    fn understood(&self, rows: &[Row]) -> (Vec<Message>, Vec<Uuid>) {
        let (mut messages, mut set_aside) = (Vec::<Message>::new(), Vec::new());
        for row in rows {
            let id = match row.cell::<Uuid>("message_id") {
                Ok(id) => id,
                Err(malformed) => {
                    self.not_understood.note(MESSAGES, None, malformed);
                    continue;
                }
            };
            if set_aside.contains(&id) {
                continue;
            }
            if let Err(malformed) = add(&mut messages, id, row) {
                self.not_understood.note(MESSAGES, Some(&id), malformed);
                messages.retain(|message| message.id != id);
                set_aside.push(id);
            }
        }
        for message in &messages {
            self.not_understood.clear(MESSAGES, &message.id);
        }
        (messages, set_aside)
    }

    /// Notes, on disk, that the other side can have the message from now on. `false` if it is not as it was: then it must not.
    pub(super) async fn hand_over(&self, message: &Message, holder: Uuid) -> Result<bool, OutboxError> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await?;
        let intent = transaction.prepare_cached(include_str!("../../sql/outbox/hand_over.sql")).await?;
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
        let parameters: Parameters<'_> = &[&message.id, &message.attempts, &holder, &attempts, &cause, &next_try];
        self.change(include_str!("../../sql/outbox/postpone.sql"), parameters).await
    }

    /// Takes reminders out of a message that no server has in hand.
    pub(super) async fn release(&self, message: &Message, keys: &[ReminderKey]) -> Result<(), OutboxError> {
        let Keys { appointments, starts, channels, minutes } = Keys::of(keys.iter());
        let parameters: Parameters<'_> = &[&message.id, &appointments, &starts, &channels, &minutes];
        self.change(include_str!("../../sql/outbox/release.sql"), parameters).await
    }

    /// Forgets a message: what became of it is in the log, or it is not to be sent.
    pub(super) async fn close(&self, message: &Message, holder: Option<Uuid>) -> Result<(), OutboxError> {
        self.change(include_str!("../../sql/outbox/close.sql"), &[&message.id, &holder]).await
    }

    /// Forgets a message of a dead server.
    pub(super) async fn bury(&self, message: &Message) -> Result<(), OutboxError> {
        self.change(include_str!("../../sql/outbox/bury.sql"), &[&message.id]).await
    }

    async fn query(&self, statement: &'static str, parameters: Parameters<'_>) -> Result<Vec<Row>, OutboxError> {
        let client = self.database.get().await?;
        let statement = client.prepare_cached(statement).await?;
        Ok(client.query(&statement, parameters).await?)
    }

    async fn change(&self, statement: &'static str, parameters: Parameters<'_>) -> Result<(), OutboxError> {
        let client = self.database.get().await?;
        let statement = client.prepare_cached(statement).await?;
        client.execute(&statement, parameters).await?;
        Ok(())
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

/// Adds a row to the message that it belongs to. The rows of a message follow each other.
fn add(messages: &mut Vec<Message>, id: Uuid, row: &Row) -> Result<(), Malformed> {
    if messages.last().is_none_or(|message| message.id != id) {
        messages.push(Message {
            id,
            facility: FacilityId(row.cell("facility_id")?),
            patient: PatientId(row.cell("patient_id")?),
            channel: channel(row, "message_channel")?,
            attempts: row.cell("attempts")?,
            reminders: Vec::new(),
        });
    }
    if row.cell::<Option<Uuid>>("appointment_id")?.is_some()
        && let Some(message) = messages.last_mut()
    {
        message.reminders.push(ClaimedReminder { key: key(row)?, expires_at: row.cell("expires_at")? });
    }
    Ok(())
}

fn channel(row: &Row, column: &'static str) -> Result<Channel, Malformed> {
    Channel::parse(row.cell(column)?).map_err(|_| Malformed(column))
}

fn key(row: &Row) -> Result<ReminderKey, Malformed> {
    let minutes: i32 = row.cell("minutes_before")?;
    let rule = ReminderRule { channel: channel(row, "channel")?, minutes_before: minutes.unsigned_abs() };
    let appointment_id = AppointmentId(row.cell("appointment_id")?);
    Ok(ReminderKey { appointment_id, starts: row.cell("starts")?, rule })
}
