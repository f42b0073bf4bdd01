//! Who holds a key, or a time: for decisions that depend on others who hold it, and for those who ask before they decide.

use domain::ids::StreamId;
use domain::reservation::{KeyKind, Reservation};
use domain::scheduling::Interval;
use uuid::Uuid;

use crate::error::{Holder, LogError};
use crate::log::EventLog;

impl EventLog {
    /// The streams that hold a key of a kind that is not personal, at this moment.
    pub async fn key_holders(&self, kind: KeyKind, scope: Uuid, key: &str) -> Result<Vec<StreamId>, LogError> {
        let client = self.database().get().await?;
        let statement = client.prepare_cached(include_str!("../sql/key_holders.sql")).await?;
        let rows = client.query(&statement, &[&kind.name(), &scope, &key.as_bytes()]).await?;
        let streams = rows.iter().map(|row| row.try_get::<_, &str>(0)).collect::<Result<Vec<_>, _>>()?;
        // The log writes no reservation of a stream without a name.
        Ok(streams.into_iter().filter_map(|stream| stream.parse().ok()).collect())
    }

    /// Who would refuse the times among what a stream wants to hold, at this moment: those whom an append would name. Only
    /// the append itself can be relied on.
    pub async fn time_holders(&self, stream: &StreamId, wanted: &[Reservation]) -> Result<Vec<Holder>, LogError> {
        let (mut kinds, mut resources, mut starts, mut ends) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for reservation in wanted {
            let Reservation::Times { kind, holds } = reservation else { continue };
            for hold in holds.iter().filter(|hold| !hold.shared) {
                kinds.push(kind.name());
                resources.push(hold.resource);
                starts.push(hold.during.from);
                ends.push(hold.during.until);
            }
        }
        let client = self.database().get().await?;
        let statement = client.prepare_cached(include_str!("../sql/time_holders.sql")).await?;
        let rows = client.query(&statement, &[&stream.as_str(), &kinds, &resources, &starts, &ends]).await?;
        rows.iter()
            .map(|row| {
                let stream = row.try_get::<_, &str>("stream_id")?.parse();
                let stream = stream.map_err(|_| LogError::Malformed { position: 0, what: "stream_id" })?;
                let during = Some(Interval { from: row.try_get("starts")?, until: row.try_get("ends")? });
                Ok(Holder { kind: row.try_get("kind")?, stream, during })
            })
            .collect()
    }
}
