//! One-time links for members of staff: the log is told of one before it exists, so that none works of which nobody knows.

use std::time::Duration;

use commands::{CommandContext, Executed};
use domain::ids::UserId;
use domain::user::{User, UserCommand};
use jiff::{SignedDuration, Timestamp};

use super::refusal;
use crate::auth::Auth;
use crate::auth::accounts::AccountsError;
use crate::auth::one_time_links::{LinkPurpose, OneTimeLink};
use crate::http::problem::{Problem, ProblemCode};
use crate::state::AppState;

/// How long somebody's account may take to follow their registration: it is made from the log, several times a second.
const ACCOUNT_PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked for.
const ACCOUNT_LOOK: Duration = Duration::from_millis(20);

/// A link, and what it was made for.
pub(super) struct Made {
    /// What the log says.
    pub(super) executed: Executed<User>,
    /// None if this repeats an earlier request: its secret left the house with the first answer.
    pub(super) link: Option<OneTimeLink>,
}

/// Makes a link of this purpose, and the former ones void. Refused by the domain where the account does not need one.
pub(super) async fn make(
    state: &AppState,
    auth: &Auth,
    user: UserId,
    purpose: LinkPurpose,
    context: &CommandContext,
) -> Result<Made, Problem> {
    let expires_at = Timestamp::now() + SignedDuration::from_secs(purpose.lifetime_seconds().into());
    let command = match purpose {
        LinkPurpose::Invitation => UserCommand::InviteUser { expires_at },
        LinkPurpose::Reset => UserCommand::StartPasswordReset { expires_at },
    };
    let executed = state.commands.change_user(user, &command, context).await.map_err(refusal)?;
    if executed.replayed {
        return Ok(Made { executed, link: None });
    }
    if !account_exists(auth, user).await? {
        let why = "The account is not made yet. Invite the member of staff again in a moment.";
        return Err(Problem::new(ProblemCode::NotReady).because(why).retry_after(Duration::from_secs(2)));
    }
    let link = auth.links.make(user, purpose).await?;
    Ok(Made { executed, link: Some(link) })
}

/// Waits for the account that follows a registration.
async fn account_exists(auth: &Auth, user: UserId) -> Result<bool, AccountsError> {
    let exists = async {
        while auth.accounts.by_id(user).await?.is_none() {
            tokio::time::sleep(ACCOUNT_LOOK).await;
        }
        Ok(true)
    };
    tokio::time::timeout(ACCOUNT_PATIENCE, exists).await.unwrap_or(Ok(false))
}
