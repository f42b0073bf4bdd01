//! Sessions: one row per login, with the chain of refresh tokens that goes with it. All changes are single conditional
//! statements, so any number of servers may work on the same session at once.

use domain::ids::{FacilityId, UserId};
use event_store_schema::{Cells, Database, Malformed};
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};
use tokio_postgres::Row;
use uuid::Uuid;

use super::account::Account;
use super::error::{AccountsError, NoRandomness};
use super::refresh_token::{FamilyNonce, RefreshToken, RefreshTokenChain};
use super::statements::{Parameters, execute, query, query_one, query_opt};

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
        let parameters: Parameters<'_> = &[
            &session_id,
            &account.user_id.0,
            &account.facility_id.0,
            &LIFETIME_DAYS,
            &nonce.as_slice(),
            &token.hash(),
            &client_address,
            &user_agent,
            &second_factor,
        ];
        let row = query_one(&self.database, include_str!("../sql/sessions/begin.sql"), parameters).await?;
        Ok(Link { session: session(&row)?, token, made_at: row.cell("rotated_at")? })
    }

    /// Takes the next link of the chain. Of simultaneous requests with one token one makes it, and all get it.
    pub async fn refresh(
        &self,
        token: &RefreshToken,
        idle_timeout: impl Fn(&Session) -> SignedDuration,
    ) -> Result<Refreshed, AccountsError> {
        let Some(row) = self.row(token.session_id).await? else { return Ok(Refreshed::Forged) };
        let nonce = nonce(&row)?;
        if !self.chain.is_authentic(token, &nonce) {
            return Ok(Refreshed::Forged);
        }
        let idle = row.cell::<f64>("idle_seconds")? > idle_timeout(&session(&row)?).as_secs_f64();
        if !row.cell::<bool>("live")? || idle {
            return Ok(Refreshed::Over);
        }
        let (row, fresh) = match self.rotate(token, &nonce).await? {
            Some(row) => (row, true),
            // Another request was faster, a moment or long ago.
            None => match self.row(token.session_id).await? {
                Some(row) => {
                    let fresh = row.cell("fresh")?;
                    (row, fresh)
                }
                None => return Ok(Refreshed::Over),
            },
        };
        let current: i32 = row.cell("generation")?;
        if current == token.generation + 1 && fresh {
            let made_at = row.cell("rotated_at")?;
            let next = self.chain.link(token.session_id, current, &nonce);
            return Ok(Refreshed::Next(Box::new(Link { session: session(&row)?, token: next, made_at })));
        }
        // Also what is authentic but ahead of the table, as after a restore: nobody can tell who has it.
        Ok(match self.end(token.session_id, EndReason::TokenReused).await? {
            Some(session) => Refreshed::Reused(session),
            None => Refreshed::Over,
        })
    }

    async fn rotate(&self, token: &RefreshToken, nonce: &FamilyNonce) -> Result<Option<Row>, AccountsError> {
        let next = self.chain.link(token.session_id, token.generation + 1, nonce);
        let parameters: Parameters<'_> = &[&token.session_id, &token.generation, &token.hash(), &next.hash()];
        query_opt(&self.database, include_str!("../sql/sessions/rotate.sql"), parameters).await
    }

    async fn row(&self, session_id: Uuid) -> Result<Option<Row>, AccountsError> {
        let statement = include_str!("../sql/sessions/find.sql");
        query_opt(&self.database, statement, &[&session_id, &f64::from(REPEAT_SECONDS)]).await
    }

    /// Ends a session. It, if it was still going on.
    pub async fn end(&self, session_id: Uuid, reason: EndReason) -> Result<Option<Session>, AccountsError> {
        let statement = include_str!("../sql/sessions/end.sql");
        let row = query_opt(&self.database, statement, &[&session_id, &reason.name()]).await?;
        Ok(row.as_ref().map(session).transpose()?)
    }

    /// Ends all sessions of a member of staff but one, and says which they were.
    pub async fn end_all(
        &self,
        user: UserId,
        but: Option<Uuid>,
        reason: EndReason,
    ) -> Result<Vec<Session>, AccountsError> {
        let statement = include_str!("../sql/sessions/end_all.sql");
        let rows = query(&self.database, statement, &[&user.0, &but, &reason.name()]).await?;
        Ok(understood(&rows))
    }

    /// The sessions of a member of staff that go on, the latest first.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<Session>, AccountsError> {
        Ok(understood(&query(&self.database, include_str!("../sql/sessions/of_user.sql"), &[&user.0]).await?))
    }

    /// A session that goes on.
    pub async fn find(&self, session_id: Uuid) -> Result<Option<Session>, AccountsError> {
        let Some(row) = self.row(session_id).await? else { return Ok(None) };
        Ok(if row.cell("live")? { Some(session(&row)?) } else { None })
    }

    /// Notes that the owner proved again who they are. `with_second_factor` lasts for the session.
    pub async fn step_up(&self, session_id: Uuid, with_second_factor: bool) -> Result<(), AccountsError> {
        let statement = include_str!("../sql/sessions/step_up.sql");
        execute(&self.database, statement, &[&session_id, &with_second_factor]).await?;
        Ok(())
    }

    /// Whether the owner proved within the last five minutes who they are, by logging in or again. The frame asks before every
    /// operation that gives or takes access.
    pub async fn is_stepped_up(&self, session_id: Uuid) -> Result<bool, AccountsError> {
        let statement = include_str!("../sql/sessions/is_stepped_up.sql");
        let row = query_one(&self.database, statement, &[&session_id, &f64::from(STEPPED_UP_SECONDS)]).await?;
        Ok(row.cell("stepped_up")?)
    }

    /// The session goes on without the second factor that it began with.
    pub async fn drop_second_factor(&self, user: UserId) -> Result<(), AccountsError> {
        execute(&self.database, include_str!("../sql/sessions/drop_second_factor.sql"), &[&user.0]).await?;
        Ok(())
    }

    /// Writes down when these sessions were last used.
    pub async fn note_seen(&self, seen: &[(Uuid, Timestamp)]) -> Result<(), AccountsError> {
        let (ids, moments): (Vec<Uuid>, Vec<Timestamp>) = seen.iter().copied().unzip();
        execute(&self.database, include_str!("../sql/sessions/note_seen.sql"), &[&ids, &moments]).await?;
        Ok(())
    }

    /// Deletes sessions that have been over for long: their addresses are personal data.
    pub async fn forget_old(&self) -> Result<(), AccountsError> {
        execute(&self.database, include_str!("../sql/sessions/forget_old.sql"), &[&KEPT_DAYS]).await?;
        Ok(())
    }
}

/// One that is not understood is closed and alarmed by [`account_state_feed`](super::account_state_feed); here it is left
/// out, so that it hides no other.
fn understood(rows: &[Row]) -> Vec<Session> {
    rows.iter().filter_map(|row| session(row).ok()).collect()
}

fn session(row: &Row) -> Result<Session, Malformed> {
    Ok(Session {
        session_id: row.cell("session_id")?,
        user_id: UserId(row.cell("user_id")?),
        facility_id: FacilityId(row.cell("facility_id")?),
        created_at: row.cell("created_at")?,
        last_seen_at: row.cell("last_seen_at")?,
        expires_at: row.cell("expires_at")?,
        client_address: row.cell("client_address")?,
        user_agent: row.cell("user_agent")?,
        second_factor: row.cell("second_factor")?,
    })
}

fn nonce(row: &Row) -> Result<FamilyNonce, Malformed> {
    row.cell::<&[u8]>("family_nonce")?.try_into().map_err(|_| Malformed("family_nonce"))
}
