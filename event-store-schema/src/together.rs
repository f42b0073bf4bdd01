//! Events that one append wrote to several streams: found again from any of them, without an index.

use domain::event::RecordedEvent;
use domain::ids::Position;

use crate::error::LogError;
use crate::log::EventLog;

impl EventLog {
    /// The events about the subject of `event` that one append wrote together with it, in log order, `event` among them.
    /// None if it has no subject.
    ///
    /// An append's events have positions in a row, one moment and one correlation. `most` is how many such an append writes
    /// at most; the log looks no further than that to both sides.
    pub async fn appended_with(&self, event: &RecordedEvent, most: u32) -> Result<Vec<RecordedEvent>, LogError> {
        let Some(subject) = event.subject_id else { return Ok(Vec::new()) };
        let (at, reach) = (event.position.get(), u64::from(most));
        let first = Position::from(at.saturating_sub(reach)).to_sql();
        let last = Position::from(at.saturating_add(reach)).to_sql();
        let client = self.database().get().await?;
        let statement = client.prepare_cached(include_str!("../sql/read_together.sql")).await?;
        let rows = client.query(&statement, &[&first, &last, &event.recorded_at, &subject.0]).await?;
        drop(client);
        let mut events = self.open_all(rows).await?;
        events.retain(|other| other.metadata.correlation_id == event.metadata.correlation_id);
        Ok(events)
    }
}
