//! The read model of reminders: the list of what is due. Each appointment has a [`ReminderPlan`]. Events of the appointment
//! and decisions of its facility change the plan. The rows follow from the plans.

mod queries;

use std::collections::{HashMap, HashSet};

use domain::appointment::AppointmentEvent;
use domain::event::{LoggedEvent, RecordedEvent};
use domain::facility::FacilityEvent;
use domain::ids::{AppointmentId, FacilityId};
use domain::reminder::{PlannedReminder, ReminderOutcome, ReminderPlan, ReminderSettings};
use domain::values::CodeValue;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use projections_engine::folding::begun;
use projections_engine::stored::{Malformed, json_cell};
use projections_engine::{Projection, ProjectionError, Transaction};
use tokio_postgres::types::Json;
use uuid::Uuid;

pub use self::queries::{DueBacklog, DueReminder, ReminderKey, ReminderQueries, ReminderView};

const PLAN: &str = "reminder_plans.plan";

/// The event by which a facility decides.
const RULES_SET: &str = "ReminderRulesSet";

/// The projection.
#[derive(Clone, Copy, Debug)]
pub struct Reminders;

impl Reminders {
    /// Its [name](Projection::name).
    pub const NAME: &'static str = "reminders";
}

impl Projection for Reminders {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn version(&self) -> u32 {
        2
    }

    fn tables(&self) -> &'static [&'static str] {
        &["reminder_settings", "reminder_plans", "reminders"]
    }

    fn schema(&self) -> &'static str {
        include_str!("../../sql/reminders/schema.sql")
    }

    fn indexes(&self) -> &'static str {
        include_str!("../../sql/reminders/indexes.sql")
    }

    fn takes(&self, event_type: &str) -> bool {
        event_type == RULES_SET || AppointmentEvent::TYPES.iter().any(|(name, _)| *name == event_type)
    }

    /// Each booking has two rows, which are read when they are due.
    fn is_awaited_by_readers(&self) -> bool {
        true
    }

    fn apply<'a>(
        &'a self,
        events: &'a [RecordedEvent],
        tx: &'a Transaction<'a>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        async move {
            let mut book = Book::open(events, tx).await?;
            for event in events {
                book.follow(event)?;
            }
            book.write(&begun(events), tx).await
        }
        .boxed()
    }
}

/// What a batch of events may change.
#[derive(Default)]
struct Book {
    settings: HashMap<FacilityId, ReminderSettings>,
    plans: HashMap<AppointmentId, (FacilityId, ReminderPlan)>,
    /// The facilities that decided something in the batch, and the appointments that changed.
    decided: HashSet<FacilityId>,
    changed: HashSet<AppointmentId>,
}

impl Book {
    /// As it stands before the batch.
    async fn open(events: &[RecordedEvent], tx: &Transaction<'_>) -> Result<Self, ProjectionError> {
        let (rules, bookings): (Vec<_>, Vec<_>) = events.iter().partition(|event| event.event_type == RULES_SET);
        let begun = begun(events);
        let appointments: HashSet<Uuid> = bookings.iter().map(|event| event.stream.id()).collect();
        let appointments: Vec<Uuid> = appointments.difference(&begun).copied().collect();
        let deciding: Vec<Uuid> = rules.iter().map(|event| event.facility_id.0).collect();
        let first = rules.iter().map(|event| event.recorded_at).min().unwrap_or(Timestamp::UNIX_EPOCH);
        let facilities: HashSet<Uuid> = events.iter().map(|event| event.facility_id.0).collect();
        let facilities: Vec<Uuid> = facilities.into_iter().collect();
        let mut book = Self::default();
        let decided = tx.prepare_cached(include_str!("../../sql/reminders/settings.sql")).await?;
        for row in tx.query(&decided, &[&facilities]).await? {
            let settings = json_cell(&row, "settings", "reminder_settings.settings")?;
            book.settings.insert(FacilityId(row.try_get("facility_id")?), settings);
        }
        if appointments.is_empty() && deciding.is_empty() {
            // While users book, most batches are new appointments, which have no rows yet.
            return Ok(book);
        }
        let known = tx.prepare_cached(include_str!("../../sql/reminders/known.sql")).await?;
        for row in tx.query(&known, &[&appointments, &deciding, &first]).await? {
            let plan = json_cell(&row, "plan", PLAN)?;
            let facility = FacilityId(row.try_get("facility_id")?);
            book.plans.insert(AppointmentId(row.try_get("appointment_id")?), (facility, plan));
        }
        Ok(book)
    }

    fn follow(&mut self, event: &RecordedEvent) -> Result<(), ProjectionError> {
        let at = event.recorded_at;
        if event.event_type == RULES_SET {
            return match event.decode()? {
                FacilityEvent::ReminderRulesSet { reminders } => {
                    self.decide(event.facility_id, reminders, at);
                    Ok(())
                }
                FacilityEvent::FacilityOpened { .. }
                | FacilityEvent::FacilitySettingsChanged { .. }
                | FacilityEvent::RolePermissionsChanged { .. }
                | FacilityEvent::RoomAdded { .. }
                | FacilityEvent::RoomRenamed { .. }
                | FacilityEvent::RoomClosed { .. } => Err(ProjectionError::OutOfStep { position: event.position }),
            };
        }
        let id = AppointmentId(event.stream.id());
        let settings = self.settings.entry(event.facility_id).or_default();
        let (_, plan) = self.plans.entry(id).or_insert_with(|| (event.facility_id, ReminderPlan::default()));
        plan.follow(&event.decode()?, at, settings);
        self.changed.insert(id);
        Ok(())
    }

    /// A decision of the facility holds for patients who are still expected.
    fn decide(&mut self, facility: FacilityId, settings: ReminderSettings, at: Timestamp) {
        for (id, (_, plan)) in self.plans.iter_mut().filter(|(_, (owner, _))| *owner == facility) {
            if plan.booking.as_ref().is_some_and(|booking| booking.expected && booking.starts > at) {
                plan.follow_settings(&settings, at);
                self.changed.insert(*id);
            }
        }
        self.settings.insert(facility, settings);
        self.decided.insert(facility);
    }

    async fn write(&self, begun: &HashSet<Uuid>, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
        if !self.decided.is_empty() {
            let (mut ids, mut settings) = (Vec::new(), Vec::new());
            for (id, decided) in self.settings.iter().filter(|(id, _)| self.decided.contains(id)) {
                ids.push(id.0);
                settings.push(Json(decided));
            }
            let write = tx.prepare_cached(include_str!("../../sql/reminders/write_settings.sql")).await?;
            tx.execute(&write, &[&ids, &settings]).await?;
        }
        let (mut facilities, mut ids, mut starts) = (Vec::new(), Vec::new(), Vec::new());
        let (mut expected, mut plans) = (Vec::new(), Vec::new());
        let mut rows = Rows::default();
        for (id, (facility, plan)) in self.plans.iter().filter(|(id, _)| self.changed.contains(id)) {
            // A hold has no reminders.
            let Some(booking) = &plan.booking else { continue };
            facilities.push(facility.0);
            ids.push(id.0);
            starts.push(booking.starts);
            expected.push(booking.expected);
            plans.push(Json(plan));
            let day = booking.zone().to_datetime(booking.starts).date();
            for reminder in &plan.reminders {
                rows.push(*facility, *id, booking.patient_id.0, (booking.starts, day), reminder)?;
            }
        }
        let write = tx.prepare_cached(include_str!("../../sql/reminders/write_plans.sql")).await?;
        tx.execute(&write, &[&facilities, &ids, &starts, &expected, &plans]).await?;
        let changed: Vec<Uuid> = ids.iter().filter(|id| !begun.contains(id)).copied().collect();
        if !changed.is_empty() {
            let clear = tx.prepare_cached(include_str!("../../sql/reminders/clear.sql")).await?;
            tx.execute(&clear, &[&changed]).await?;
        }
        rows.write(tx).await
    }
}

/// Rows of the list of what is due, column by column.
#[derive(Default)]
struct Rows {
    facilities: Vec<Uuid>,
    appointments: Vec<Uuid>,
    channels: Vec<&'static str>,
    minutes: Vec<i32>,
    patients: Vec<Uuid>,
    starts: Vec<Timestamp>,
    days: Vec<jiff::civil::Date>,
    due: Vec<Option<Timestamp>>,
    expires: Vec<Option<Timestamp>>,
    states: Vec<&'static str>,
}

impl Rows {
    fn push(
        &mut self,
        facility: FacilityId,
        appointment: AppointmentId,
        patient: Uuid,
        (starts, day): (Timestamp, jiff::civil::Date),
        reminder: &PlannedReminder,
    ) -> Result<(), ProjectionError> {
        self.facilities.push(facility.0);
        self.appointments.push(appointment.0);
        self.channels.push(reminder.rule.channel.code());
        self.minutes.push(i32::try_from(reminder.rule.minutes_before).map_err(|_| Malformed(PLAN))?);
        self.patients.push(patient);
        self.starts.push(starts);
        self.days.push(day);
        self.due.push(reminder.due.map(|due| due.from));
        self.expires.push(reminder.due.map(|due| due.until));
        self.states.push(match (reminder.outcome, reminder.due) {
            (Some(ReminderOutcome::Sent { certain: true, .. }), _) => "sent",
            (Some(ReminderOutcome::Sent { certain: false, .. }), _) => "uncertain",
            (Some(ReminderOutcome::Failed { .. }), _) => "failed",
            (None, Some(_)) => "pending",
            (None, None) => "past",
        });
        Ok(())
    }

    async fn write(&self, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
        let write = tx.prepare_cached(include_str!("../../sql/reminders/write.sql")).await?;
        tx.execute(
            &write,
            &[
                &self.facilities,
                &self.appointments,
                &self.channels,
                &self.minutes,
                &self.patients,
                &self.starts,
                &self.days,
                &self.due,
                &self.expires,
                &self.states,
            ],
        )
        .await?;
        Ok(())
    }
}
