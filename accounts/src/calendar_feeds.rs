//! Secret addresses of calendar feeds: 256 random bits each, stored as a hash, one for each practitioner, until it is replaced
//! or revoked. Calendar programs cannot log in, so whoever has the address reads the feed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use domain::ids::{FacilityId, UserId};
use event_store_schema::Database;
use jiff::Timestamp;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::account::AccountsError;
use super::totp::NoRandomness;

/// What a secret looks like.
pub const SECRET_PATTERN: &str = "^[A-Za-z0-9_-]{43}$";

/// A feed, without its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalendarFeed {
    /// In which practice.
    pub facility_id: FacilityId,
    /// Whose appointments it shows.
    pub practitioner_id: UserId,
    /// When its secret was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: UserId,
}

/// The table of feeds.
#[derive(Clone)]
pub struct CalendarFeeds(Database);

impl CalendarFeeds {
    /// Over this database.
    pub const fn new(database: Database) -> Self {
        Self(database)
    }

    /// Makes a secret for the feed of a practitioner, and the former one void.
    pub async fn make(
        &self,
        facility: FacilityId,
        practitioner: UserId,
        by: UserId,
    ) -> Result<(CalendarFeed, Zeroizing<String>), AccountsError> {
        let mut random = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(random.as_mut()).map_err(|_| NoRandomness)?;
        let secret = Zeroizing::new(BASE64.encode(random.as_ref()));
        let client = self.0.get().await?;
        let statement = client
            .prepare_cached(
                "INSERT INTO accounts.calendar_feeds (practitioner_id, facility_id, secret_hash, created_by)
                 VALUES ($1, $2, $3, $4)
                 ON CONFLICT (practitioner_id) DO UPDATE
                   SET facility_id = excluded.facility_id, secret_hash = excluded.secret_hash,
                       created_at = excluded.created_at, created_by = excluded.created_by
                 RETURNING created_at",
            )
            .await?;
        let row = client.query_one(&statement, &[&practitioner.0, &facility.0, &hash(&secret), &by.0]).await?;
        let feed = CalendarFeed {
            facility_id: facility,
            practitioner_id: practitioner,
            created_at: row.get(0),
            created_by: by,
        };
        Ok((feed, secret))
    }

    /// The feed of a practitioner of a practice.
    pub async fn of(&self, facility: FacilityId, practitioner: UserId) -> Result<Option<CalendarFeed>, AccountsError> {
        let client = self.0.get().await?;
        let statement = client
            .prepare_cached(
                "SELECT facility_id, practitioner_id, created_at, created_by FROM accounts.calendar_feeds
                 WHERE facility_id = $1 AND practitioner_id = $2",
            )
            .await?;
        Ok(client.query_opt(&statement, &[&facility.0, &practitioner.0]).await?.as_ref().map(feed))
    }

    /// The feed that this is the secret of.
    pub async fn find(&self, secret: &str) -> Result<Option<CalendarFeed>, AccountsError> {
        let client = self.0.get().await?;
        let statement = client
            .prepare_cached(
                "SELECT facility_id, practitioner_id, created_at, created_by FROM accounts.calendar_feeds
                 WHERE secret_hash = $1",
            )
            .await?;
        Ok(client.query_opt(&statement, &[&hash(secret)]).await?.as_ref().map(feed))
    }

    /// Makes the secret of a practitioner's feed void; whether there was one.
    pub async fn revoke(&self, facility: FacilityId, practitioner: UserId) -> Result<bool, AccountsError> {
        let client = self.0.get().await?;
        let statement = client
            .prepare_cached("DELETE FROM accounts.calendar_feeds WHERE facility_id = $1 AND practitioner_id = $2")
            .await?;
        Ok(client.execute(&statement, &[&facility.0, &practitioner.0]).await? > 0)
    }
}

fn feed(row: &tokio_postgres::Row) -> CalendarFeed {
    CalendarFeed {
        facility_id: FacilityId(row.get(0)),
        practitioner_id: UserId(row.get(1)),
        created_at: row.get(2),
        created_by: UserId(row.get(3)),
    }
}

fn hash(secret: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().to_vec()
}
