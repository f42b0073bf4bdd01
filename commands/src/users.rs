//! Commands on staff. The last active administrator of a practice stays. So a command that takes one away guards the stream
//! of another one.

use domain::aggregate::AggregateRoot;
use domain::ids::{FacilityId, UserId};
use domain::reservation::KeyKind;
use domain::role::Role;
use domain::user::{ADMIN_KEY, Colleagues, User, UserCommand, UserDetails, UserError};
use event_store_schema::Guard;

use crate::context::CommandContext;
use crate::error::CommandError;
use crate::execute::{Commands, Executed, pause};

/// How often the other administrator's stream may have moved before the caller hears of it.
const COLLEAGUE_ATTEMPTS: u32 = 10;

type UserOutcome = Result<Executed<User>, CommandError<UserError>>;

impl Commands {
    /// Registers a member of staff, under an id that the caller made. They log in after an invitation and a password.
    /// `Reserved` names the user who has the e-mail address, in any practice.
    pub async fn register_user(
        &self,
        id: UserId,
        role: Role,
        details: &UserDetails,
        context: &CommandContext,
    ) -> UserOutcome {
        // A practice that was never opened registers nobody.
        self.circumstances::<UserError>(context.facility_id).await?;
        let command = UserCommand::RegisterUser { role, details: details.clone() };
        self.execute::<User>(id.0, &command, &Colleagues::default(), &[], context).await
    }

    /// Any other command on a member of staff, and any report of what happened to their account. `Reserved` as in
    /// [`register_user`](Self::register_user).
    pub async fn change_user(&self, id: UserId, command: &UserCommand, context: &CommandContext) -> UserOutcome {
        let outcome = match command {
            UserCommand::SuspendUser | UserCommand::AssignRole { .. } => self.lose_user(id, command, context).await,
            UserCommand::RegisterUser { .. }
            | UserCommand::InviteUser { .. }
            | UserCommand::StartPasswordReset { .. }
            | UserCommand::HandOutPasswordReset { .. }
            | UserCommand::ChangeProfile { .. }
            | UserCommand::ReinstateUser
            | UserCommand::ChangePassword { .. }
            | UserCommand::EnableMfa
            | UserCommand::DisableMfa
            | UserCommand::UseRecoveryCode
            | UserCommand::LogIn { .. }
            | UserCommand::RefuseLogin { .. }
            | UserCommand::LockAccount { .. }
            | UserCommand::UnlockAccount
            | UserCommand::LogOut { .. }
            | UserCommand::ReportRefreshTokenReuse { .. }
            | UserCommand::RevokeSession { .. } => {
                self.execute::<User>(id.0, command, &Colleagues::default(), &[], context).await
            }
        };
        outcome.map_err(|error| match error {
            CommandError::Refused(UserError::NotRegistered) => CommandError::NotFound,
            error => error,
        })
    }

    /// A command that may take an administrator from the practice. If there is another one, their stream is guarded. If two
    /// administrators suspend each other, the second decision is made again, on what the first has left.
    async fn lose_user(&self, id: UserId, command: &UserCommand, context: &CommandContext) -> UserOutcome {
        for attempt in 0..COLLEAGUE_ATTEMPTS {
            let another_admin = self.another_admin(context.facility_id, id).await?;
            let colleagues = Colleagues { another_admin: another_admin.is_some() };
            let guards: Vec<Guard> = another_admin.into_iter().collect();
            match self.execute::<User>(id.0, command, &colleagues, &guards, context).await {
                Err(CommandError::Contended) => pause(attempt).await,
                outcome => return outcome,
            }
        }
        Err(CommandError::Contended)
    }

    /// An active administrator of the practice other than this one, as they are now.
    async fn another_admin(
        &self,
        facility: FacilityId,
        except: UserId,
    ) -> Result<Option<Guard>, CommandError<UserError>> {
        let except = User::stream(except.0);
        let admins = self.log().key_holders(KeyKind::FacilityAdmin, facility.0, ADMIN_KEY).await?;
        for stream in admins.into_iter().filter(|stream| *stream != except) {
            // The reserved key names administrators. Only their own events tell whether they can log in.
            let admin = self.load::<User>(facility, stream.id()).await?;
            if let Some(admin) = admin.filter(|admin| admin.aggregate.is_active_admin()) {
                return Ok(Some(Guard { stream, version: admin.version }));
            }
        }
        Ok(None)
    }
}
