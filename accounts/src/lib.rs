//! Accounts: who a user is, and whether they may come in. HTTP, live screens and tools ask it alike.
//!
//! [`login`] and [`credentials`] are what a user does. They are put together from parts that each keep one promise:
//!
//! ```text
//!  login, credentials ──► account · passwords · lockout · second_factor · one_time_links           who is it?
//!          │      └─────► sessions ── refresh_token                                                for how long?
//!          │                 │ rows
//!          │                 ▼
//!          │          account_state_feed ──► account_state ──► tokens ──► every request            still?
//!          └────────► account_events ──► the log ──► account_state_tables ──► rows                 what happened
//! ```
//!
//! Secrets are in tables of the schema `accounts`, hashed or sealed, never in an event. A row that this release does not
//! understand closes the account, session or facility that it speaks of. It ends no task and no start: see
//! [`RowsNotUnderstood`](event_store_schema::not_understood::RowsNotUnderstood).

pub mod account;
pub mod account_events;
pub mod account_state;
pub mod account_state_feed;
pub mod account_state_tables;
pub mod calendar_feeds;
pub mod credentials;
pub mod device_token;
mod error;
pub mod lockout;
pub mod login;
pub mod member;
pub mod one_time_links;
pub mod password_policy;
pub mod passwords;
pub mod private_file;
pub mod refresh_token;
mod refused_logins;
pub mod second_factor;
pub mod seed;
pub mod sessions;
pub mod signing_keys;
mod statements;
pub mod tokens;
pub mod totp;

use std::sync::Arc;
use std::time::Duration;

use commands::Commands;
use domain::ids::Position;
use event_store_schema::health::Check;
use event_store_schema::tasks::Tasks;
use event_store_schema::{Database, EventLog};
use jiff::SignedDuration;

use self::account::{Accounts, LookupHash};
use self::account_events::{AccountEventError, AccountEvents};
use self::account_state::AccountState;
use self::account_state_feed::AccountStateFeed;
use self::account_state_tables::AccountStateTables;
use self::lockout::Lockout;
use self::one_time_links::OneTimeLinks;
use self::passwords::{PasswordError, Passwords};
use self::refresh_token::RefreshTokenChain;
use self::second_factor::SecondFactors;
use self::sessions::Sessions;
use self::signing_keys::SigningKeys;
use self::tokens::AccessTokens;

pub use self::error::{AccountsError, NoRandomness, UnusableKey};

/// Why a user is not let in, or not allowed what they ask for.
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
    /// The new password is soon guessed by who knows its owner.
    #[error("the password is soon guessed by who knows its owner")]
    GuessablePassword,
    /// The practice requires a second factor of this role.
    #[error("the practice requires a second factor of this role")]
    SecondFactorRequired,
    /// This release does not understand a row of the account or of its facility.
    #[error("a row of the account is not understood")]
    NotUnderstood,
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
    Events(#[from] AccountEventError),
}

/// Everything that letting users in takes. Cheap to clone.
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
    pub tables: AccountStateTables,
    lockout: Lockout,
    events: AccountEvents,
    keys: Arc<dyn LookupHash>,
}

impl Auth {
    /// Over the log of these commands and its database. `tasks` keep the state of accounts up to date and append refused
    /// logins.
    pub async fn open(
        commands: Commands,
        passwords: Arc<Passwords>,
        token_lifetime: SignedDuration,
        tasks: &Tasks,
    ) -> Result<Self, AccountsError> {
        let log: EventLog = commands.log().clone();
        let database: Database = log.database().clone();
        let keys: Arc<dyn LookupHash> = Arc::new(log.clone());
        let accounts = Accounts::new(database.clone());
        let sessions = Sessions::new(database.clone(), RefreshTokenChain::open(log.keys()).await?);
        let state = Arc::new(AccountState::default());
        let tables = AccountStateTables::open(log.clone()).await?;
        let feed = AccountStateFeed::start(log.clone(), tables.clone(), sessions.clone(), Arc::clone(&state)).await?;
        let tokens = Arc::new(AccessTokens::open(SigningKeys::new(log.clone()), token_lifetime, state).await?);
        let (feed, fed) = (Arc::new(feed), Arc::clone(&tokens));
        tasks.start("account state", move |stop| {
            let (feed, tokens) = (Arc::clone(&feed), Arc::clone(&fed));
            async move { feed.run(&tokens, stop).await }
        });
        Ok(Self {
            links: OneTimeLinks::new(database.clone()),
            second_factors: SecondFactors::open(database.clone(), log.keys(), Arc::clone(&passwords)).await?,
            lockout: Lockout::new(database, Arc::clone(&keys)),
            events: AccountEvents::start(commands, accounts.clone(), tasks),
            tokens,
            accounts,
            sessions,
            passwords,
            tables,
            keys,
        })
    }

    /// How accounts are doing, for `health/ready`. Its tasks are told by the [`Tasks`] that it was opened with.
    pub fn checks(&self) -> Vec<Check> {
        let passwords = Arc::clone(&self.passwords);
        vec![self.state().not_understood().check("accounts"), Check::known("passwords", move || passwords.finding())]
    }

    /// Takes up what the log says up to here, so that a login that follows finds it: the address that a user has now, or
    /// that they may come in again. If that fails, it is taken up a moment later.
    pub async fn take_up(&self, position: Option<Position>) {
        let Some(position) = position else { return };
        if let Err(error) = self.tables.follow_to(position).await {
            tracing::warn!(%position, %error, "answered before the accounts hold it");
        }
    }

    /// What decides whether a valid token still opens the door.
    pub fn state(&self) -> &AccountState {
        self.tokens.state()
    }
}
