//! Rebuilds of read models, while users go on reading and writing.
//!
//! ```text
//! copy      a second schema, filled from the beginning of the log, beside the live tables: first what the events say,
//!   │       then what follows from it, then the indexes
//!   ├─► swap      [`rebuild`]: the copy takes the place of the live tables, in one transaction
//!   └─► compare   [`verify`]: the copy at exactly the live position, row for row; nothing live is touched
//! ```
//!
//! An advisory lock allows one rebuild of a projection at a time. A killed rebuild leaves a schema that no query reads; the
//! next rebuild drops it.

mod compare;
mod copy;
mod error;
mod progress;
mod swap;

use std::time::{Duration, Instant};

use domain::ids::Position;
use event_store_schema::EventLog;
use tokio::time::sleep;
use tokio_postgres::Config;

pub use self::compare::TableDifference;
use self::copy::{Copy, RebuildLock};
pub use self::error::RebuildError;
pub use self::progress::Progress;
use crate::projection::Projection;

/// If the copy is at most so many events behind, it catches up while the live tables stand still.
const CATCH_UP_EVENTS: u64 = 500;

/// How often the swap is tried, and the pause between two tries. Readers and writers in its way come first.
const SWAP_TRIES: u32 = 40;
const SWAP_PAUSE: Duration = Duration::from_millis(500);

/// A rebuilt read model, in the place of the old one.
#[derive(Clone, Copy, Debug)]
pub struct RebuildReport {
    /// Which.
    pub projection: &'static str,
    /// The position that it shows.
    pub position: Position,
    /// How long it took.
    pub elapsed: Duration,
}

/// A live read model, compared with one that was rebuilt.
#[derive(Clone, Debug)]
pub struct VerifyReport {
    /// Which.
    pub projection: &'static str,
    /// The position at which the two were compared.
    pub position: Position,
    /// How long it took.
    pub elapsed: Duration,
    /// The tables that are not equal; none if all is well.
    pub differences: Vec<TableDifference>,
}

/// Fills a copy of a read model from the beginning of the log, and puts it in the place of the live one. The live one may be
/// of any version; afterwards it is of this program's.
///
/// `owner` connects as the owner of the database, who may make and drop tables.
pub async fn rebuild(
    log: &EventLog,
    owner: &Config,
    projection: &dyn Projection,
    mut progress: impl FnMut(Progress),
) -> Result<RebuildReport, RebuildError> {
    let started = Instant::now();
    let mut lock = RebuildLock::take(owner, projection).await?;
    let version = lock.live().await?.version;
    let mut copy = Copy::begin(log, owner, projection).await?;
    let replaced = async {
        copy.load(log.head().await?, &mut progress).await?;
        copy.tidy().await?;
        for _ in 0..SWAP_TRIES {
            while log.head().await?.get().saturating_sub(copy.position().get()) > CATCH_UP_EVENTS {
                copy.fill(log.head().await?, &mut progress).await?;
            }
            match swap::swap(&mut lock, &mut copy, version, &mut progress).await {
                Err(RebuildError::Busy) => sleep(SWAP_PAUSE).await,
                outcome => return outcome,
            }
        }
        Err(RebuildError::Busy)
    };
    let outcome = match replaced.await {
        Ok(position) => {
            let (projection, elapsed) = (projection.name(), started.elapsed());
            tracing::info!(projection, %position, seconds = elapsed.as_secs(), "read model rebuilt");
            Ok(RebuildReport { projection, position, elapsed })
        }
        Err(error) => Err(copy.discarded_for(error).await),
    };
    lock.release().await;
    outcome
}

/// Fills a copy of a read model to exactly the live position, compares the two row for row, and drops the copy.
pub async fn verify(
    log: &EventLog,
    owner: &Config,
    projection: &dyn Projection,
    mut progress: impl FnMut(Progress),
) -> Result<VerifyReport, RebuildError> {
    let started = Instant::now();
    let mut lock = RebuildLock::take(owner, projection).await?;
    let mut copy = Copy::begin(log, owner, projection).await?;
    let compared = async {
        let mut live = lock.live().await?.position;
        copy.load(live, &mut progress).await?;
        while live.get().saturating_sub(copy.position().get()) > CATCH_UP_EVENTS {
            copy.fill(live, &mut progress).await?;
            live = lock.live().await?.position;
        }
        compare::compare(&mut lock, &copy, &mut progress).await
    };
    let outcome = match compared.await {
        Ok((position, differences)) => copy.discard().await.map(|()| VerifyReport {
            projection: projection.name(),
            position,
            elapsed: started.elapsed(),
            differences,
        }),
        Err(error) => Err(copy.discarded_for(error).await),
    };
    lock.release().await;
    outcome
}
