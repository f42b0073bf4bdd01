//! Random bookings, moves and cancellations by many at once, against what the log tells afterwards: at no position do two
//! appointments overlap, and whoever was refused met one that was there.

use std::collections::HashMap;
use std::sync::Arc;

use cqrs_es::Aggregate;
use domain::appointment::{
    Appointment, AppointmentCommand, AppointmentError, AppointmentStatus, Conflict, Slot, Terms,
};
use domain::ids::{AppointmentId, PatientId, Position, RoomId};
use domain::reservation::ResourceKind;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::leave::all_events;
use super::{Practice, book, new_id, next_week, said};

const WORKERS: usize = 12;
const TURNS: usize = 150;

/// What somebody was refused, and between which positions of the log.
struct Refused {
    id: AppointmentId,
    slot: Slot,
    patient: PatientId,
    conflicts: Vec<Conflict>,
    after: Position,
    until: Position,
}

/// That an appointment held its times from one position on until right before another.
struct Held {
    id: AppointmentId,
    slot: Slot,
    patient: PatientId,
    from: Position,
    until: Position,
}

impl Held {
    fn meets(&self, slot: &Slot, patient: PatientId) -> Option<ResourceKind> {
        let times = slot.times();
        if !self.slot.times().iter().any(|own| times.iter().any(|time| own.overlaps(*time))) {
            return None;
        }
        if self.slot.practitioner_id == slot.practitioner_id {
            return Some(ResourceKind::Practitioner);
        }
        if self.patient == patient {
            return Some(ResourceKind::Patient);
        }
        self.slot.room_id.filter(|room| Some(*room) == slot.room_id).map(|_| ResourceKind::Room)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_appointments_ever_overlap_and_nobody_is_refused_without_a_conflict() {
    let practice = Arc::new(Practice::new().await);
    let patients = Arc::new(practice.patients(6).await);
    let doctors = Arc::new([practice.doctor, practice.doctor().await]);
    let rooms = Arc::new([practice.room().await, practice.room().await]);
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let (practice, patients) = (Arc::clone(&practice), Arc::clone(&patients));
            let (doctors, rooms) = (Arc::clone(&doctors), Arc::clone(&rooms));
            tokio::spawn(async move {
                let mut random = SmallRng::seed_from_u64(worker as u64);
                let mut own: Vec<(AppointmentId, PatientId)> = Vec::new();
                let mut refusals = Vec::new();
                for _ in 0..TURNS {
                    let room_id = random.random_bool(0.7).then(|| rooms[random.random_range(0..rooms.len())]);
                    let doctor = doctors[random.random_range(0..2)];
                    let slot = random_slot(&mut random, &practice, doctor, room_id);
                    let patient = patients[random.random_range(0..patients.len())];
                    let (id, patient, command) = match (random.random_range(0..10), own.len()) {
                        (0..4, _) | (_, 0) => (new_id(), patient, book(patient, slot.clone())),
                        (4..7, count) => {
                            let (id, patient) = own[random.random_range(0..count)];
                            let terms = Terms::default();
                            (id, patient, AppointmentCommand::RescheduleAppointment { slot: slot.clone(), terms })
                        }
                        (7, count) => {
                            let (id, patient) = own[random.random_range(0..count)];
                            (id, patient, AppointmentCommand::ConfirmAppointment)
                        }
                        (_, count) => {
                            let (id, patient) = own.swap_remove(random.random_range(0..count));
                            (id, patient, AppointmentCommand::CancelAppointment { reason: None })
                        }
                    };
                    let server = &practice.servers[random.random_range(0..2)];
                    let after = server.log().head().await.expect("the log answers");
                    match said(server.change_appointment(id, &command, &practice.context()).await) {
                        Ok(()) if matches!(command, AppointmentCommand::BookAppointment { .. }) => {
                            own.push((id, patient))
                        }
                        Ok(()) | Err(AppointmentError::NotNow { .. }) => {}
                        Err(AppointmentError::Conflicts(conflicts)) => {
                            let until = server.log().head().await.expect("the log answers");
                            refusals.push(Refused { id, slot, patient, conflicts, after, until });
                        }
                        Err(refusal) => panic!("{refusal}"),
                    }
                }
                refusals
            })
        })
        .collect();
    let mut refusals = Vec::new();
    for worker in workers {
        refusals.extend(worker.await.expect("no panic"));
    }

    let held = history(&practice).await;
    println!("{} times were held, {} commands refused", held.len(), refusals.len());
    assert!(held.len() > 100 && refusals.len() > 100, "{} held, {} refused", held.len(), refusals.len());
    for (number, one) in held.iter().enumerate() {
        for other in &held[number + 1..] {
            let together = one.from < other.until && other.from < one.until && one.id != other.id;
            assert!(
                !together || one.meets(&other.slot, other.patient).is_none(),
                "{} and {} overlap",
                one.id,
                other.id
            );
        }
    }
    for refused in &refusals {
        assert!(!refused.conflicts.is_empty());
        for conflict in &refused.conflicts {
            let real = held.iter().any(|held| {
                Some(held.id) == conflict.appointment
                    && held.id != refused.id
                    && held.from <= refused.until
                    && held.until > refused.after
                    && held.meets(&refused.slot, refused.patient).is_some()
            });
            assert!(real, "{conflict:?} was not there");
        }
    }
}

fn random_slot(
    random: &mut SmallRng,
    practice: &Practice,
    doctor: domain::ids::UserId,
    room_id: Option<RoomId>,
) -> Slot {
    let from = 480 + 15 * random.random_range(0..40_i64);
    let until = from + 15 * random.random_range(1..=4);
    let mut slot = Slot { practitioner_id: doctor, room_id, ..practice.slot(next_week(), from, until) };
    if random.random_bool(0.1) {
        slot.additional_slots.push(practice.slot(next_week(), until + 15, until + 30).during);
    }
    slot
}

/// What every appointment held, and from which position until which.
async fn history(practice: &Practice) -> Vec<Held> {
    let end = Position::from(u64::MAX);
    let mut appointments: HashMap<AppointmentId, Appointment> = HashMap::new();
    let mut open: HashMap<AppointmentId, Held> = HashMap::new();
    let mut held = Vec::new();
    for event in all_events(practice).await.iter().filter(|event| event.stream.aggregate() == "appointment") {
        let id = AppointmentId(event.stream.id());
        let appointment = appointments.entry(id).or_default();
        appointment.apply(event.decode().expect("an event"));
        if let Some(before) = open.remove(&id) {
            held.push(Held { until: event.position, ..before });
        }
        let holds = !matches!(appointment.status, Some(AppointmentStatus::Cancelled | AppointmentStatus::NoShow));
        if let (true, Some(slot), Some(patient)) = (holds, appointment.slot.clone(), appointment.patient_id) {
            open.insert(id, Held { id, slot, patient, from: event.position, until: end });
        }
    }
    held.extend(open.into_values());
    held
}
