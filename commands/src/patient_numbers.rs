//! The next patient number of each practice and year. The log's reservation makes a number unique over all servers. If this
//! memory is wrong, the append is tried again.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use domain::ids::FacilityId;

/// A practice's numbers of one year.
#[derive(Default)]
struct Sequence {
    /// The first number that was never handed out.
    next: u64,
    /// Numbers handed out for registrations that were refused.
    returned: BTreeSet<u64>,
}

/// What each practice hands out next. One per server.
#[derive(Default)]
pub(crate) struct PatientNumbers(Mutex<HashMap<(FacilityId, i16), Sequence>>);

impl PatientNumbers {
    /// The lowest free number; none until the server has [looked](Self::seen) what is taken.
    pub(crate) fn take(&self, facility: FacilityId, year: i16) -> Option<u64> {
        let mut sequences = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sequence = sequences.get_mut(&(facility, year))?;
        Some(sequence.returned.pop_first().unwrap_or_else(|| {
            let number = sequence.next;
            sequence.next += 1;
            number
        }))
    }

    /// Takes note that the log holds numbers up to `highest`.
    pub(crate) fn seen(&self, facility: FacilityId, year: i16, highest: u64) {
        let mut sequences = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sequence = sequences.entry((facility, year)).or_default();
        if sequence.next <= highest {
            // Another server hands out numbers as well: those returned here may be taken by now.
            sequence.returned.clear();
            sequence.next = highest + 1;
        }
    }

    /// Gives a number back that was not used after all.
    pub(crate) fn give_back(&self, facility: FacilityId, year: i16, number: u64) {
        let mut sequences = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sequence) = sequences.get_mut(&(facility, year)) {
            sequence.returned.insert(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACILITY: FacilityId = FacilityId(uuid::Uuid::nil());

    #[test]
    fn numbers_follow_what_the_log_holds() {
        let numbers = PatientNumbers::default();
        assert_eq!(numbers.take(FACILITY, 2026), None);
        numbers.seen(FACILITY, 2026, 41);
        assert_eq!(numbers.take(FACILITY, 2026), Some(42));
        assert_eq!(numbers.take(FACILITY, 2026), Some(43));
        assert_eq!(numbers.take(FACILITY, 2027), None);
    }

    #[test]
    fn a_number_that_was_not_used_is_handed_out_again() {
        let numbers = PatientNumbers::default();
        numbers.seen(FACILITY, 2026, 0);
        let unused = numbers.take(FACILITY, 2026);
        numbers.take(FACILITY, 2026);
        numbers.give_back(FACILITY, 2026, 1);
        assert_eq!(numbers.take(FACILITY, 2026), unused);
        assert_eq!(numbers.take(FACILITY, 2026), Some(3));
    }

    #[test]
    fn numbers_of_another_server_are_skipped() {
        let numbers = PatientNumbers::default();
        numbers.seen(FACILITY, 2026, 0);
        numbers.take(FACILITY, 2026);
        numbers.give_back(FACILITY, 2026, 1);
        numbers.seen(FACILITY, 2026, 10);
        assert_eq!(numbers.take(FACILITY, 2026), Some(11));
    }
}
