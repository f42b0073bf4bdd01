//! Who somebody is, and whether they may come in. [`login`] and [`credentials`] are what a person does; they are put
//! together from parts that each keep one promise:
//!
//! ```text
//!  login, credentials ──► accounts · passwords · lockout · second_factor · one_time_links      who is it?
//!          │      └─────► sessions ── refresh_token                                            for how long?
//!          │                 │ rows
//!          │                 ▼
//!          │          standing_feed ──► standing ──► tokens ──► every request                  still?
//!          └────────► trail ──► the log ──► standing_tables ──► rows                           what happened
//! ```
//!
//! Secrets stand in tables of the schema `accounts`, hashed or sealed, never in an event.

pub mod account;
pub mod calendar_feeds;
pub mod credentials;
pub mod lockout;
pub mod login;
pub mod member;
pub mod one_time_links;
pub mod password_policy;
pub mod passwords;
pub mod private_file;
pub mod refresh_token;
pub mod second_factor;
pub mod seed;
pub mod sessions;
pub mod signing_keys;
pub mod standing;
pub mod standing_feed;
pub mod standing_tables;
pub mod tokens;
pub mod totp;
pub mod trail;

use std::sync::Arc;
use std::time::Duration;

use commands::Commands;
use domain::ids::Position;
use event_store_schema::{Database, EventLog};
use jiff::SignedDuration;

use self::account::{Accounts, AccountsError, LookupHash};
use self::lockout::Lockout;
use self::one_time_links::OneTimeLinks;
use self::passwords::{PasswordError, Passwords};
use self::refresh_token::RefreshTokenChain;
use self::second_factor::SecondFactors;
use self::sessions::Sessions;
use self::signing_keys::{SigningKeys, UnusableKey};
use self::standing::Standing;
use self::standing_feed::StandingFeed;
use self::standing_tables::StandingTables;
use self::tokens::AccessTokens;
use self::trail::{AccountTrail, TrailError};

/// Why somebody is not let in, or not allowed what they ask for.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// E-mail or password is wrong, or the account is suspended.
    #[error("e-mail or password is wrong")]
    WrongCredentials,
    /// Too many failures.
    #[error("locked after too many failures")]
    Locked(Duration),
    /// The password is right, and a code is needed as well.
    #[error("a code of the second factor is needed")]
    SecondFactorNeeded,
    /// The code is wrong, or was used before.
    #[error("the code is wrong or was used before")]
    WrongCode,
    /// The session has ended, or the refresh token is none.
    #[error("the session has ended")]
    SessionOver,
    /// The one-time link is not good, was used, or is too old.
    #[error("the link is not good any more")]
    LinkNotGood,
    /// This needs a proof of identity that is at most five minutes old.
    #[error("this needs a fresh proof of identity")]
    StepUpNeeded,
    /// The practice requires a second factor of this role.
    #[error("the practice requires a second factor of this role")]
    SecondFactorRequired,
    /// There is no second factor.
    #[error("there is no second factor")]
    NoSecondFactor,
    /// The tables.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The hashes.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The key that signs.
    #[error(transparent)]
    SigningKey(#[from] UnusableKey),
    /// The log.
    #[error(transparent)]
    Trail(#[from] TrailError),
}

/// Everything that letting people in takes. Cheap to clone.
#[derive(Clone)]
pub struct Auth {
    /// Who can log in.
    pub accounts: Accounts,
    /// Who is logged in.
    pub sessions: Sessions,
    /// One-time links.
    pub links: OneTimeLinks,
    /// Second factors.
    pub second_factors: SecondFactors,
    /// Access tokens.
    pub tokens: Arc<AccessTokens>,
    /// What passwords are checked with.
    pub passwords: Arc<Passwords>,
    /// What the log tells of accounts.
    pub tables: StandingTables,
    lockout: Lockout,
    trail: AccountTrail,
    keys: Arc<dyn LookupHash>,
}

impl Auth {
    /// Over this log and its database. `standing` of the tokens is kept up to date by the feed that comes with it, which
    /// the member runs.
    pub async fn open(
        commands: Commands,
        passwords: Arc<Passwords>,
        token_lifetime: SignedDuration,
    ) -> Result<(Self, StandingFeed), AccountsError> {
        let log: EventLog = commands.log().clone();
        let database: Database = log.database().clone();
        let keys: Arc<dyn LookupHash> = Arc::new(log.clone());
        let accounts = Accounts::new(database.clone());
        let sessions = Sessions::new(database.clone(), RefreshTokenChain::open(log.keys()).await?);
        let standing = Arc::new(Standing::default());
        let tables = StandingTables::open(log.clone()).await?;
        let feed = StandingFeed::start(log.clone(), tables.clone(), sessions.clone(), Arc::clone(&standing)).await?;
        let tokens = AccessTokens::open(SigningKeys::new(log.clone()), token_lifetime, standing).await?;
        let auth = Self {
            links: OneTimeLinks::new(database.clone()),
            second_factors: SecondFactors::open(database.clone(), log.keys()).await?,
            lockout: Lockout::new(database, Arc::clone(&keys)),
            trail: AccountTrail::start(commands, accounts.clone()),
            tokens: Arc::new(tokens),
            accounts,
            sessions,
            passwords,
            tables,
            keys,
        };
        Ok((auth, feed))
    }

    /// Takes up what the log says up to here, so that a login that follows finds it: the address somebody has now, or that
    /// they may come in again. If that fails, it is taken up a moment later.
    pub async fn take_up(&self, position: Option<Position>) {
        let Some(position) = position else { return };
        if let Err(error) = self.tables.follow_to(position).await {
            tracing::warn!(%position, %error, "answered before the accounts hold it");
        }
    }

    /// What decides whether a valid token still opens the door.
    pub fn standing(&self) -> &Standing {
        self.tokens.standing()
    }
}
