//! Who holds a key: for decisions that depend on others who hold it, and then guard their streams.

use domain::ids::StreamId;
use domain::reservation::KeyKind;
use uuid::Uuid;

use crate::error::LogError;
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
}
