//! What somebody does with their own secrets: choose a password, enroll and drop a second factor, prove again who they
//! are. None of it lets in who was kept out. The frame has asked for a [fresh
//! proof](super::sessions::Sessions::is_stepped_up) before.

use commands::{CommandContext, CommandError};
use domain::ids::{Position, UserId};
use domain::user::{PasswordOccasion, SessionEnder, UserCommand, UserError};
use domain::values::{EmailAddress, TextValue};
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::account::{Account, LoginHash};
use super::account_events::Origin;
use super::one_time_links::{LinkPurpose, OneTimeLink};
use super::password_policy::NewPassword;
use super::second_factor::CodeCheck;
use super::sessions::EndReason;
use super::totp::TotpSecret;
use super::{Auth, AuthError};
use crate::member::Member;

/// With what somebody proves again who they are.
pub enum Proof {
    /// Their password.
    Password(Zeroizing<String>),
    /// A code of their device, or a recovery code.
    Code(Zeroizing<String>),
}

impl Auth {
    /// Proves again who the member is. For five minutes, the session may then do what needs it.
    pub async fn step_up(&self, member: &Member, proof: Proof, origin: &Origin) -> Result<(), AuthError> {
        let found = self.accounts.by_id(member.user_id).await?.filter(|found| found.account.active);
        let found = found.ok_or(AuthError::SessionOver)?;
        let attempt = self.approach(&found.account, origin).await?;
        let with_code = match proof {
            Proof::Password(password) => {
                if !self.passwords.verify(password, found.password_hash).await? {
                    self.lockout.failed(&attempt).await?;
                    return Err(AuthError::WrongCredentials);
                }
                false
            }
            Proof::Code(code) => match self.second_factors.check(member.user_id, &code).await? {
                CodeCheck::Device => true,
                CodeCheck::Recovery => {
                    self.events.happened(&found.account, UserCommand::UseRecoveryCode, origin).await?;
                    true
                }
                CodeCheck::Wrong => {
                    self.lockout.failed(&attempt).await?;
                    return Err(AuthError::WrongCode);
                }
            },
        };
        if !self.lockout.succeeded(&attempt, member.user_id).await? {
            return Err(AuthError::Locked(self.lockout.locked_for(&attempt).await?.unwrap_or_default()));
        }
        Ok(self.sessions.step_up(member.session_id, with_code).await?)
    }

    /// Replaces the member's password, who knows the present one. Their other sessions end: whoever had the former password
    /// may be in one.
    pub async fn change_password(
        &self,
        member: &Member,
        current: Zeroizing<String>,
        new: NewPassword,
        origin: &Origin,
    ) -> Result<(), AuthError> {
        self.step_up(member, Proof::Password(current), origin).await?;
        let account = self.account_of(member).await?;
        self.refuse_guessable(member.user_id, &new).await?;
        let hash = self.passwords.hash(new.into_secret()).await?;
        self.accounts.set_password(member.user_id, &hash).await?;
        self.password_was_chosen(member.user_id, origin).await?;
        let what = UserCommand::ChangePassword { by: PasswordOccasion::Change };
        self.events.happened(&account, what, origin).await?;
        let ended = self.sessions.end_all(member.user_id, Some(member.session_id), EndReason::PasswordChanged).await?;
        self.report_revoked(&ended, SessionEnder::PasswordChange, member, origin).await
    }

    /// Refuses a password that is soon guessed by who knows its owner.
    async fn refuse_guessable(&self, user: UserId, new: &NewPassword) -> Result<(), AuthError> {
        let Some(found) = self.accounts.by_id(user).await? else { return Ok(()) };
        let words = self.events.words_about(&found.account).await?;
        if new.is_about(&words) { Err(AuthError::GuessablePassword) } else { Ok(()) }
    }

    /// A link for whoever forgot the password of this address, and whose it is. None for an address that nobody can log in
    /// with, and if a link was made a short while ago. Who asked proved nothing: the link is for its owner alone.
    pub async fn link_for_forgotten(
        &self,
        email: &EmailAddress,
        origin: &Origin,
    ) -> Result<Option<(Account, OneTimeLink)>, AuthError> {
        let found = self.accounts.by_login(LoginHash::of(email.as_str(), &*self.keys)).await?;
        let Some(found) = found.filter(|found| found.account.active && found.password_hash.is_some()) else {
            return Ok(None);
        };
        let account = found.account;
        if self.links.made_lately(account.user_id).await? {
            return Ok(None);
        }
        let lifetime = SignedDuration::from_secs(LinkPurpose::Reset.lifetime_seconds().into());
        let what = UserCommand::StartPasswordReset { expires_at: Timestamp::now() + lifetime };
        match self.events.was_asked_for(&account, what, origin).await {
            Err(CommandError::Refused(_)) => return Ok(None),
            outcome => outcome?,
        };
        let link = self.links.make(account.user_id, LinkPurpose::Reset).await?;
        Ok(Some((account, link)))
    }

    /// Sets the password of whoever holds this link. All their sessions end, and the second factor stays: a link alone does
    /// not log in. The position of what the log says of it.
    pub async fn accept_link(
        &self,
        token: &str,
        new: NewPassword,
        origin: &Origin,
    ) -> Result<Option<Position>, AuthError> {
        // A guess is not worth a hash.
        let owner = self.links.owner_of(token).await?.ok_or(AuthError::LinkNotGood)?;
        self.refuse_guessable(owner, &new).await?;
        let hash = self.passwords.hash(new.into_secret()).await?;
        let (user, purpose) = self.links.take(token).await?.ok_or(AuthError::LinkNotGood)?;
        let (account, position) = match self.set_by_link(user, purpose, &hash, origin).await {
            Ok(done) => done,
            Err(error) => {
                self.links.give_back(token).await?;
                return Err(error);
            }
        };
        self.password_was_chosen(user, origin).await?;
        let ended = self.sessions.end_all(user, None, EndReason::PasswordChanged).await?;
        let member = Member {
            user_id: user,
            facility_id: account.facility_id,
            role: account.role,
            session_id: uuid::Uuid::nil(),
        };
        self.report_revoked(&ended, SessionEnder::PasswordChange, &member, origin).await?;
        // The calendar feeds of before a reset have ended before the owner makes another.
        self.take_up(position).await;
        Ok(position)
    }

    /// The log is told first: it knows of a suspension before the tables do, and what it refuses leaves no password.
    async fn set_by_link(
        &self,
        user: UserId,
        purpose: LinkPurpose,
        hash: &str,
        origin: &Origin,
    ) -> Result<(Account, Option<Position>), AuthError> {
        let account = self.accounts.by_id(user).await?.map(|found| found.account);
        let account = account.filter(|account| account.active).ok_or(AuthError::LinkNotGood)?;
        let by = match purpose {
            LinkPurpose::Invitation => PasswordOccasion::Invitation,
            LinkPurpose::Reset => PasswordOccasion::Reset,
        };
        let told = self.events.happened(&account, UserCommand::ChangePassword { by }, origin).await;
        let position = told.map_err(|error| match error {
            CommandError::Refused(UserError::Suspended) => AuthError::LinkNotGood,
            error => error.into(),
        })?;
        self.accounts.set_password(user, hash).await?;
        Ok((account, position))
    }

    /// Begins to enroll a device, in place of the present one if there is one.
    pub async fn enroll_second_factor(&self, member: &Member) -> Result<TotpSecret, AuthError> {
        Ok(self.second_factors.enroll(member.user_id).await?)
    }

    /// Puts the device into force that shows this code, and returns its recovery codes, with the position of what the log
    /// says of it. Other sessions end: they began without it.
    pub async fn confirm_second_factor(
        &self,
        member: &Member,
        code: &str,
        origin: &Origin,
    ) -> Result<(Vec<Zeroizing<String>>, Option<Position>), AuthError> {
        let account = self.account_of(member).await?;
        let attempt = self.approach(&account, origin).await?;
        let replaced = self.second_factors.is_enabled(member.user_id).await?;
        let Some(codes) = self.second_factors.confirm(member.user_id, code).await? else {
            self.lockout.failed(&attempt).await?;
            return Err(AuthError::WrongCode);
        };
        self.sessions.step_up(member.session_id, true).await?;
        // Another device takes the place of the present one.
        if replaced {
            self.events.happened(&account, UserCommand::DisableMfa, origin).await?;
        }
        let position = self.events.happened(&account, UserCommand::EnableMfa, origin).await?;
        self.end_others(member, origin).await?;
        Ok((codes, position))
    }

    /// Drops the member's second factor, where the practice allows that. The position of what the log says of it; none if
    /// there is no second factor, as when the answer to an earlier request was lost.
    pub async fn drop_second_factor(&self, member: &Member, origin: &Origin) -> Result<Option<Position>, AuthError> {
        let account = self.account_of(member).await?;
        if self.state().requires_second_factor(account.facility_id, account.role) {
            return Err(AuthError::SecondFactorRequired);
        }
        if !self.second_factors.disable(member.user_id).await? {
            return Ok(None);
        }
        self.sessions.drop_second_factor(member.user_id).await?;
        let position = self.events.happened(&account, UserCommand::DisableMfa, origin).await?;
        self.end_others(member, origin).await?;
        Ok(position)
    }

    /// Drops the second factor of a colleague who lost it. All their sessions end: whoever found the device may be in one.
    /// Where the practice requires a second factor, they set up another as soon as they log in. The log is told first, of
    /// who did it and why; its position.
    pub async fn drop_lost_second_factor(
        &self,
        user: UserId,
        member: &Member,
        context: &CommandContext,
        origin: &Origin,
    ) -> Result<Option<Position>, AuthError> {
        if !self.second_factors.is_enabled(user).await? {
            return Err(AuthError::NoSecondFactor);
        }
        let position = self.events.was_done(user, UserCommand::DisableMfa, context).await?;
        self.second_factors.disable(user).await?;
        let ended = self.sessions.end_all(user, None, EndReason::SecondFactorChanged).await?;
        self.report_revoked(&ended, SessionEnder::SecondFactorChange, member, origin).await?;
        Ok(position)
    }

    async fn end_others(&self, member: &Member, origin: &Origin) -> Result<(), AuthError> {
        let but = Some(member.session_id);
        let ended = self.sessions.end_all(member.user_id, but, EndReason::SecondFactorChanged).await?;
        self.report_revoked(&ended, SessionEnder::SecondFactorChange, member, origin).await
    }
}
