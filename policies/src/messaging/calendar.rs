//! Appointments as a file for calendars (RFC 5545): times in UTC, which every calendar shows in its own zone, one event per
//! appointment under its own id, so that a later message about it takes the place of an earlier one. No links: calendars
//! are shared with others, and what a link may do is the patient's alone.

use icalendar::{Calendar, Class, Component, Event, EventLike, EventStatus, Property};
use jiff::Timestamp;

use super::Attachment;
use super::texts::{Sender, Visit};

/// A file that puts these appointments into the patient's calendar.
pub(super) fn invitation(sender: &Sender<'_>, visits: &[&Visit], written: Timestamp) -> Attachment {
    let mut calendar = Calendar::empty();
    for (name, value) in [
        ("VERSION", "2.0"),
        ("PRODID", "-//MedicalPro//Rendez-vous//FR"),
        ("CALSCALE", "GREGORIAN"),
        ("METHOD", "PUBLISH"),
    ] {
        calendar.append_property((name, value));
    }
    for visit in visits {
        calendar.push(event(sender, visit, written));
    }
    Attachment {
        name: "rendez-vous.ics".to_owned(),
        content_type: "text/calendar; charset=utf-8; method=PUBLISH".to_owned(),
        content: calendar.to_string(),
    }
}

fn event(sender: &Sender<'_>, visit: &Visit, written: Timestamp) -> Event {
    let with = visit.practitioner.as_deref().map(|name| format!(" avec {name}")).unwrap_or_default();
    let place = visit.room.as_deref().map(|room| format!(", {room}")).unwrap_or_default();
    let mut event = Event::new();
    event
        .uid(&visit.id.to_string())
        .sequence(u32::try_from(visit.version.get()).unwrap_or(u32::MAX))
        .summary(&format!("Rendez-vous{with}"))
        .location(&format!("{}{place}", sender.practice))
        .status(EventStatus::Confirmed)
        .class(Class::Private)
        .add_property("DTSTAMP", utc(written))
        .add_property("DTSTART", utc(visit.during.from))
        .add_property("DTEND", utc(visit.during.until));
    // RFC 5546 wants it in whatever is published.
    if let Some(address) = sender.address {
        let name = sender.practice.replace(['"', '\r', '\n'], " ");
        event
            .append_property(Property::new("ORGANIZER", format!("mailto:{address}")).add_parameter("CN", &name).done());
    }
    event.done()
}

fn utc(instant: Timestamp) -> String {
    instant.strftime("%Y%m%dT%H%M%SZ").to_string()
}
