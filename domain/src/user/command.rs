//! What can be asked of a member of staff's file and account.

use jiff::Timestamp;

use super::details::{LoginMethod, PasswordOccasion, RefusalCause, SessionEnder, UserDetails};
use crate::ids::SessionId;
use crate::role::Role;

/// A command to a member of staff's file and account. The second half reports what the secrets, which are not the domain's,
/// have already proved or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserCommand {
    /// Takes somebody on.
    RegisterUser {
        /// What they do here.
        role: Role,
        /// What is known of them.
        details: UserDetails,
    },
    /// Sends them a link by which they choose their first password; again, if the former one ran out.
    InviteUser {
        /// When the link stops working.
        expires_at: Timestamp,
    },
    /// Sends them a link by which they choose another password.
    StartPasswordReset {
        /// When the link stops working.
        expires_at: Timestamp,
    },
    /// Makes the same link and hands it to whoever asks, instead of sending it to its owner.
    HandOutPasswordReset {
        /// When the link stops working.
        expires_at: Timestamp,
    },
    /// Replaces what is known of them; what stays the same is not an event.
    ChangeProfile {
        /// What is known of them now.
        details: UserDetails,
    },
    /// Gives them another role.
    AssignRole {
        /// What they do here from now on.
        role: Role,
    },
    /// Shuts them out.
    SuspendUser,
    /// Lets them in again.
    ReinstateUser,

    /// They chose a password.
    ChangePassword {
        /// On which occasion.
        by: PasswordOccasion,
    },
    /// They proved that they have a second factor.
    EnableMfa,
    /// They need a second factor no longer, or have to enroll another one.
    DisableMfa,
    /// They used up one of their recovery codes.
    UseRecoveryCode,
    /// They come in.
    LogIn {
        /// The session that begins.
        session_id: SessionId,
        /// How they proved who they are.
        method: LoginMethod,
    },
    /// Somebody who named their e-mail address does not come in.
    RefuseLogin {
        /// Why.
        cause: RefusalCause,
    },
    /// Wrong passwords lock the account.
    LockAccount {
        /// Until when.
        until: Timestamp,
    },
    /// An administrator lifts the lock of the account.
    UnlockAccount,
    /// They leave.
    LogOut {
        /// The session that ends.
        session_id: SessionId,
    },
    /// A refresh token came a second time: somebody has a copy, so the session ends.
    ReportRefreshTokenReuse {
        /// The session.
        session_id: SessionId,
    },
    /// A session ends before its time.
    RevokeSession {
        /// The session.
        session_id: SessionId,
        /// Who or what ends it.
        by: SessionEnder,
    },
}
