//! What happens to an account becomes an event of its owner: logins, refusals, sessions that end. The rest of this crate
//! proves or refuses; this file appends it to the log.

use std::sync::Arc;
use std::time::Duration;

use commands::{CommandContext, CommandError, Commands};
use domain::event::Actor;
use domain::facility::Facility;
use domain::ids::{FacilityId, Position, UserId};
use domain::user::{RefusalCause, User, UserCommand, UserError};
use domain::values::TextValue;
use event_store_schema::tasks::Tasks;
use jiff::Timestamp;
use rand::Rng;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::account::{Account, Accounts, LoginHash};
use super::refused_logins::RefusedLogins;
use super::sessions::ClientPlace;
use crate::member::Member;

/// Refused logins that may wait to be written. Beyond it they are counted, and not written: whoever storms the door does
/// not get to fill the log or to slow down who comes in.
const MOST_WAITING: usize = 1_000;
/// How many milliseconds after it happened a refused login is written.
const WRITTEN_AFTER_MILLISECONDS: std::ops::Range<u64> = 200..1_500;
/// How many refused logins were not written.
const UNWRITTEN: &str = "refused_logins_unwritten_total";

/// Why it could not be appended.
pub type AccountEventError = CommandError<UserError>;

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Address and program.
    pub client: ClientPlace,
    /// Its id.
    pub request_id: Option<String>,
}

impl Origin {
    /// The context of what this member does.
    pub fn context_of(&self, member: &Member) -> CommandContext {
        let (user_id, role, session_id) = (member.user_id, Some(member.role), Some(member.session_id));
        context(Actor { user_id, role, session_id }, member.facility_id, self)
    }
}

/// A login that was refused.
#[derive(Clone, Debug)]
pub struct RefusedLogin {
    /// Which address was named, as a hash.
    pub login: LoginHash,
    /// Why it was refused.
    pub cause: RefusalCause,
    /// Until when the account is locked for it, if it is.
    pub locked_until: Option<Timestamp>,
    /// From where.
    pub origin: Origin,
}

/// Appends to the log. Cheap to clone.
#[derive(Clone)]
pub struct AccountEvents {
    commands: Commands,
    refusals: mpsc::Sender<RefusedLogin>,
}

impl AccountEvents {
    /// Into the log of these commands. A background task appends refused logins: a known account is refused as quickly as
    /// an unknown one. When the task is stopped, it appends those that wait.
    pub fn start(commands: Commands, accounts: Accounts, tasks: &Tasks) -> Self {
        let (refusals, waiting) = mpsc::channel(MOST_WAITING);
        let kept = RefusedLogins::new(commands.log().database().clone());
        let waiting = Mutex::new((waiting, kept));
        let writer = Arc::new(RefusalWriter { commands: commands.clone(), accounts, waiting });
        tasks.start("refused logins", move |stop| {
            let writer = Arc::clone(&writer);
            async move { writer.run(stop).await }
        });
        Self { commands, refusals }
    }

    /// Writes what happened to this account, by its owner's own doing. The position of it; none if it was known.
    pub async fn happened(
        &self,
        account: &Account,
        what: UserCommand,
        origin: &Origin,
    ) -> Result<Option<Position>, AccountEventError> {
        let actor = Actor { user_id: account.user_id, role: Some(account.role), session_id: session_of(&what) };
        tell(&self.commands, account.user_id, &what, &context(actor, account.facility_id, origin)).await
    }

    /// Writes what somebody did to this account. The position of it; none if it was known.
    pub async fn was_done(
        &self,
        user: UserId,
        what: UserCommand,
        context: &CommandContext,
    ) -> Result<Option<Position>, AccountEventError> {
        tell(&self.commands, user, &what, context).await
    }

    /// Writes what somebody asked for who did not prove to be anybody: the house itself reports it.
    pub async fn was_asked_for(
        &self,
        account: &Account,
        what: UserCommand,
        origin: &Origin,
    ) -> Result<Option<Position>, AccountEventError> {
        tell(&self.commands, account.user_id, &what, &context(Actor::SYSTEM, account.facility_id, origin)).await
    }

    /// The words that somebody tries first who knows the owner of this account: their names, their address, their practice.
    pub async fn words_about(&self, account: &Account) -> Result<Vec<String>, AccountEventError> {
        let mut words = Vec::new();
        let user = self.commands.load::<User>(account.facility_id, account.user_id.0).await?;
        if let Some(profile) = user.as_ref().and_then(|loaded| loaded.aggregate.profile.value()) {
            let email = profile.email.as_str();
            words.extend([profile.last_name.as_str(), profile.first_name.as_str(), email].map(str::to_owned));
            words.extend(email.split(['@', '.', '-', '_', '+']).map(str::to_owned));
        }
        // A practice that cannot be loaded is not worth a password that cannot be chosen.
        if let Ok(Some(practice)) = self.commands.load::<Facility>(account.facility_id, account.facility_id.0).await {
            words.push(practice.aggregate.name.clone());
        }
        let parts: Vec<String> =
            words.iter().flat_map(|word| word.split([' ', '-', '\''])).map(str::to_owned).collect();
        words.extend(parts);
        Ok(words)
    }

    /// Writes a refused login, later.
    pub fn refused(&self, refused: RefusedLogin) {
        if self.refusals.try_send(refused).is_err() {
            metrics::counter!(UNWRITTEN).increment(1);
        }
    }
}

/// An account that was made before users were registered, or by hand, has no events to add to; and what the log says
/// already, because an earlier answer was lost on its way, is not said again.
async fn tell(
    commands: &Commands,
    user: UserId,
    what: &UserCommand,
    context: &CommandContext,
) -> Result<Option<Position>, AccountEventError> {
    let said_already = |refusal: &UserError| {
        matches!(refusal, UserError::MfaAlreadyEnabled | UserError::MfaNotEnabled | UserError::AlreadyActivated)
    };
    match commands.change_user(user, what, context).await {
        Ok(executed) => Ok(executed.position),
        Err(CommandError::NotFound) => Ok(None),
        Err(CommandError::Refused(refusal)) if said_already(&refusal) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What appends refused logins.
struct RefusalWriter {
    commands: Commands,
    accounts: Accounts,
    /// Outlives a restart of the task.
    waiting: Mutex<(mpsc::Receiver<RefusedLogin>, RefusedLogins)>,
}

impl RefusalWriter {
    async fn run(&self, stop: CancellationToken) {
        let mut held = self.waiting.lock().await;
        let (waiting, kept) = &mut *held;
        loop {
            let received = stop.run_until_cancelled(waiting.recv()).await;
            let Some(Some(refused)) = received else { break };
            // At a time of its own: the writing slows down whatever runs beside it, and a stranger who names an address and
            // then times the next request would know from that whether the account exists.
            if waiting.is_empty() {
                let milliseconds = rand::rng().random_range(WRITTEN_AFTER_MILLISECONDS);
                let _ = stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(milliseconds))).await;
            }
            let _ = self.write(refused, kept).await;
        }
        // The database of a server that stops may be away already: the first failure ends it.
        while let Ok(refused) = waiting.try_recv() {
            if self.write(refused, kept).await.is_err() {
                metrics::counter!(UNWRITTEN).increment(waiting.len() as u64);
                break;
            }
        }
        // Also when there is nobody left to refuse a login: then the work is done for ever.
        stop.cancelled().await;
    }

    /// A failure is counted and logged here.
    async fn write(&self, refused: RefusedLogin, kept: &mut RefusedLogins) -> Result<(), Unwritten> {
        let unwritten = |error: &dyn std::error::Error| {
            tracing::warn!(%error, "a refused login is not written");
            metrics::counter!(UNWRITTEN).increment(1);
            Unwritten
        };
        let account = match self.accounts.by_login(refused.login).await {
            Ok(found) => found.map(|found| found.account),
            Err(error) => return Err(unwritten(&error)),
        };
        let account = match account {
            Some(account) if kept.becomes_event(account.user_id) => account,
            account => {
                let user = account.map(|account| account.user_id);
                let origin = (refused.origin.client.address, refused.origin.request_id.as_deref());
                let counted = kept.count(refused.login, user, refused.cause, origin).await;
                return counted.map_err(|error| unwritten(&error));
            }
        };
        // Nobody proved to be anybody: the house itself reports it.
        let context = context(Actor::SYSTEM, account.facility_id, &refused.origin);
        let locked = refused.locked_until.map(|until| UserCommand::LockAccount { until });
        for what in [Some(UserCommand::RefuseLogin { cause: refused.cause }), locked].into_iter().flatten() {
            tell(&self.commands, account.user_id, &what, &context).await.map_err(|error| unwritten(&error))?;
        }
        Ok(())
    }
}

/// A refused login is not in the log.
struct Unwritten;

fn context(actor: Actor, facility: FacilityId, origin: &Origin) -> CommandContext {
    CommandContext {
        actor,
        client_address: origin.client.address.map(|address| address.to_string()),
        request_id: origin.request_id.clone(),
        ..CommandContext::system(facility)
    }
}

fn session_of(what: &UserCommand) -> Option<uuid::Uuid> {
    match what {
        UserCommand::LogIn { session_id, .. }
        | UserCommand::LogOut { session_id }
        | UserCommand::ReportRefreshTokenReuse { session_id } => Some(session_id.0),
        UserCommand::RegisterUser { .. }
        | UserCommand::InviteUser { .. }
        | UserCommand::StartPasswordReset { .. }
        | UserCommand::HandOutPasswordReset { .. }
        | UserCommand::ChangeProfile { .. }
        | UserCommand::AssignRole { .. }
        | UserCommand::SuspendUser
        | UserCommand::ReinstateUser
        | UserCommand::ChangePassword { .. }
        | UserCommand::EnableMfa
        | UserCommand::DisableMfa
        | UserCommand::UseRecoveryCode
        | UserCommand::RefuseLogin { .. }
        | UserCommand::LockAccount { .. }
        | UserCommand::UnlockAccount
        | UserCommand::RevokeSession { .. } => None,
    }
}
