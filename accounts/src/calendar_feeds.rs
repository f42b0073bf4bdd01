//! Secret addresses of calendar feeds: 256 random bits each, stored as a hash, one for each practitioner, until it is replaced
//! or revoked. Calendar programs cannot log in, so whoever has the address reads the feed.
//!
//! A feed ends with the suspension, the next role or the password reset of whoever made it
//! ([`account_state_tables`](super::account_state_tables) ends it). Somebody who may can take it over, and its address goes on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use domain::ids::{FacilityId, UserId};
use event_store_schema::{Cells, Database, Malformed};
use jiff::Timestamp;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use tokio_postgres::Row;
use zeroize::Zeroizing;

use super::error::{AccountsError, NoRandomness};
use super::statements::{execute, query_one, query_opt};

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
    /// By whom, or who took it over.
    pub created_by: UserId,
    /// When it ended, because of what happened to whoever made it.
    pub ended_at: Option<Timestamp>,
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
        let statement = include_str!("../sql/calendar_feeds/make.sql");
        let row = query_one(&self.0, statement, &[&practitioner.0, &facility.0, &hash(&secret), &by.0]).await?;
        Ok((feed(&row)?, secret))
    }

    /// The feed of a practitioner of a practice.
    pub async fn of(&self, facility: FacilityId, practitioner: UserId) -> Result<Option<CalendarFeed>, AccountsError> {
        let statement = include_str!("../sql/calendar_feeds/of_practitioner.sql");
        let row = query_opt(&self.0, statement, &[&facility.0, &practitioner.0]).await?;
        Ok(row.as_ref().map(feed).transpose()?)
    }

    /// Makes a practitioner's feed that of somebody else: it goes on at its address, also if it had ended.
    pub async fn take_over(
        &self,
        facility: FacilityId,
        practitioner: UserId,
        by: UserId,
    ) -> Result<Option<CalendarFeed>, AccountsError> {
        let statement = include_str!("../sql/calendar_feeds/take_over.sql");
        let row = query_opt(&self.0, statement, &[&facility.0, &practitioner.0, &by.0]).await?;
        Ok(row.as_ref().map(feed).transpose()?)
    }

    /// The feed that this is the secret of, unless it ended.
    pub async fn find(&self, secret: &str) -> Result<Option<CalendarFeed>, AccountsError> {
        let row = query_opt(&self.0, include_str!("../sql/calendar_feeds/by_secret.sql"), &[&hash(secret)]).await?;
        Ok(row.as_ref().map(feed).transpose()?)
    }

    /// Makes the secret of a practitioner's feed void; whether there was one.
    pub async fn revoke(&self, facility: FacilityId, practitioner: UserId) -> Result<bool, AccountsError> {
        let statement = include_str!("../sql/calendar_feeds/revoke.sql");
        Ok(execute(&self.0, statement, &[&facility.0, &practitioner.0]).await? > 0)
    }
}

fn feed(row: &Row) -> Result<CalendarFeed, Malformed> {
    Ok(CalendarFeed {
        facility_id: FacilityId(row.cell("facility_id")?),
        practitioner_id: UserId(row.cell("practitioner_id")?),
        created_at: row.cell("created_at")?,
        created_by: UserId(row.cell("created_by")?),
        ended_at: row.cell("ended_at")?,
    })
}

fn hash(secret: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().to_vec()
}
