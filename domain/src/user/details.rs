//! What a practice knows of a member of staff, and the words for what happens to their account.

use serde::{Deserialize, Serialize};

use crate::values::{Adeli, EmailAddress, FirstName, LastName, PhoneNumber, Rpps, Specialty, code_value};

/// Everything that is typed in when a member of staff is registered or their profile is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserDetails {
    /// Who they are and how to reach them.
    pub profile: Profile,
    /// Under which numbers they practise.
    pub profession: Profession,
}

/// Who a member of staff is and how to reach them. Personal, so it stands in events under the user's own key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Family name.
    pub last_name: LastName,
    /// First name.
    pub first_name: FirstName,
    /// The e-mail address, by which they log in.
    pub email: EmailAddress,
    /// Telephone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
}

/// Under which numbers a health professional practises. Open: it stands in public registers (Annuaire Santé).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profession {
    /// The number in the national directory (RPPS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpps_number: Option<Rpps>,
    /// The number in the older, departmental directory (ADELI).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adeli_number: Option<Adeli>,
    /// What they are specialised in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub specialties: Vec<Specialty>,
}

code_value! {
    /// Whether a member of staff can come in.
    UserStatus("user_status_code", "Whether the member of staff can log in.") {
        /// Has not chosen a password yet.
        Invited = "invited",
        /// Can log in.
        Active = "active",
        /// May not come in any more.
        Suspended = "suspended",
    }
}

code_value! {
    /// On which occasion a password was chosen.
    PasswordOccasion("password_occasion_code", "On which occasion the password was chosen.") {
        /// The first one, by the link of the invitation.
        Invitation = "invitation",
        /// By somebody who knew the former one.
        Change = "change",
        /// By the link of a reset.
        Reset = "reset",
    }
}

code_value! {
    /// How somebody proved who they are.
    LoginMethod("login_method_code", "How the member of staff proved who they are.") {
        /// With the password alone.
        Password = "password",
        /// With the password and a code of their device.
        PasswordTotp = "password_totp",
        /// With the password and a recovery code.
        PasswordRecoveryCode = "password_recovery_code",
    }
}

code_value! {
    /// Why somebody was not let in.
    RefusalCause("login_refusal_code", "Why the login was refused.") {
        /// The password was wrong.
        WrongPassword = "wrong_password",
        /// The code of the device, or the recovery code, was wrong or already used.
        WrongSecondFactor = "wrong_second_factor",
        /// The account or the address was locked after wrong passwords.
        Locked = "locked",
        /// The member of staff is suspended.
        Suspended = "suspended",
        /// They have not chosen a password yet.
        NotActivated = "not_activated",
    }
}

code_value! {
    /// Who or what ended a session before its time.
    SessionEnder("session_ender_code", "Who or what ended the session.") {
        /// The member of staff, from another session.
        Owner = "owner",
        /// An administrator.
        Administrator = "administrator",
        /// A new password.
        PasswordChange = "password_change",
        /// A change of the second factor.
        SecondFactorChange = "second_factor_change",
        /// A suspension.
        Suspension = "suspension",
        /// Another role.
        RoleChange = "role_change",
    }
}
