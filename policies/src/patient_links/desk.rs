//! Who answers for one kind of link: says what its page shows, and does what the patient chose. The pages themselves, the
//! tokens and the frame are the same for all kinds.

use commands::{CommandContext, CommandError, Commands};
use domain::facility::Facility;
use domain::ids::FacilityId;
use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;

use super::{Page, PatientLink};

/// Something is amiss on our side; what it is goes into the log, and the patient is asked to try again.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DeskError(#[from] Box<dyn std::error::Error + Send + Sync>);

impl<E: std::error::Error + Send + Sync + 'static> From<CommandError<E>> for DeskError {
    fn from(error: CommandError<E>) -> Self {
        Self(Box::new(error))
    }
}

/// The name of a practice and the zone by which its pages tell time, if it is open.
pub async fn practice_of(commands: &Commands, facility: FacilityId) -> Result<Option<(String, TimeZone)>, DeskError> {
    let practice = commands.load::<Facility>(facility, facility.0).await?;
    Ok(practice.map(|practice| {
        let zone = TimeZone::get(&practice.aggregate.time_zone).unwrap_or(TimeZone::UTC);
        (practice.aggregate.name, zone)
    }))
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It was done, or could not be: the page says what is so now.
    Heard,
    /// It is none of the page's choices.
    NotUnderstood,
}

impl Answered {
    /// Of a command: that somebody was faster, or that it was answered before, is what the page says then.
    pub fn by<T, E: std::error::Error + Send + Sync + 'static>(
        outcome: Result<T, CommandError<E>>,
    ) -> Result<Self, DeskError> {
        match outcome {
            Ok(_) | Err(CommandError::Refused(_) | CommandError::NotFound) => Ok(Self::Heard),
            Err(error) => Err(error.into()),
        }
    }
}

/// From where an answer comes: nobody who is known.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// The address.
    pub client_address: Option<String>,
    /// The request.
    pub request_id: Option<String>,
}

impl Visitor {
    /// The context of what they ask for, in the practice that the link is of.
    pub fn context(&self, facility: FacilityId) -> CommandContext {
        CommandContext {
            client_address: self.client_address.clone(),
            request_id: self.request_id.clone(),
            ..CommandContext::system(facility)
        }
    }
}

/// Who answers for one kind of link.
pub trait LinkDesk: Send + Sync + 'static {
    /// The page as things are now; none if there is nothing of that id. Changes nothing.
    fn show<'a>(&'a self, link: &'a PatientLink) -> BoxFuture<'a, Result<Option<Page>, DeskError>>;

    /// Does what the patient chose, by the [`Choice::answer`](super::Choice::answer) of the page, if that is still
    /// possible.
    fn answer<'a>(
        &'a self,
        link: &'a PatientLink,
        answer: &'a str,
        visitor: &'a Visitor,
    ) -> BoxFuture<'a, Result<Answered, DeskError>>;
}
