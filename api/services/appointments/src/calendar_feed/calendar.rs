//! A practitioner's appointments as a calendar (RFC 5545): when, where and how sure. Calendar programs keep what they read, and
//! hand it on; so there is nothing of whom it is for or what it is about, in any field.

use std::collections::BTreeMap;

use domain::appointment::AppointmentStatus;
use domain::facility::Room;
use domain::ids::RoomId;
use domain::scheduling::Interval;
use domain::values::TextValue;
use icalendar::{Calendar, Class, Component, Event, EventLike, EventStatus};
use jiff::Timestamp;
use projections::appointments::AppointmentView;

/// The calendar of these appointments.
pub(super) fn calendar_of(appointments: &[AppointmentView], rooms: &BTreeMap<RoomId, Room>) -> String {
    let mut calendar = Calendar::empty();
    for (name, value) in [
        ("VERSION", "2.0"),
        ("PRODID", "-//MedicalPro//Agenda//FR"),
        ("CALSCALE", "GREGORIAN"),
        ("METHOD", "PUBLISH"),
        ("X-WR-CALNAME", "Agenda MedicalPro"),
        ("X-PUBLISHED-TTL", "PT15M"),
    ] {
        calendar.append_property((name, value));
    }
    for view in appointments {
        let room = view.room_id.and_then(|room| rooms.get(&room)).map(|room| room.name.as_str());
        // Each of its times is an event of its own; the first has the appointment's id.
        calendar.push(event(view, view.id.to_string(), view.during, room));
        for (number, time) in (2..).zip(&view.additional_slots) {
            calendar.push(event(view, format!("{}-{number}", view.id), *time, room));
        }
    }
    calendar.to_string()
}

fn event(view: &AppointmentView, uid: String, during: Interval, room: Option<&str>) -> Event {
    let status = match view.status {
        AppointmentStatus::Held | AppointmentStatus::Scheduled => EventStatus::Tentative,
        AppointmentStatus::Confirmed
        | AppointmentStatus::Arrived
        | AppointmentStatus::InProgress
        | AppointmentStatus::Completed => EventStatus::Confirmed,
        AppointmentStatus::Released | AppointmentStatus::Cancelled | AppointmentStatus::NoShow => {
            EventStatus::Cancelled
        }
    };
    let mut event = Event::new();
    event
        .uid(&uid)
        .sequence(u32::try_from(view.version.get()).unwrap_or(u32::MAX))
        .summary("Rendez-vous")
        .status(status)
        .class(Class::Private)
        // Of the last change, so that the same appointments are the same calendar.
        .add_property("DTSTAMP", utc(view.updated_at))
        .add_property("DTSTART", utc(during.from))
        .add_property("DTEND", utc(during.until));
    if let Some(room) = room {
        event.location(room);
    }
    event.done()
}

fn utc(instant: Timestamp) -> String {
    instant.strftime("%Y%m%dT%H%M%SZ").to_string()
}
