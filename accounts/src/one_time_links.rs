//! One-time links: the secret that an invitation or a reset carries to its addressee. 256 random bits, stored as a hash,
//! for one purpose, for a while, once. Making a new one makes the former ones void.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use domain::ids::UserId;
use event_store_schema::Database;
use jiff::Timestamp;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::account::AccountsError;
use super::totp::NoRandomness;

const PREFIX: &str = "mpl_";

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// To choose the first password.
    Invitation,
    /// To choose another one, when the first is forgotten or no longer trusted.
    Reset,
}

impl LinkPurpose {
    /// How long the link is good for, in seconds: an invitation a week, a reset an hour.
    pub const fn lifetime_seconds(self) -> i32 {
        match self {
            Self::Invitation => 7 * 24 * 3600,
            Self::Reset => 3600,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Reset => "reset",
        }
    }
}

/// A link that was made.
pub struct OneTimeLink {
    /// The secret in it. It exists here and with its addressee alone.
    pub token: Zeroizing<String>,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// The table of links.
#[derive(Clone)]
pub struct OneTimeLinks {
    database: Database,
}

impl OneTimeLinks {
    /// Over this database.
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Makes a link for this member of staff, and the former ones void.
    pub async fn make(&self, user: UserId, purpose: LinkPurpose) -> Result<OneTimeLink, AccountsError> {
        let mut secret = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(secret.as_mut()).map_err(|_| NoRandomness)?;
        let token = Zeroizing::new(format!("{PREFIX}{}", BASE64.encode(secret.as_ref())));
        let client = self.database.get().await?;
        let statement = client
            .prepare_cached(
                "WITH void AS (DELETE FROM accounts.one_time_links WHERE user_id = $2 OR expires_at < now() - interval '30 days')
                 INSERT INTO accounts.one_time_links (token_hash, user_id, purpose, expires_at)
                 VALUES ($1, $2, $3, now() + make_interval(secs => $4::float8)) RETURNING expires_at",
            )
            .await?;
        let seconds = f64::from(purpose.lifetime_seconds());
        let row = client.query_one(&statement, &[&hash(&token), &user.0, &purpose.name(), &seconds]).await?;
        Ok(OneTimeLink { token, expires_at: row.get(0) })
    }

    /// Uses the link up. Whose it was and for what; none if it is not good, was used, or is too old.
    pub async fn take(&self, token: &str) -> Result<Option<(UserId, LinkPurpose)>, AccountsError> {
        let client = self.database.get().await?;
        let statement = client
            .prepare_cached(
                "UPDATE accounts.one_time_links SET used_at = now()
                 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > now()
                 RETURNING user_id, purpose",
            )
            .await?;
        let row = client.query_opt(&statement, &[&hash(token)]).await?;
        Ok(row.map(|row| {
            let purpose = match row.get(1) {
                "invitation" => LinkPurpose::Invitation,
                _ => LinkPurpose::Reset,
            };
            (UserId(row.get(0)), purpose)
        }))
    }

    /// Gives back a link that was taken, and led to nothing.
    pub async fn give_back(&self, token: &str) -> Result<(), AccountsError> {
        let client = self.database.get().await?;
        let statement =
            client.prepare_cached("UPDATE accounts.one_time_links SET used_at = NULL WHERE token_hash = $1").await?;
        client.execute(&statement, &[&hash(token)]).await?;
        Ok(())
    }

    /// Whether the link is good, without using it up: what is not is refused before a password is hashed for it.
    pub async fn is_good(&self, token: &str) -> Result<bool, AccountsError> {
        let client = self.database.get().await?;
        let statement = client
            .prepare_cached(
                "SELECT EXISTS (SELECT FROM accounts.one_time_links
                                WHERE token_hash = $1 AND used_at IS NULL AND expires_at > now())",
            )
            .await?;
        Ok(client.query_one(&statement, &[&hash(token)]).await?.get(0))
    }
}

fn hash(token: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, token.as_bytes()).as_ref().to_vec()
}
