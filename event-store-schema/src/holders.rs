//! Which streams hold a key or a time, at this moment. Commands ask before they decide, and auditors look up a patient's
//! number. Only an append can rely on the answer: it judges the reservations itself.

use domain::ids::StreamId;
use domain::reservation::{KeyKind, Reservation};
use domain::scheduling::Interval;
use uuid::Uuid;

use crate::cell::{Cells, Malformed};
use crate::error::{Holder, LogError};
use crate::log::EventLog;

impl EventLog {
    /// The streams that hold a key of a kind that is not personal, at this moment.
    pub async fn key_holders(&self, kind: KeyKind, scope: Uuid, key: &str) -> Result<Vec<StreamId>, LogError> {
        let client = self.database().get().await?;
        let statement = client.prepare_cached(include_str!("../sql/key_holders.sql")).await?;
        let rows = client.query(&statement, &[&kind.name(), &scope, &key.as_bytes()]).await?;
        Ok(rows.iter().map(|row| row.stream("stream_id")).collect::<Result<_, _>>()?)
    }

    /// The streams that hold a key of a kind that is not personal, at this moment, each with its scope: in one scope, or in
    /// all of them.
    pub async fn key_holders_by_scope(
        &self,
        kind: KeyKind,
        key: &str,
        scope: Option<Uuid>,
    ) -> Result<Vec<(Uuid, StreamId)>, LogError> {
        let client = self.database().get().await?;
        let statement = client.prepare_cached(include_str!("../sql/key_holders_by_scope.sql")).await?;
        let rows = client.query(&statement, &[&kind.name(), &key.as_bytes(), &scope]).await?;
        Ok(rows
            .iter()
            .map(|row| Ok((row.cell("scope")?, row.stream("stream_id")?)))
            .collect::<Result<_, Malformed>>()?)
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
                let during = Some(Interval { from: row.cell("starts")?, until: row.cell("ends")? });
                Ok(Holder { kind: row.cell("kind")?, stream: row.stream("stream_id")?, during })
            })
            .collect()
    }
}
