//! The service `appointments`: the calendar of a practice. Appointments, when practitioners are there, rooms, free slots, the
//! waiting list, reminders, calendar feeds, and the pages that patients open by links.

mod appointment_reminders;
mod appointments;
mod availability;
mod calendar_feed;
mod desk;
mod patient_pages;
mod problems;
mod reminder_rules;
mod rooms;
mod slots;
mod waiting_list;

use std::sync::Arc;

use domain::values::{Channel, CodeValue};
use event_store_schema::health::{Check, Finding};
use poem::http::Method;
use policies::messaging::ChannelHealth;
use policies::patient_links::{AppointmentDesk, LinkDesk, LinkKind};
use policies::reminders::Reminders;
use policies::waiting_list::{OfferDesk, WaitingPolicy};
use projections_engine::following::Policy;
use service::{Mount, Parts, PolicyOf, Service};

use self::desk::AgendaDesk;
use self::patient_pages::patient_pages;

/// The service.
pub const SERVICE: Service = Service {
    name: "appointments",
    port: 3003,
    mount,
    policies: &[
        PolicyOf { name: WaitingPolicy::NAME, make: waiting_list_policy },
        PolicyOf { name: Reminders::NAME, make: reminder_messages },
    ],
    read_models: &["appointments", "availability", "reminders", "waiting_list"],
    subjects: &[],
    checks,
};

fn mount(mount: &mut Mount<'_>) {
    appointments::mount(mount);
    mount.operations(appointment_reminders::PERMISSIONS, |parts| {
        appointment_reminders::AppointmentRemindersApi::new(AgendaDesk::new(parts))
    });
    mount.operations(availability::PERMISSIONS, |parts| availability::AvailabilityApi::new(AgendaDesk::new(parts)));
    mount.operations(slots::PERMISSIONS, |parts| slots::SlotsApi::new(AgendaDesk::new(parts)));
    mount.operations(calendar_feed::PERMISSIONS, |parts| calendar_feed::CalendarFeedApi::new(AgendaDesk::new(parts)));
    mount.operations(waiting_list::PERMISSIONS, |parts| waiting_list::WaitingListApi::new(AgendaDesk::new(parts)));
    mount.operations(waiting_list::offers::PERMISSIONS, |parts| {
        waiting_list::WaitingOffersApi::new(AgendaDesk::new(parts))
    });
    mount.operations(rooms::PERMISSIONS, |parts| rooms::RoomsApi::new(AgendaDesk::new(parts)));
    mount
        .operations(reminder_rules::PERMISSIONS, |parts| reminder_rules::ReminderRulesApi::new(AgendaDesk::new(parts)));
    mount.route(patient_pages::PATH, &[Method::GET, Method::POST], |parts| {
        let commands = &parts.desk.commands;
        let appointments: Arc<dyn LinkDesk> = Arc::new(AppointmentDesk::new(commands.clone()));
        let offers: Arc<dyn LinkDesk> = Arc::new(OfferDesk::new(commands.clone()));
        let desks = [(LinkKind::Appointment, appointments), (LinkKind::Offer, offers)];
        Some(patient_pages(parts.links.clone(), desks))
    });
}

fn waiting_list_policy(parts: &Parts) -> Arc<dyn Policy> {
    let Parts { desk, messengers, links, .. } = parts.clone();
    Arc::new(WaitingPolicy::new(desk.commands, desk.read_models, messengers, Some(links)))
}

fn reminder_messages(parts: &Parts) -> Arc<dyn Policy> {
    Arc::new(parts.reminders.clone())
}

fn checks(parts: &Parts) -> Vec<Check> {
    let channels = Channel::ALL.iter().copied().map(|channel| {
        let messengers = parts.messengers.clone();
        Check::known(format!("messages by {}", channel.code()), move || match messengers.health(channel) {
            ChannelHealth::NotConfigured => Finding::Off("not set up; no patient is reached this way".into()),
            ChannelHealth::Good => Finding::Good,
            ChannelHealth::Failing(cause) => Finding::Degraded(format!("the last message did not go: {cause}")),
        })
    });
    let reminders = parts.reminders.clone();
    channels.chain([Check::known("reminders", move || reminders.finding())]).collect()
}
