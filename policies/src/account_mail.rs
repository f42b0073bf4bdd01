//! E-mails about accounts: the link of a reset to its owner, and to owner and compliance officer that one was handed out.
//!
//! [`AccountMail`] takes errands and answers at once, so a request takes as long for an address that nobody has. One task
//! carries them out. Errands are in memory alone, for they hold secrets: one that a dying server loses is asked for again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use accounts::Auth;
use accounts::account_events::Origin;
use accounts::one_time_links::OneTimeLink;
use askama::Template;
use commands::{CommandError, Commands};
use domain::facility::{Facility, FacilityError};
use domain::ids::{FacilityId, UserId};
use domain::role::Role;
use domain::user::{Profile, User, UserError};
use domain::values::{Channel, EmailAddress, TextValue};
use event_store_schema::tasks::Tasks;
use rand::Rng;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::messaging::{DeliveryError, Messengers, Outgoing, Recipient, SendError};

/// Errands that may wait. Beyond it they are counted, and not done: whoever storms the door fills no memory.
const MOST_WAITING: usize = 1_000;
/// How many milliseconds after it was asked for the link of a forgotten password is made, at a time of its own.
const MADE_AFTER_MILLISECONDS: std::ops::Range<u64> = 200..1_500;
/// How long until a message that was not taken is tried again; after the last one it is given up.
const TRIED_AGAIN_AFTER: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60)];
/// How many errands were not done.
const UNDONE: &str = "account_mails_undone_total";

/// Something to be mailed.
enum Errand {
    /// Somebody forgot the password of this address.
    Forgotten(EmailAddress, Origin),
    /// The link of a reset goes to its owner.
    Link(FacilityId, UserId, Zeroizing<String>),
    /// The link of a reset was handed out.
    HandedOut(FacilityId, UserId),
}

/// Why an errand was not done.
#[derive(Debug, thiserror::Error)]
enum ErrandError {
    #[error(transparent)]
    Auth(#[from] accounts::AuthError),
    #[error(transparent)]
    Accounts(#[from] accounts::AccountsError),
    #[error(transparent)]
    User(#[from] CommandError<UserError>),
    #[error(transparent)]
    Facility(#[from] CommandError<FacilityError>),
    #[error("the text cannot be written: {0}")]
    Text(#[from] askama::Error),
    #[error(transparent)]
    Delivery(DeliveryError),
}

#[derive(Template)]
#[template(path = "messages/password_reset.txt")]
struct ResetText<'a> {
    practice: &'a str,
    link: Option<&'a str>,
    token: &'a str,
}

#[derive(Template)]
#[template(path = "messages/password_handed_out.txt")]
struct HandedOutText<'a> {
    practice: &'a str,
    whose: &'a str,
}

/// Takes errands. Cheap to clone.
#[derive(Clone)]
pub struct AccountMail {
    errands: Option<mpsc::Sender<Errand>>,
}

/// What the errands are done with.
struct Postman {
    auth: Auth,
    commands: Commands,
    messengers: Messengers,
    /// The page of the client where a password is chosen.
    page: Option<String>,
    /// Outlives a restart of the task.
    waiting: Mutex<mpsc::Receiver<Errand>>,
}

impl AccountMail {
    /// Starts the task, if there is a server for e-mails. `page` is where the client has a password chosen; the link in a
    /// message leads there, with the token in its fragment, which no server sees.
    pub fn start(auth: Auth, commands: Commands, messengers: Messengers, page: Option<String>, tasks: &Tasks) -> Self {
        if !messengers.can(Channel::Email) {
            return Self { errands: None };
        }
        let (errands, waiting) = mpsc::channel(MOST_WAITING);
        let postman = Arc::new(Postman { auth, commands, messengers, page, waiting: Mutex::new(waiting) });
        tasks.start("account mail", move |stop| {
            let postman = Arc::clone(&postman);
            async move { postman.run(stop).await }
        });
        Self { errands: Some(errands) }
    }

    /// Whether e-mails can be sent at all.
    pub const fn is_there(&self) -> bool {
        self.errands.is_some()
    }

    /// Somebody forgot the password of this address. Whether anybody has it comes out at no moment.
    pub fn forgotten(&self, email: EmailAddress, origin: Origin) {
        self.take(Errand::Forgotten(email, origin));
    }

    /// Sends the link of a reset to its owner.
    pub fn send_link(&self, facility: FacilityId, owner: UserId, link: &OneTimeLink) {
        self.take(Errand::Link(facility, owner, link.token.clone()));
    }

    /// Tells the owner of an account and the compliance officer that a link for it was handed out.
    pub fn handed_out(&self, facility: FacilityId, owner: UserId) {
        self.take(Errand::HandedOut(facility, owner));
    }

    fn take(&self, errand: Errand) {
        let taken = self.errands.as_ref().is_none_or(|errands| errands.try_send(errand).is_ok());
        if !taken {
            metrics::counter!(UNDONE).increment(1);
        }
    }
}

impl Postman {
    async fn run(&self, stop: CancellationToken) {
        let mut waiting = self.waiting.lock().await;
        while let Some(Some(errand)) = stop.run_until_cancelled(waiting.recv()).await {
            if matches!(errand, Errand::Forgotten(..)) {
                let milliseconds = rand::rng().random_range(MADE_AFTER_MILLISECONDS);
                let _ = stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(milliseconds))).await;
            }
            if let Err(error) = self.carry_out(errand, &stop).await {
                tracing::warn!(%error, "an e-mail about an account is not sent");
                metrics::counter!(UNDONE).increment(1);
            }
        }
        let left = waiting.len() as u64;
        if left > 0 {
            tracing::warn!(left, "e-mails about accounts are not sent: the server stops");
            metrics::counter!(UNDONE).increment(left);
        }
        stop.cancelled().await;
    }

    async fn carry_out(&self, errand: Errand, stop: &CancellationToken) -> Result<(), ErrandError> {
        match errand {
            Errand::Forgotten(email, origin) => {
                let Some((account, link)) = self.auth.link_for_forgotten(&email, &origin).await? else { return Ok(()) };
                self.send_link(account.facility_id, account.user_id, &link.token, stop).await
            }
            Errand::Link(facility, owner, token) => self.send_link(facility, owner, &token, stop).await,
            Errand::HandedOut(facility, owner) => self.tell_handed_out(facility, owner, stop).await,
        }
    }

    async fn send_link(
        &self,
        facility: FacilityId,
        owner: UserId,
        token: &Zeroizing<String>,
        stop: &CancellationToken,
    ) -> Result<(), ErrandError> {
        let (Some(profile), practice) = (self.profile(facility, owner).await?, self.practice(facility).await?) else {
            return Ok(());
        };
        let link = self.page.as_deref().map(|page| Zeroizing::new(format!("{page}#{}", token.as_str())));
        let link = link.as_ref().map(|link| link.as_str());
        let text = ResetText { practice: &practice, link, token }.render()?;
        self.send(&practice, profile.email, "Votre mot de passe MedicalPro", text, stop).await
    }

    async fn tell_handed_out(
        &self,
        facility: FacilityId,
        owner: UserId,
        stop: &CancellationToken,
    ) -> Result<(), ErrandError> {
        let practice = self.practice(facility).await?;
        let Some(profile) = self.profile(facility, owner).await? else { return Ok(()) };
        let name = format!("le compte de {} {}", profile.first_name.as_str(), profile.last_name.as_str());
        let subject = "Un lien de mot de passe a été remis à un administrateur";
        let text = HandedOutText { practice: &practice, whose: "votre compte" }.render()?;
        let told = self.send(&practice, profile.email, subject, text, stop).await;
        for officer in self.auth.accounts.of_role(facility, Role::Dpo).await? {
            let Some(officer) = self.profile(facility, officer).await? else { continue };
            let text = HandedOutText { practice: &practice, whose: &name }.render()?;
            self.send(&practice, officer.email, subject, text, stop).await?;
        }
        told
    }

    async fn profile(&self, facility: FacilityId, user: UserId) -> Result<Option<Profile>, ErrandError> {
        let user = self.commands.load::<User>(facility, user.0).await?;
        Ok(user.and_then(|loaded| loaded.aggregate.profile.value().cloned()))
    }

    async fn practice(&self, facility: FacilityId) -> Result<String, ErrandError> {
        let practice = self.commands.load::<Facility>(facility, facility.0).await?;
        Ok(practice.map(|loaded| loaded.aggregate.name.clone()).unwrap_or_default())
    }

    /// Sends a message, and again if it was not taken for now.
    async fn send(
        &self,
        practice: &str,
        to: EmailAddress,
        subject: &str,
        text: String,
        stop: &CancellationToken,
    ) -> Result<(), ErrandError> {
        let outgoing = Outgoing {
            id: Uuid::now_v7(),
            sender: practice.to_owned(),
            recipient: Recipient::Email(to),
            subject: subject.to_owned(),
            text,
            html: None,
            attachment: None,
        };
        let mut pauses = TRIED_AGAIN_AFTER.into_iter();
        loop {
            let sent = self.messengers.send(&outgoing, async { Ok::<(), Infallible>(()) }).await;
            let error = match sent {
                // It may be there: it is not sent twice.
                Ok(()) | Err(SendError::Delivery(DeliveryError::Unknown(_))) => return Ok(()),
                Err(SendError::HandingOver(never)) => match never {},
                Err(SendError::Delivery(error)) => error,
            };
            let pause = pauses.next().filter(|_| matches!(error, DeliveryError::Transient(_)));
            let Some(pause) = pause else { return Err(ErrandError::Delivery(error)) };
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return Err(ErrandError::Delivery(error));
            }
        }
    }
}
