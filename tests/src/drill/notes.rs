//! What the clients of a drill noted: changes that were acknowledged, frames that were seen, and complaints.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// Complaints beyond this many tell nothing new.
const ENOUGH_COMPLAINTS: usize = 20;

/// A change that a writer asked for, once, and knows to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Noted {
    /// What it must be in the log.
    pub(super) event_type: &'static str,
    /// Where the answer said it is; unknown if no answer to it arrived and its effect was found instead.
    pub(super) position: Option<u64>,
}

/// The notes of all clients.
#[derive(Default)]
pub(super) struct Notes {
    patients: Mutex<HashMap<Uuid, Vec<Noted>>>,
    /// Appointments that clerks were promised, and whether they were called off.
    appointments: Mutex<HashMap<Uuid, bool>>,
    frames: Mutex<HashMap<usize, Vec<u64>>>,
    complaints: Mutex<Vec<String>>,
    retries: AtomicUsize,
    connections: AtomicUsize,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Notes {
    /// A change of a patient is made. In the order of the patient's versions.
    pub(super) fn change(&self, patient: Uuid, noted: Noted) {
        locked(&self.patients).entry(patient).or_default().push(noted);
    }

    /// A patient was there before the drill began.
    pub(super) fn registered(&self, patient: Uuid) {
        self.change(patient, Noted { event_type: "PatientRegistered", position: None });
    }

    /// A clerk was promised an appointment.
    pub(super) fn booked(&self, appointment: Uuid) {
        locked(&self.appointments).insert(appointment, false);
    }

    /// It was called off.
    pub(super) fn called_off(&self, appointment: Uuid) {
        locked(&self.appointments).insert(appointment, true);
    }

    /// What clerks were promised, and whether it was called off.
    pub(super) fn appointments(&self) -> HashMap<Uuid, bool> {
        locked(&self.appointments).clone()
    }

    /// All changes, by patient.
    pub(super) fn changes(&self) -> HashMap<Uuid, Vec<Noted>> {
        locked(&self.patients).clone()
    }

    /// A request is repeated.
    pub(super) fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// How many changes were made, and how many requests were repeated.
    pub(super) fn writes(&self) -> (usize, usize) {
        (locked(&self.patients).values().map(Vec::len).sum(), self.retries.load(Ordering::Relaxed))
    }

    /// A screen is connected.
    pub(super) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// A screen was shown the event at this position.
    pub(super) fn frame(&self, screen: usize, position: u64) {
        locked(&self.frames).entry(screen).or_default().push(position);
    }

    /// The positions that each screen was shown, in the order in which it was.
    pub(super) fn shown(&self) -> HashMap<usize, Vec<u64>> {
        locked(&self.frames).clone()
    }

    /// How many frames the screens were shown, and how often they connected.
    pub(super) fn frames(&self) -> (usize, usize) {
        (locked(&self.frames).values().map(Vec::len).sum(), self.connections.load(Ordering::Relaxed))
    }

    /// A promise was not kept.
    pub(super) fn complain(&self, what: String) {
        let mut complaints = locked(&self.complaints);
        if complaints.len() < ENOUGH_COMPLAINTS {
            println!("VIOLATION: {what}");
            complaints.push(what);
        }
    }

    /// All that was not kept.
    pub(super) fn complaints(&self) -> Vec<String> {
        locked(&self.complaints).clone()
    }
}
