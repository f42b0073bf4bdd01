//! Sessions: one row per login, with the chain of refresh tokens that goes with it. All changes are single conditional
//! statements, so any number of servers may work on the same session at once.

use domain::ids::{FacilityId, UserId};
use event_store_schema::Database;
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};
use tokio_postgres::Row;
use uuid::Uuid;

use super::account::{Account, AccountsError};
use super::refresh_token::{FamilyNonce, RefreshToken, RefreshTokenChain};
use super::totp::NoRandomness;

/// How long a session lasts at most, however much it is used.
const LIFETIME_DAYS: i32 = 7;
/// Within this time a repeated refresh is a lost answer, and gets the same one again; later it is a theft.
const REPEAT_SECONDS: i32 = 10;
/// How long somebody counts as having just proved who they are.
const STEPPED_UP_SECONDS: i32 = 300;
/// How long the rows of sessions that are over are kept for their owner to look at.
const KEPT_DAYS: i32 = 90;

/// Where somebody calls from.
#[derive(Clone, Debug, Default)]
pub struct ClientPlace {
    /// The network address.
    pub address: Option<std::net::IpAddr>,
    /// What their program calls itself.
    pub user_agent: Option<String>,
}

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Its owner left.
    LoggedOut,
    /// Its owner, from elsewhere, or an administrator ended it.
    Revoked,
    /// One of its refresh tokens came a second time.
    TokenReused,
    /// Its owner has another password.
    PasswordChanged,
    /// Its owner has another second factor, or none.
    SecondFactorChanged,
}

impl EndReason {
    const fn name(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged_out",
            Self::Revoked => "revoked",
            Self::TokenReused => "token_reused",
            Self::PasswordChanged => "password_changed",
            Self::SecondFactorChanged => "second_factor_changed",
        }
    }
}

/// A session as its owner may see it.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id.
    pub session_id: Uuid,
    /// Whose it is.
    pub user_id: UserId,
    /// In which practice.
    pub facility_id: FacilityId,
    /// When they logged in.
    pub created_at: Timestamp,
    /// When it was last used, to within half a minute.
    pub last_seen_at: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// From where they logged in.
    pub client_address: Option<String>,
    /// With which program.
    pub user_agent: Option<String>,
    /// Whether with a second factor.
    pub second_factor: bool,
}

/// A link of a session's chain: what both tokens of an answer are made of.
#[derive(Debug)]
pub struct Link {
    /// The session.
    pub session: Session,
    /// The refresh token.
    pub token: RefreshToken,
    /// When it was made: of the same link, always the same.
    pub made_at: Timestamp,
}

/// What became of a refresh token that was sent.
pub enum Refreshed {
    /// The next link, also for a repetition within ten seconds.
    Next(Box<Link>),
    /// It was used before: the session has ended just now.
    Reused(Session),
    /// The session is over.
    Over,
    /// It is no token of this house.
    Forged,
}

/// The table of sessions.
#[derive(Clone)]
pub struct Sessions {
    database: Database,
    chain: RefreshTokenChain,
}

const COLUMNS: &str = "session_id, user_id, facility_id, created_at, last_seen_at, expires_at, client_address, user_agent, \
                       second_factor, generation, family_nonce, token_hash, rotated_at";

impl Sessions {
    /// Over this database.
    pub const fn new(database: Database, chain: RefreshTokenChain) -> Self {
        Self { database, chain }
    }

    /// Begins a session, and makes the first link of its chain.
    pub async fn begin(
        &self,
        account: &Account,
        second_factor: bool,
        client: &ClientPlace,
    ) -> Result<Link, AccountsError> {
        let session_id = Uuid::now_v7();
        let mut nonce: FamilyNonce = [0; 32];
        SystemRandom::new().fill(&mut nonce).map_err(|_| NoRandomness)?;
        let token = self.chain.link(session_id, 0, &nonce);
        let client_address = client.address.map(|address| address.to_string());
        let user_agent = client.user_agent.as_deref().map(|agent| agent.chars().take(200).collect::<String>());
        let connection = self.database.get().await?;
        let statement = connection
            .prepare_cached(&format!(
                "INSERT INTO accounts.sessions
                   (session_id, user_id, facility_id, created_at, last_seen_at, expires_at, family_nonce, token_hash,
                    rotated_at, client_address, user_agent, second_factor, stepped_up_at)
                 VALUES ($1, $2, $3, now(), now(), now() + make_interval(days => $4), $5, $6, now(), $7, $8, $9, now())
                 RETURNING {COLUMNS}"
            ))
            .await?;
        let row = connection
            .query_one(
                &statement,
                &[
                    &session_id,
                    &account.user_id.0,
                    &account.facility_id.0,
                    &LIFETIME_DAYS,
                    &nonce.as_slice(),
                    &token.hash(),
                    &client_address,
                    &user_agent,
                    &second_factor,
                ],
            )
            .await?;
        Ok(Link { session: session(&row), token, made_at: row.get("rotated_at") })
    }

    /// Takes the next link of the chain. Of simultaneous requests with one token one makes it, and all get it.
    pub async fn refresh(
        &self,
        token: &RefreshToken,
        idle_timeout: impl Fn(FacilityId) -> SignedDuration,
    ) -> Result<Refreshed, AccountsError> {
        let Some(row) = self.live_row(token.session_id).await? else { return Ok(Refreshed::Forged) };
        let nonce = nonce(&row);
        if !self.chain.is_authentic(token, &nonce) {
            return Ok(Refreshed::Forged);
        }
        let idle = row.get::<_, f64>("idle_seconds") > idle_timeout(session(&row).facility_id).as_secs_f64();
        if !row.get::<_, bool>("live") || idle {
            return Ok(Refreshed::Over);
        }
        let (row, fresh) = match self.rotate(token, &nonce).await? {
            Some(row) => (row, true),
            // Somebody was faster, a moment or long ago.
            None => match self.live_row(token.session_id).await? {
                Some(row) => {
                    let fresh = row.get("fresh");
                    (row, fresh)
                }
                None => return Ok(Refreshed::Over),
            },
        };
        let current: i32 = row.get("generation");
        if current == token.generation + 1 && fresh {
            let made_at = row.get("rotated_at");
            let next = self.chain.link(token.session_id, current, &nonce);
            return Ok(Refreshed::Next(Box::new(Link { session: session(&row), token: next, made_at })));
        }
        // Also what is authentic but ahead of the table, as after a restore: nobody can tell who has it.
        Ok(match self.end(token.session_id, EndReason::TokenReused).await? {
            Some(session) => Refreshed::Reused(session),
            None => Refreshed::Over,
        })
    }

    async fn rotate(&self, token: &RefreshToken, nonce: &FamilyNonce) -> Result<Option<Row>, AccountsError> {
        let next = self.chain.link(token.session_id, token.generation + 1, nonce);
        let connection = self.database.get().await?;
        let statement = connection
            .prepare_cached(&format!(
                "UPDATE accounts.sessions
                 SET generation = generation + 1, token_hash = $4, rotated_at = clock_timestamp(),
                     last_seen_at = clock_timestamp()
                 WHERE session_id = $1 AND generation = $2 AND token_hash = $3
                   AND ended_at IS NULL AND expires_at > now()
                 RETURNING {COLUMNS}"
            ))
            .await?;
        let hashes = (token.hash(), next.hash());
        Ok(connection.query_opt(&statement, &[&token.session_id, &token.generation, &hashes.0, &hashes.1]).await?)
    }

    async fn live_row(&self, session_id: Uuid) -> Result<Option<Row>, AccountsError> {
        let connection = self.database.get().await?;
        let statement = connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS}, ended_at IS NULL AND expires_at > now() AS live,
                   extract(epoch FROM now() - last_seen_at)::float8 AS idle_seconds,
                   ended_at IS NULL AND rotated_at > clock_timestamp() - make_interval(secs => $2::float8) AS fresh
                 FROM accounts.sessions WHERE session_id = $1"
            ))
            .await?;
        Ok(connection.query_opt(&statement, &[&session_id, &f64::from(REPEAT_SECONDS)]).await?)
    }

    /// Ends a session. It, if it was still going on.
    pub async fn end(&self, session_id: Uuid, reason: EndReason) -> Result<Option<Session>, AccountsError> {
        let connection = self.database.get().await?;
        let statement = connection
            .prepare_cached(&format!(
                "UPDATE accounts.sessions SET ended_at = now(), end_reason = $2
                 WHERE session_id = $1 AND ended_at IS NULL AND expires_at > now() RETURNING {COLUMNS}"
            ))
            .await?;
        let row = connection.query_opt(&statement, &[&session_id, &reason.name()]).await?;
        Ok(row.map(|row| session(&row)))
    }

    /// Ends all sessions of a member of staff but one, and says which they were.
    pub async fn end_all(
        &self,
        user: UserId,
        but: Option<Uuid>,
        reason: EndReason,
    ) -> Result<Vec<Session>, AccountsError> {
        let connection = self.database.get().await?;
        let statement = connection
            .prepare_cached(&format!(
                "UPDATE accounts.sessions SET ended_at = now(), end_reason = $3
                 WHERE user_id = $1 AND session_id IS DISTINCT FROM $2 AND ended_at IS NULL AND expires_at > now()
                 RETURNING {COLUMNS}"
            ))
            .await?;
        let rows = connection.query(&statement, &[&user.0, &but, &reason.name()]).await?;
        Ok(rows.iter().map(session).collect())
    }

    /// The sessions of a member of staff that go on, the latest first.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<Session>, AccountsError> {
        let connection = self.database.get().await?;
        let statement = connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM accounts.sessions
                 WHERE user_id = $1 AND ended_at IS NULL AND expires_at > now() ORDER BY created_at DESC, session_id"
            ))
            .await?;
        Ok(connection.query(&statement, &[&user.0]).await?.iter().map(session).collect())
    }

    /// A session that goes on.
    pub async fn find(&self, session_id: Uuid) -> Result<Option<Session>, AccountsError> {
        let row = self.live_row(session_id).await?;
        Ok(row.filter(|row| row.get("live")).map(|row| session(&row)))
    }

    /// Notes that the owner proved again who they are. `with_second_factor` lasts for the session.
    pub async fn step_up(&self, session_id: Uuid, with_second_factor: bool) -> Result<(), AccountsError> {
        let connection = self.database.get().await?;
        let statement = connection
            .prepare_cached(
                "UPDATE accounts.sessions SET stepped_up_at = now(), second_factor = second_factor OR $2
                 WHERE session_id = $1 AND ended_at IS NULL",
            )
            .await?;
        connection.execute(&statement, &[&session_id, &with_second_factor]).await?;
        Ok(())
    }

    /// Whether the owner proved within the last five minutes who they are, by logging in or again.
    pub async fn is_stepped_up(&self, session_id: Uuid) -> Result<bool, AccountsError> {
        let connection = self.database.get().await?;
        let statement = connection
            .prepare_cached(
                "SELECT EXISTS (SELECT FROM accounts.sessions
                                WHERE session_id = $1 AND ended_at IS NULL
                                  AND stepped_up_at > now() - make_interval(secs => $2::float8))",
            )
            .await?;
        Ok(connection.query_one(&statement, &[&session_id, &f64::from(STEPPED_UP_SECONDS)]).await?.get(0))
    }

    /// The session goes on without the second factor that it began with.
    pub async fn drop_second_factor(&self, user: UserId) -> Result<(), AccountsError> {
        let connection = self.database.get().await?;
        let statement = connection
            .prepare_cached("UPDATE accounts.sessions SET second_factor = false WHERE user_id = $1 AND second_factor")
            .await?;
        connection.execute(&statement, &[&user.0]).await?;
        Ok(())
    }

    /// Writes down when these sessions were last used.
    pub async fn note_seen(&self, seen: &[(Uuid, Timestamp)]) -> Result<(), AccountsError> {
        let connection = self.database.get().await?;
        let statement = connection
            .prepare_cached(
                "UPDATE accounts.sessions SET last_seen_at = seen.at
                 FROM (SELECT * FROM unnest($1::uuid[], $2::timestamptz[]) ORDER BY 1) seen (id, at)
                 WHERE session_id = seen.id AND last_seen_at < seen.at",
            )
            .await?;
        let (ids, moments): (Vec<Uuid>, Vec<Timestamp>) = seen.iter().copied().unzip();
        connection.execute(&statement, &[&ids, &moments]).await?;
        Ok(())
    }

    /// Deletes sessions that have been over for long: their addresses are personal data.
    pub async fn forget_old(&self) -> Result<(), AccountsError> {
        let connection = self.database.get().await?;
        let statement = connection
            .prepare_cached("DELETE FROM accounts.sessions WHERE expires_at < now() - make_interval(days => $1)")
            .await?;
        connection.execute(&statement, &[&KEPT_DAYS]).await?;
        Ok(())
    }
}

fn session(row: &Row) -> Session {
    Session {
        session_id: row.get("session_id"),
        user_id: UserId(row.get("user_id")),
        facility_id: FacilityId(row.get("facility_id")),
        created_at: row.get("created_at"),
        last_seen_at: row.get("last_seen_at"),
        expires_at: row.get("expires_at"),
        client_address: row.get("client_address"),
        user_agent: row.get("user_agent"),
        second_factor: row.get("second_factor"),
    }
}

/// The table checks its length.
fn nonce(row: &Row) -> FamilyNonce {
    row.get::<_, &[u8]>("family_nonce").try_into().unwrap_or_default()
}
