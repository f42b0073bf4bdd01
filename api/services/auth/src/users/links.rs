//! One-time links for members of staff: the log is told of one before it exists, so that none works of which nobody knows.

use std::time::Duration;

use commands::{CommandContext, Executed};
use domain::ids::UserId;
use domain::user::{User, UserCommand};
use jiff::{SignedDuration, Timestamp};

use super::outcome::refusal;
use crate::desk::StaffDesk;
use accounts::Auth;
use accounts::one_time_links::{LinkPurpose, OneTimeLink};
use frame::problem::{Problem, ProblemCode};
use policies::account_mail::AccountMail;

/// A link, and what it was made for.
pub(super) struct Made {
    /// What the log says.
    pub(super) executed: Executed<User>,
    /// None if this repeats an earlier request, or if the link went to its owner: its secret left the house.
    pub(super) link: Option<OneTimeLink>,
}

/// To whom a link goes.
#[derive(Clone, Copy)]
pub(super) enum Bearer<'a> {
    /// To whoever asked for it. Of a reset, its owner and the compliance officer are told.
    Caller(&'a AccountMail),
    /// To its owner, by e-mail.
    Owner(&'a AccountMail),
}

/// Makes a link of this purpose, and the former ones void. Refused by the domain where the account does not need one.
pub(super) async fn make(
    desk: &StaffDesk,
    auth: &Auth,
    user: UserId,
    purpose: LinkPurpose,
    context: &CommandContext,
    bearer: Bearer<'_>,
) -> Result<Made, Problem> {
    let expires_at = Timestamp::now() + SignedDuration::from_secs(purpose.lifetime_seconds().into());
    let command = match (purpose, bearer) {
        (LinkPurpose::Invitation, _) => UserCommand::InviteUser { expires_at },
        (LinkPurpose::Reset, Bearer::Owner(_)) => UserCommand::StartPasswordReset { expires_at },
        (LinkPurpose::Reset, Bearer::Caller(_)) => UserCommand::HandOutPasswordReset { expires_at },
    };
    let executed = desk.commands.change_user(user, &command, context).await.map_err(refusal)?;
    if executed.replayed {
        return Ok(Made { executed, link: None });
    }
    // The account follows the registration.
    if let Some(position) = executed.position {
        auth.tables.follow_to(position).await?;
    }
    if auth.accounts.by_id(user).await?.is_none() {
        let why =
            "There is no account to make a link for: the address is another account's still. Try again in a moment.";
        return Err(Problem::new(ProblemCode::NotReady).because(why).retry_after(Duration::from_secs(2)));
    }
    let link = auth.links.make(user, purpose).await?;
    match bearer {
        Bearer::Owner(mail) => {
            mail.send_link(context.facility_id, user, &link);
            return Ok(Made { executed, link: None });
        }
        Bearer::Caller(mail) if purpose == LinkPurpose::Reset => mail.handed_out(context.facility_id, user),
        Bearer::Caller(_) => {}
    }
    Ok(Made { executed, link: Some(link) })
}
