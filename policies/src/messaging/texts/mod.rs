//! What patients are told, in French: of a practice, its practitioners, days and times, and links. Never why they come, nor
//! anything else that belongs to their treatment: an e-mail is read over shoulders, and a short message on a locked
//! telephone. Nor by name: whoever has that address now may be somebody else.
//!
//! Texts are templates (`api/templates/messages/`), which askama compiles: a name that is not there does not build, and
//! what a practice calls itself is escaped in pages. Short messages are written here, for what counts in them is their length.

mod short;
mod told;

use askama::Template;
use domain::role::Role;
use domain::user::User;
use domain::values::TextValue;
use jiff::Timestamp;
use uuid::Uuid;

pub use self::told::{Offer, Sender, Visit};
use super::calendar;
use super::{Attachment, Outgoing, Recipient};
use crate::french;

/// A message in the words of every channel.
#[derive(Clone, PartialEq, Eq)]
pub struct Written {
    /// What it is about.
    pub subject: String,
    /// The whole of it.
    pub text: String,
    /// The whole of it as a page.
    pub html: String,
    /// The least of it, in letters that a short message has.
    pub short: String,
    /// A file for calendars.
    pub attachment: Option<Attachment>,
}

impl Written {
    /// The message for this recipient.
    pub fn to(self, id: Uuid, sender: &Sender<'_>, recipient: Recipient) -> Outgoing {
        let sender = sender.practice.to_owned();
        match recipient {
            Recipient::Email(_) => Outgoing {
                id,
                sender,
                recipient,
                subject: self.subject,
                text: self.text,
                html: Some(self.html),
                attachment: self.attachment,
            },
            Recipient::Phone(_) => Outgoing {
                id,
                sender,
                recipient,
                subject: String::new(),
                text: self.short,
                html: None,
                attachment: None,
            },
        }
    }
}

/// A text cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("a text for a patient cannot be written: {0}")]
pub struct TextError(#[from] askama::Error);

/// As patients call a practitioner: `Dr Claire Martin`. None once nobody knows the name any more.
pub fn practitioner_name(practitioner: &User) -> Option<String> {
    let profile = practitioner.profile.value()?;
    let title = if practitioner.role == Some(Role::Doctor) { "Dr " } else { "" };
    Some(format!("{title}{} {}", profile.first_name.as_str(), profile.last_name.as_str()))
}

/// One appointment, or one slot, as templates show it.
struct Line<'a> {
    when: String,
    practitioner: Option<&'a str>,
    room: Option<&'a str>,
    link: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "messages/reminder.txt")]
struct ReminderText<'a> {
    practice: &'a str,
    lines: &'a [Line<'a>],
    linked: bool,
}

#[derive(Template)]
#[template(path = "messages/reminder.html")]
struct ReminderPage<'a> {
    subject: &'a str,
    practice: &'a str,
    lines: &'a [Line<'a>],
}

/// Reminds of these appointments; there is at least one. `written` is when it is written.
pub fn reminder(sender: &Sender<'_>, visits: &[Visit], written: Timestamp) -> Result<Written, TextError> {
    let mut visits: Vec<&Visit> = visits.iter().collect();
    visits.sort_by_key(|visit| visit.during.from);
    let shown = |visit: &Visit| visit.during.from.to_zoned(sender.zone.clone());
    let mut days: Vec<_> = visits.iter().map(|visit| shown(visit).date()).collect();
    days.dedup();
    let subject = match (visits.as_slice(), days.as_slice()) {
        ([visit], _) => format!("Rappel : votre rendez-vous du {}", french::instant(visit.during.from, sender.zone)),
        (several, [day]) => format!("Rappel : vos {} rendez-vous du {}", several.len(), french::day(*day)),
        (several, _) => format!("Rappel : vos {} prochains rendez-vous", several.len()),
    };
    let lines: Vec<Line<'_>> = visits
        .iter()
        .map(|visit| Line {
            when: french::instant(visit.during.from, sender.zone),
            practitioner: visit.practitioner.as_deref(),
            room: visit.room.as_deref(),
            link: visit.link.as_deref(),
        })
        .collect();
    let (practice, lines) = (sender.practice, lines.as_slice());
    let linked = lines.iter().any(|line| line.link.is_some());
    Ok(Written {
        text: ReminderText { practice, lines, linked }.render()?,
        html: ReminderPage { subject: &subject, practice, lines }.render()?,
        short: short::reminder(sender, &visits),
        attachment: Some(calendar::invitation(sender, &visits, written)),
        subject,
    })
}

#[derive(Template)]
#[template(path = "messages/offer.txt")]
struct OfferText<'a> {
    practice: &'a str,
    line: &'a Line<'a>,
    instead_of: Option<&'a str>,
    until: &'a str,
}

#[derive(Template)]
#[template(path = "messages/offer.html")]
struct OfferPage<'a> {
    subject: &'a str,
    practice: &'a str,
    line: &'a Line<'a>,
    instead_of: Option<&'a str>,
    until: &'a str,
}

/// Offers a slot that became free.
pub fn offer(sender: &Sender<'_>, offer: &Offer) -> Result<Written, TextError> {
    let when = french::instant(offer.during.from, sender.zone);
    let subject = format!("Un créneau s’est libéré : {when}");
    let instead_of = offer.instead_of.map(|starts| french::instant(starts, sender.zone));
    let until = french::instant(offer.until, sender.zone);
    let line = Line {
        when,
        practitioner: offer.practitioner.as_deref(),
        room: offer.room.as_deref(),
        link: offer.link.as_deref(),
    };
    let (practice, line, instead_of, until) = (sender.practice, &line, instead_of.as_deref(), until.as_str());
    Ok(Written {
        text: OfferText { practice, line, instead_of, until }.render()?,
        html: OfferPage { subject: &subject, practice, line, instead_of, until }.render()?,
        short: short::offer(sender, offer),
        attachment: None,
        subject,
    })
}

#[cfg(test)]
mod tests;
