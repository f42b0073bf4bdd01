//! One-time links: the secret that an invitation or a reset carries to its addressee. 256 random bits, stored as a hash,
//! for one purpose, for a while, once. Making a new one makes the former ones void.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use domain::ids::UserId;
use event_store_schema::{Cells, Database, Malformed};
use jiff::Timestamp;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::error::{AccountsError, NoRandomness};
use super::statements::{execute, query_one, query_opt};

const PREFIX: &str = "mpl_";
/// For how long nobody who forgot a password gets another link: else whoever knows an address could void every link of its
/// owner, and fill their mailbox.
const LATELY_SECONDS: i32 = 15 * 60;

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

    fn named(name: &str) -> Option<Self> {
        [Self::Invitation, Self::Reset].into_iter().find(|purpose| purpose.name() == name)
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
        let seconds = f64::from(purpose.lifetime_seconds());
        let statement = include_str!("../sql/one_time_links/make.sql");
        let row = query_one(&self.database, statement, &[&hash(&token), &user.0, &purpose.name(), &seconds]).await?;
        Ok(OneTimeLink { token, expires_at: row.cell("expires_at")? })
    }

    /// Whether a link was made for this member of staff a short while ago, and was not used.
    pub async fn made_lately(&self, user: UserId) -> Result<bool, AccountsError> {
        let statement = include_str!("../sql/one_time_links/made_lately.sql");
        let row = query_one(&self.database, statement, &[&user.0, &f64::from(LATELY_SECONDS)]).await?;
        Ok(row.cell("lately")?)
    }

    /// Uses the link up. Whose it was and for what; none if it is not good, was used, or is too old. A link for a purpose
    /// that this release does not know is an error: it opens nothing.
    pub async fn take(&self, token: &str) -> Result<Option<(UserId, LinkPurpose)>, AccountsError> {
        let statement = include_str!("../sql/one_time_links/take.sql");
        let Some(row) = query_opt(&self.database, statement, &[&hash(token)]).await? else { return Ok(None) };
        let purpose = LinkPurpose::named(row.cell("purpose")?).ok_or(Malformed("purpose"))?;
        Ok(Some((UserId(row.cell("user_id")?), purpose)))
    }

    /// Gives back a link that was taken, and led to nothing.
    pub async fn give_back(&self, token: &str) -> Result<(), AccountsError> {
        execute(&self.database, include_str!("../sql/one_time_links/give_back.sql"), &[&hash(token)]).await?;
        Ok(())
    }

    /// Whose link it is, if it is good, without using it up: what is not is refused before a password is hashed for it.
    pub async fn owner_of(&self, token: &str) -> Result<Option<UserId>, AccountsError> {
        let statement = include_str!("../sql/one_time_links/owner.sql");
        let row = query_opt(&self.database, statement, &[&hash(token)]).await?;
        Ok(row.map(|row| row.cell("user_id").map(UserId)).transpose()?)
    }
}

fn hash(token: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, token.as_bytes()).as_ref().to_vec()
}
