//! Who publishes, and up to where it has: a session lock elects, and the checkpoint moves by compare-and-set, so a frozen
//! leader that wakes up after it was replaced moves nothing.

use std::time::Duration;

use domain::ids::Position;
use event_store_schema::{Database, DatabaseError};
use tokio_postgres::{Client, Config, NoTls};

use super::PublishError;

/// The advisory lock of the elected publisher: 'MPpu' in ASCII.
const ELECTION: i64 = 0x4d50_7075;
/// The publisher's row among the checkpoints.
const NAME: &str = "nats_publisher";
/// How often a server asks whether it is elected now.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// A database that does not answer this long has lost its leader.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Makes the publisher's checkpoint, at the beginning of the log, if there is none. Runs at start, after
/// [`install`](crate::install) has made the table; the connection must be the owner's, not the application's.
pub async fn install(owner: &Config) -> Result<(), DatabaseError> {
    let (client, connection) = owner.connect(NoTls).await?;
    // Ends with the client.
    tokio::spawn(connection);
    let make = "INSERT INTO read_model.checkpoints (projection, version, tables, position)
                VALUES ($1, 1, '{}', 0) ON CONFLICT (projection) DO NOTHING";
    client.execute(make, &[&NAME]).await?;
    Ok(())
}

/// The checkpoint, in the hands of the elected server.
pub(super) struct Checkpoint {
    /// The session that holds the lock. When it ends, however it ends, the lock is free.
    session: Client,
    position: Position,
}

impl Checkpoint {
    /// Waits until no other server publishes.
    pub(super) async fn when_elected(database: &Database) -> Result<Self, PublishError> {
        let session = database.dedicated().await?;
        let elected = "SELECT pg_try_advisory_lock($1)";
        while !answer(session.query_one(elected, &[&ELECTION])).await?.get::<_, bool>(0) {
            tokio::time::sleep(ASK_AGAIN).await;
        }
        // The role that moves the checkpoints of projections; the application's own only reads them.
        answer(session.batch_execute("SET ROLE medicalpro_projector")).await?;
        let current = "SELECT position FROM read_model.checkpoints WHERE projection = $1";
        let row = answer(session.query_opt(current, &[&NAME])).await?.ok_or(PublishError::NotInstalled)?;
        Ok(Self { session, position: Position::from_sql(row.get(0)) })
    }

    /// Up to where the log is published.
    pub(super) const fn position(&self) -> Position {
        self.position
    }

    /// Moves it, unless somebody else did.
    pub(super) async fn advance_to(&mut self, position: Position) -> Result<(), PublishError> {
        let advance = "UPDATE read_model.checkpoints SET position = $3, updated_at = now()
                       WHERE projection = $1 AND position = $2";
        let moved =
            answer(self.session.execute(advance, &[&NAME, &self.position.to_sql(), &position.to_sql()])).await?;
        if moved != 1 {
            return Err(PublishError::Deposed);
        }
        self.position = position;
        Ok(())
    }

    /// Fails if the session has ended, and the lock with it.
    pub(super) fn still_elected(&self) -> Result<(), PublishError> {
        if self.session.is_closed() { Err(PublishError::Deposed) } else { Ok(()) }
    }
}

/// Up to where the log is published, by whichever server.
pub(super) async fn published(database: &Database) -> Result<Option<Position>, DatabaseError> {
    let client = database.get().await?;
    let current = client.prepare_cached("SELECT position FROM read_model.checkpoints WHERE projection = $1").await?;
    Ok(client.query_opt(&current, &[&NAME]).await?.map(|row| Position::from_sql(row.get(0))))
}

async fn answer<T>(statement: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, PublishError> {
    match tokio::time::timeout(ANSWER_WITHIN, statement).await {
        Ok(answer) => Ok(answer.map_err(DatabaseError::from)?),
        Err(_) => Err(PublishError::Deposed),
    }
}
