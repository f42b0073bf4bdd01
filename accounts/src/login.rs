//! Coming in, staying, and leaving. A refused login looks the same whether the account exists or not, and takes as long:
//! the same statements, one hash, and what is written about it is written later.

use std::time::Duration;

use commands::CommandError;
use domain::ids::{Position, SessionId, UserId};
use domain::permissions::Permissions;
use domain::user::{LoginMethod, PasswordOccasion, RefusalCause, SessionEnder, UserCommand, UserError};
use domain::values::{EmailAddress, TextValue};
use jiff::{SignedDuration, Timestamp};
use ring::digest;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::account::{Account, LoginHash};
use super::account_events::{AccountEventError, Origin, RefusedLogin};
use super::account_state::SessionState;
use super::device_token::DeviceToken;
use super::error::AccountsError;
use super::lockout::{Approach, Attempt};
use super::refresh_token::RefreshToken;
use super::second_factor::CodeCheck;
use super::sessions::{EndReason, Link, Refreshed, Session};
use super::tokens::AccessGrant;
use super::{Auth, AuthError};
use crate::member::Member;

/// What somebody brings along who wants to come in.
pub struct GivenCredentials {
    /// Who they say they are.
    pub email: EmailAddress,
    /// Their password.
    pub password: Zeroizing<String>,
    /// A code of their device, or a recovery code.
    pub otp: Option<Zeroizing<String>>,
    /// What their device got at an earlier login.
    pub device: Option<DeviceToken>,
}

/// What somebody gets who may come in.
pub struct Admission {
    /// For every request.
    pub access_token: String,
    /// For the next admission.
    pub refresh_token: Zeroizing<String>,
    /// How long the access token is good for, from when it was made.
    pub expires_in: SignedDuration,
    /// Who they are.
    pub account: Account,
    /// What they may do.
    pub permissions: Permissions,
    /// By what their device is known at the next login; none where nobody logged in.
    pub device: Option<DeviceToken>,
}

impl Auth {
    /// Lets somebody in, and begins a session.
    pub async fn log_in(&self, given: GivenCredentials, origin: &Origin) -> Result<Admission, AuthError> {
        let login = LoginHash::of(given.email.as_str(), &*self.keys);
        let refuse = |cause, locked_for: Option<Duration>| {
            let locked_until = locked_for.and_then(|wait| Timestamp::now().checked_add(wait).ok());
            self.events.refused(RefusedLogin { login, cause, locked_until, origin: origin.clone() });
        };
        let device = given.device.map_or_else(DeviceToken::generate, Ok).map_err(AccountsError::from)?;
        let attempt = match self.lockout.approach(login, origin.client.address, Some(&device)).await? {
            Approach::Open(attempt) => attempt,
            Approach::Locked(wait) => {
                refuse(RefusalCause::Locked, None);
                return Err(AuthError::Locked(wait));
            }
        };
        let found = match self.accounts.by_login(login).await {
            // Closed, and refused like an account that does not exist: whether it does is not told.
            Err(AccountsError::NotUnderstood(_)) => None,
            found => found?,
        };
        let (account, hash) = found.map(|found| (found.account, found.password_hash)).unzip();
        let hash = hash.flatten();
        let right = self.passwords.verify(given.password.clone(), hash.clone()).await?;
        let Some(account) = account.clone().filter(|account| right && account.active) else {
            let locked_for = self.lockout.failed(&attempt).await?;
            let cause = match &account {
                Some(account) if !account.active => RefusalCause::Suspended,
                Some(_) if hash.is_none() => RefusalCause::NotActivated,
                Some(_) | None => RefusalCause::WrongPassword,
            };
            refuse(cause, locked_for);
            return Err(AuthError::WrongCredentials);
        };
        let method = match self.check_second_factor(&account, given.otp.as_ref(), &attempt).await {
            Err(AuthError::WrongCode) => {
                refuse(RefusalCause::WrongSecondFactor, None);
                return Err(AuthError::WrongCode);
            }
            outcome => outcome?,
        };
        if !self.lockout.succeeded(&attempt, account.user_id).await? {
            refuse(RefusalCause::Locked, None);
            return Err(AuthError::Locked(self.lockout.locked_for(&attempt).await?.unwrap_or_default()));
        }
        self.require_understood(&account)?;
        if let Some(outdated) = hash.filter(|hash| self.passwords.is_outdated(hash)) {
            let hash = self.passwords.hash(given.password).await?;
            self.accounts.rehash(account.user_id, &outdated, &hash).await?;
        }
        let admission = self.begin(account, method, origin).await?;
        Ok(Admission { device: Some(device), ..admission })
    }

    /// The next admission of a session.
    pub async fn refresh(&self, token: &str, origin: &Origin) -> Result<Admission, AuthError> {
        let token = RefreshToken::parse(token).ok_or(AuthError::SessionOver)?;
        let idle_timeout = |session: &Session| self.state().idle_timeout(session.user_id, session.facility_id);
        match self.sessions.refresh(&token, idle_timeout).await? {
            Refreshed::Next(link) => {
                let account = self.accounts.by_id(link.session.user_id).await?.map(|found| found.account);
                let account = account.filter(|account| account.active).ok_or(AuthError::SessionOver)?;
                self.admit(account, &link)
            }
            Refreshed::Reused(session) => {
                tracing::warn!(session_id = %session.session_id, "a refresh token came twice; its session has ended");
                metrics::counter!("refresh_tokens_reused_total").increment(1);
                self.note_end(&session);
                if let Some(found) = self.accounts.by_id(session.user_id).await? {
                    let what = UserCommand::ReportRefreshTokenReuse { session_id: SessionId(session.session_id) };
                    self.events.happened(&found.account, what, origin).await?;
                }
                Err(AuthError::SessionOver)
            }
            Refreshed::Over | Refreshed::Forged => Err(AuthError::SessionOver),
        }
    }

    /// Ends the session that a request came with.
    pub async fn log_out(&self, member: &Member, origin: &Origin) -> Result<(), AuthError> {
        if let Some(session) = self.sessions.end(member.session_id, EndReason::LoggedOut).await? {
            self.note_end(&session);
            let what = UserCommand::LogOut { session_id: SessionId(session.session_id) };
            self.events.happened(&self.account_of(member).await?, what, origin).await?;
        }
        Ok(())
    }

    /// Ends a session of the member's own, from another one; or, for an administrator, of anybody in the practice. Whether
    /// there was such a session.
    pub async fn revoke(
        &self,
        member: &Member,
        session_id: Uuid,
        administers: bool,
        origin: &Origin,
    ) -> Result<bool, AuthError> {
        let Some(session) = self.sessions.find(session_id).await? else { return Ok(false) };
        let by = if session.user_id == member.user_id {
            SessionEnder::Owner
        } else if administers && session.facility_id == member.facility_id {
            SessionEnder::Administrator
        } else {
            return Ok(false);
        };
        let Some(session) = self.sessions.end(session_id, EndReason::Revoked).await? else { return Ok(false) };
        self.report_revoked(&[session], by, member, origin).await?;
        Ok(true)
    }

    /// Ends all sessions of the member but the present one.
    pub async fn revoke_others(&self, member: &Member, origin: &Origin) -> Result<(), AuthError> {
        let but = Some(member.session_id);
        let ended = self.sessions.end_all(member.user_id, but, EndReason::Revoked).await?;
        self.report_revoked(&ended, SessionEnder::Owner, member, origin).await
    }

    /// The account of a member, as it is now.
    pub async fn account_of(&self, member: &Member) -> Result<Account, AuthError> {
        let account = self.accounts.by_id(member.user_id).await?.map(|found| found.account);
        account.filter(|account| account.active).ok_or(AuthError::SessionOver)
    }

    /// Refuses an account that every request would be refused for.
    fn require_understood(&self, account: &Account) -> Result<(), AuthError> {
        let closed = self.state().is_closed(account.user_id, account.facility_id);
        if closed { Err(AuthError::NotUnderstood) } else { Ok(()) }
    }

    /// Counts a wrong code like a wrong password: six digits are soon guessed.
    pub(super) async fn check_second_factor(
        &self,
        account: &Account,
        code: Option<&Zeroizing<String>>,
        attempt: &Attempt,
    ) -> Result<LoginMethod, AuthError> {
        if !self.second_factors.is_enabled(account.user_id).await? {
            return Ok(LoginMethod::Password);
        }
        let code = code.ok_or(AuthError::SecondFactorNeeded)?;
        match self.second_factors.check(account.user_id, code).await? {
            CodeCheck::Device => Ok(LoginMethod::PasswordTotp),
            CodeCheck::Recovery => Ok(LoginMethod::PasswordRecoveryCode),
            CodeCheck::Wrong => {
                self.lockout.failed(attempt).await?;
                Err(AuthError::WrongCode)
            }
        }
    }

    /// An attempt of the member's own account, for proofs within a session.
    pub(super) async fn approach(&self, account: &Account, origin: &Origin) -> Result<Attempt, AuthError> {
        match self.lockout.approach(self.proofs_of(account.user_id), origin.client.address, None).await? {
            Approach::Open(attempt) => Ok(attempt),
            Approach::Locked(wait) => Err(AuthError::Locked(wait)),
        }
    }

    /// Proofs within a session are counted apart from logins: whoever holds a stolen session must not lock its owner out.
    fn proofs_of(&self, user: UserId) -> LoginHash {
        LoginHash::of(&format!("step-up {user}"), &*self.keys)
    }

    /// Lets the owner of an account try again at once. Failures from before count no more.
    pub async fn lift_lock(&self, user: UserId) -> Result<(), AuthError> {
        let login = self.accounts.by_id(user).await?.map(|found| found.login);
        let logins: Vec<LoginHash> = login.into_iter().chain([self.proofs_of(user)]).collect();
        Ok(self.lockout.lift(&logins, user).await?)
    }

    /// After a new password: lifts the lock, and remembers from where the owner chose it.
    pub(super) async fn password_was_chosen(&self, user: UserId, origin: &Origin) -> Result<(), AuthError> {
        self.lift_lock(user).await?;
        if let Some(found) = self.accounts.by_id(user).await? {
            self.lockout.owner_was_at(found.login, user, origin.client.address).await?;
        }
        Ok(())
    }

    async fn begin(&self, account: Account, method: LoginMethod, origin: &Origin) -> Result<Admission, AuthError> {
        let second_factor = method != LoginMethod::Password;
        let link = self.sessions.begin(&account, second_factor, &origin.client).await?;
        let session_id = SessionId(link.session.session_id);
        // A session that the log does not know of does not begin.
        if let Err(error) = self.tell_login(&account, session_id, method, origin).await {
            self.sessions.end(session_id.0, EndReason::LoggedOut).await?;
            return Err(match error {
                // The log is ahead of the tables by a moment.
                CommandError::Refused(UserError::Suspended) => AuthError::WrongCredentials,
                error => error.into(),
            });
        }
        self.state().learn_session(&state(&link.session, false));
        self.admit(account, &link)
    }

    async fn tell_login(
        &self,
        account: &Account,
        session_id: SessionId,
        method: LoginMethod,
        origin: &Origin,
    ) -> Result<Option<Position>, AccountEventError> {
        if method == LoginMethod::PasswordRecoveryCode {
            self.events.happened(account, UserCommand::UseRecoveryCode, origin).await?;
        }
        let came_in = UserCommand::LogIn { session_id, method };
        match self.events.happened(account, came_in.clone(), origin).await {
            // The password was right, so there is one: that it was chosen did not reach the log at the time.
            Err(CommandError::Refused(UserError::NotActivated)) => {
                let chosen = UserCommand::ChangePassword { by: PasswordOccasion::Invitation };
                self.events.happened(account, chosen, origin).await?;
                self.events.happened(account, came_in, origin).await
            }
            outcome => outcome,
        }
    }

    /// Both tokens of a link: for the same link the same, as long as nothing changed for its owner.
    fn admit(&self, account: Account, link: &Link) -> Result<Admission, AuthError> {
        let session = &link.session;
        let permissions = self.state().permissions(account.facility_id, account.role);
        let access_token = self.tokens.issue_for(&AccessGrant {
            member: Member {
                user_id: account.user_id,
                facility_id: account.facility_id,
                role: account.role,
                session_id: session.session_id,
            },
            permissions,
            id: token_id(&link.token),
            issued_at: link.made_at,
            authenticated_at: session.created_at,
            second_factor: session.second_factor,
        })?;
        let (refresh_token, expires_in) = (link.token.to_text(), self.tokens.lifetime());
        Ok(Admission { access_token, refresh_token, expires_in, account, permissions, device: None })
    }

    /// This server need not wait until it sees the row.
    pub(super) fn note_end(&self, session: &Session) {
        self.state().learn_session(&state(session, true));
    }

    /// Tells this server and the log that these sessions were ended by the member.
    pub(super) async fn report_revoked(
        &self,
        ended: &[Session],
        by: SessionEnder,
        member: &Member,
        origin: &Origin,
    ) -> Result<(), AuthError> {
        for session in ended {
            self.note_end(session);
        }
        let context = origin.context_of(member);
        for session in ended {
            let what = UserCommand::RevokeSession { session_id: SessionId(session.session_id), by };
            self.events.was_done(session.user_id, what, &context).await?;
        }
        Ok(())
    }
}

fn state(session: &Session, ended: bool) -> SessionState {
    SessionState {
        session_id: session.session_id,
        ended,
        second_factor: session.second_factor,
        expires_at: session.expires_at,
        last_seen_at: session.last_seen_at,
    }
}

/// The id of the access token of a link: no other link has it, and it tells nothing of the refresh token.
fn token_id(token: &RefreshToken) -> Uuid {
    let digest = digest::digest(&digest::SHA256, &[b"access token id ", token.hash().as_slice()].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
