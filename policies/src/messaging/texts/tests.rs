use domain::ids::{AppointmentId, StreamVersion};
use domain::scheduling::Interval;
use domain::values::{EmailAddress, PhoneNumber};
use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::short::{ONE_MESSAGE, gsm, septets};
use super::*;

const LINK: &str = "https://rdv.cabinet.example/rdv/AZ3kQ7mMcYG2r0bVw1uYxgAAx9Wq5c3vY0Jk8nLr2TfPqXyE1g";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn paris() -> TimeZone {
    TimeZone::get("Europe/Paris").unwrap()
}

fn sender<'a>(practice: &'a str, zone: &'a TimeZone) -> Sender<'a> {
    Sender { practice, zone, address: Some("rdv@cabinet.example") }
}

fn visit(number: u128, starts: &str) -> Visit {
    let from = at(starts);
    Visit {
        id: AppointmentId(Uuid::from_u128(number)),
        version: StreamVersion::from(3),
        during: Interval { from, until: from + SignedDuration::from_mins(30) },
        practitioner: Some("Dr Maëlle Kerjean".to_owned()),
        room: Some("Salle 2".to_owned()),
        link: Some(LINK.to_owned()),
    }
}

fn remind(visits: &[Visit]) -> Written {
    reminder(&sender("Cabinet de la Gaîté", &paris()), visits, at("2026-11-23T08:00:00Z")).unwrap()
}

#[test]
fn a_reminder_of_one_appointment() {
    let written = remind(&[visit(1, "2026-11-24T08:30:00Z")]);
    assert_eq!(written.subject, "Rappel : votre rendez-vous du mardi 24 novembre 2026 à 9 h 30");
    insta::assert_snapshot!("reminder_text", written.text);
    insta::assert_snapshot!("reminder_page", written.html);
    insta::assert_snapshot!("reminder_short", written.short);
    let calendar = written.attachment.unwrap();
    assert_eq!(calendar.content_type, "text/calendar; charset=utf-8; method=PUBLISH");
    insta::assert_snapshot!("reminder_calendar", calendar.content.replace("\r\n", "\n"));
}

#[test]
fn a_reminder_of_several_appointments_of_a_day_is_one_message() {
    let later = Visit { room: None, link: None, practitioner: None, ..visit(2, "2026-11-24T13:00:00Z") };
    let written = remind(&[later, visit(1, "2026-11-24T08:30:00Z")]);
    assert_eq!(written.subject, "Rappel : vos 2 rendez-vous du mardi 24 novembre 2026");
    insta::assert_snapshot!("reminders_text", written.text);
    insta::assert_snapshot!("reminders_short", written.short);
}

#[test]
fn an_offer_says_until_when_and_what_it_would_replace() {
    let from = at("2026-11-24T08:30:00Z");
    let offered = Offer {
        during: Interval { from, until: from + SignedDuration::from_mins(20) },
        practitioner: Some("Dr Maëlle Kerjean".to_owned()),
        room: None,
        instead_of: Some(at("2026-12-01T15:00:00Z")),
        until: at("2026-11-23T13:05:00Z"),
        link: Some(LINK.to_owned()),
    };
    let written = offer(&sender("Cabinet de la Gaîté", &paris()), &offered).unwrap();
    assert_eq!(written.subject, "Un créneau s’est libéré : mardi 24 novembre 2026 à 9 h 30");
    insta::assert_snapshot!("offer_text", written.text);
    insta::assert_snapshot!("offer_page", written.html);
    insta::assert_snapshot!("offer_short", written.short);
    assert!(septets(&written.short) <= ONE_MESSAGE);
}

#[test]
fn a_short_message_is_one_message_whatever_the_practice_is_called() {
    let zone = paris();
    for practice in [
        "A",
        "Cabinet de la Gaîté",
        "Maison de santé pluriprofessionnelle universitaire « Cœur de Bretagne » [antenne]",
    ] {
        let written =
            reminder(&sender(practice, &zone), &[visit(1, "2026-11-24T08:30:00Z")], at("2026-11-23T08:00:00Z"));
        let short = written.unwrap().short;
        assert!(septets(&short) <= ONE_MESSAGE, "{} {short}", septets(&short));
        assert_eq!(gsm(&short), short, "every letter is one of the alphabet");
        assert!(short.contains("mar. 24/11 à 9h30") && short.contains(LINK), "{short}");
    }
}

#[test]
fn what_a_short_message_has_no_letter_for_becomes_the_nearest() {
    assert_eq!(gsm("Gaîté – l’œil… « ça » 🙂 Ę"), "Gaité - l'oeil... \" ca \"  E");
    assert_eq!(septets("10 €"), 5);
}

/// Whatever a practice calls itself is shown, and never read as a page.
#[test]
fn a_name_that_looks_like_a_page_is_escaped() {
    let (zone, name) = (paris(), "<b>Cabinet & Cie</b>");
    let written = reminder(&sender(name, &zone), &[visit(1, "2026-11-24T08:30:00Z")], at("2026-11-23T08:00:00Z"));
    let written = written.unwrap();
    assert!(written.text.contains(name) && !written.html.contains("<b>"), "{}", written.html);
}

#[test]
fn each_channel_gets_its_own_words() {
    let (zone, id) = (paris(), Uuid::from_u128(7));
    let written = remind(&[visit(1, "2026-11-24T08:30:00Z")]);
    let email = Recipient::Email(EmailAddress::parse("zoe@patient.example").unwrap());
    let outgoing = written.clone().to(id, &sender("Cabinet de la Gaîté", &zone), email);
    assert!(outgoing.attachment.is_some() && outgoing.html.is_some());
    let phone = Recipient::Phone(PhoneNumber::parse("06 12 34 56 78").unwrap());
    let outgoing = written.clone().to(id, &sender("Cabinet de la Gaîté", &zone), phone);
    assert_eq!(outgoing.text, written.short);
    assert!(outgoing.attachment.is_none() && outgoing.html.is_none());
}

#[test]
fn the_calendar_is_one_that_programs_read() {
    use icalendar::{Calendar, Component, EventLike};
    let tricky =
        Visit { room: Some("Salle 2, étage 1; porte\nde gauche".to_owned()), ..visit(1, "2026-11-24T08:30:00Z") };
    let written = remind(&[tricky, visit(2, "2026-11-24T13:00:00Z")]).attachment.unwrap().content;
    assert!(written.lines().all(|line| line.len() <= 75) && written.ends_with("END:VCALENDAR\r\n"), "{written}");
    let read: Calendar = written.parse().unwrap();
    assert_eq!(read.property_value("METHOD"), Some("PUBLISH"));
    let events: Vec<_> = read.events().collect();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].get_uid(), Some("00000000-0000-0000-0000-000000000001"));
    assert_eq!(events[0].get_sequence(), Some(3));
    assert_eq!(events[0].property_value("DTSTART"), Some("20261124T083000Z"));
    assert_eq!(events[0].property_value("DTEND"), Some("20261124T090000Z"));
    let place = "Cabinet de la Gaîté, Salle 2, étage 1; porte\nde gauche";
    assert_eq!(events[0].get_location(), Some(place));
    assert!(!written.contains("/rdv/"), "calendars are shared, links are not");
}
