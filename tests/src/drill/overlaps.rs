//! What an audit asks of appointments. Nobody is in two places, by the events and by the log's reservations. Whatever a
//! clerk was promised is there.

use std::collections::{BTreeMap, HashMap};

use domain::appointment::Appointment;
use domain::event::RecordedEvent;
use jiff::Timestamp;
use uuid::Uuid;

use super::audit::apply;
use super::notes::Notes;

/// A stretch of a person's time, and the appointment that takes it.
type Taken = (Uuid, Timestamp, Timestamp, Uuid);

/// All appointments as the events tell.
#[derive(Default)]
pub(super) struct Calendar(HashMap<Uuid, Appointment>);

impl Calendar {
    /// One event more.
    pub(super) fn follow(&mut self, event: &RecordedEvent, notes: &Notes) {
        if let Err(error) = apply(self.0.entry(event.stream.id()).or_default(), event) {
            notes.complain(error.to_string());
        }
    }

    /// Compares it with what clerks know and with what the log holds.
    pub(super) fn compare(&self, held: &[Taken], notes: &Notes) {
        let taken = self.taken();
        for (source, times) in [("events", &taken), ("reservations", &held.to_vec())] {
            for (one, other) in overlaps(times) {
                notes.complain(format!("by its {source}, appointments {one} and {other} overlap in the log"));
            }
        }
        let sorted = |times: &[Taken]| {
            let mut times = times.to_vec();
            times.sort_unstable();
            times
        };
        if sorted(&taken) != sorted(held) {
            notes.complain(format!("events take {} times, and {} are reserved", taken.len(), held.len()));
        }
        let promised = notes.appointments();
        for (id, called_off) in &promised {
            let status = self.0.get(id).and_then(|appointment| appointment.status);
            if status.is_none_or(|status| status.takes_time() == *called_off) {
                notes.complain(format!("appointment {id} is {status:?}; called off: {called_off}"));
            }
        }
        for unknown in self.0.keys().filter(|id| !promised.contains_key(id)) {
            notes.complain(format!("nobody knows of appointment {unknown}, which is in the log"));
        }
    }

    /// What is taken of practitioners, patients and rooms.
    fn taken(&self) -> Vec<Taken> {
        let live =
            self.0.iter().filter(|(_, appointment)| appointment.status.is_some_and(|status| status.takes_time()));
        live.flat_map(|(id, appointment)| {
            let slot = appointment.slot.iter();
            slot.flat_map(move |slot| {
                let whose =
                    [Some(slot.practitioner_id.0), appointment.patient_id.map(|id| id.0), slot.room_id.map(|id| id.0)];
                let times = slot.times();
                whose.into_iter().flatten().flat_map(move |whose| {
                    times.clone().into_iter().map(move |time| (whose, time.from, time.until, *id))
                })
            })
        })
        .collect()
    }
}

/// Pairs that take the same time of one person.
fn overlaps(times: &[Taken]) -> Vec<(Uuid, Uuid)> {
    let mut of_each: BTreeMap<Uuid, Vec<&Taken>> = BTreeMap::new();
    for taken in times {
        of_each.entry(taken.0).or_default().push(taken);
    }
    let mut found = Vec::new();
    for taken in of_each.values_mut() {
        taken.sort_unstable_by_key(|(_, from, until, _)| (*from, *until));
        // Whichever ends last of those before is the one to meet.
        let mut last: Option<&Taken> = None;
        for &next in taken.iter() {
            if let Some(before) = last.filter(|before| next.1 < before.2) {
                found.push((before.3, next.3));
            }
            last = last.filter(|before| before.2 >= next.2).or(Some(next));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_who_are_in_one_place_are_found_and_neighbours_are_not() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).expect("a time");
        let taken = |whose: u128, from: i64, until: i64, by: u128| {
            (Uuid::from_u128(whose), at(from), at(until), Uuid::from_u128(by))
        };
        assert_eq!(overlaps(&[taken(1, 0, 30, 10), taken(1, 30, 60, 11), taken(2, 0, 60, 12)]), []);
        let found = overlaps(&[taken(1, 0, 90, 10), taken(1, 10, 20, 11), taken(1, 60, 80, 12)]);
        assert_eq!(found.len(), 2, "the long one meets both: {found:?}");
    }
}
