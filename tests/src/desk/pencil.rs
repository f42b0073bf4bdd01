//! The calendar as one person keeps it with a pencil: one question at a time.

use std::collections::BTreeMap;

use stateright::semantics::SequentialSpec;

/// An appointment, by who asked for it and the how manieth of theirs it was.
pub type Label = (usize, usize);

/// Who meets whom, where, and from which minute until which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Which doctor.
    pub doctor: usize,
    /// Which patient; nobody yet for a slot that is only kept.
    pub patient: Option<usize>,
    /// Which room, if any.
    pub room: Option<usize>,
    /// When it begins.
    pub from: i64,
    /// When it ends.
    pub until: i64,
}

impl Visit {
    /// Whether both cannot be.
    fn meets(&self, other: &Self) -> bool {
        let same = |own: Option<usize>, others: Option<usize>| own.is_some() && own == others;
        self.from < other.until
            && other.from < self.until
            && (self.doctor == other.doctor || same(self.patient, other.patient) || same(self.room, other.room))
    }
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// May I have this slot for some minutes?
    Hold(Label, Visit),
    /// I need the slot no more that was kept for me.
    Release(Label),
    /// May I have this appointment? Of a slot that was kept for me: as an appointment.
    Book(Label, Visit),
    /// May I have all of these?
    BookAll(Vec<(Label, Visit)>),
    /// May I have it then instead? For the same patient.
    Move(Label, Visit),
    /// I shall come.
    Confirm(Label),
    /// I shall not.
    Cancel(Label),
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It is done.
    Done,
    /// A user has it.
    Taken,
    /// That cannot be asked of it now.
    NotNow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Held,
    Released,
    Scheduled,
    Confirmed,
    Cancelled,
}

/// What is written in the calendar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pencil(BTreeMap<Label, (Status, Visit)>);

impl Pencil {
    fn is_free(&self, label: Label, visit: &Visit) -> bool {
        !self.0.iter().any(|(other, (status, taken))| {
            let takes_time = match status {
                Status::Held | Status::Scheduled | Status::Confirmed => true,
                Status::Released | Status::Cancelled => false,
            };
            *other != label && takes_time && taken.meets(visit)
        })
    }

    fn write(&mut self, status: Status, visits: &[(Label, Visit)]) -> Said {
        if !visits.iter().all(|(label, visit)| self.is_free(*label, visit)) {
            return Said::Taken;
        }
        self.0.extend(visits.iter().map(|(label, visit)| (*label, (status, *visit))));
        Said::Done
    }

    fn status(&self, label: Label) -> Option<Status> {
        self.0.get(&label).map(|(status, _)| *status)
    }

    /// From one of these statuses to another.
    fn step(&mut self, label: Label, from: &[Status], to: Status) -> Said {
        match self.0.get_mut(&label) {
            Some((status, _)) if from.contains(status) => {
                *status = to;
                Said::Done
            }
            Some(_) | None => Said::NotNow,
        }
    }
}

impl SequentialSpec for Pencil {
    type Op = Asked;
    type Ret = Said;

    fn invoke(&mut self, asked: &Asked) -> Said {
        match asked {
            Asked::Hold(label, visit) => match self.status(*label) {
                None | Some(Status::Held | Status::Released) => self.write(Status::Held, &[(*label, *visit)]),
                Some(Status::Scheduled | Status::Confirmed | Status::Cancelled) => Said::NotNow,
            },
            Asked::Release(label) => self.step(*label, &[Status::Held], Status::Released),
            Asked::Book(label, visit) => match self.status(*label) {
                None | Some(Status::Held | Status::Released) => self.write(Status::Scheduled, &[(*label, *visit)]),
                Some(Status::Scheduled | Status::Confirmed | Status::Cancelled) => Said::NotNow,
            },
            Asked::BookAll(visits) => self.write(Status::Scheduled, visits),
            Asked::Move(label, visit) => match self.0.get(label) {
                Some((Status::Scheduled | Status::Confirmed, now)) => {
                    let moved = Visit { patient: now.patient, ..*visit };
                    // Where it is already: nothing happens, and nobody has to confirm again.
                    if moved == *now { Said::Done } else { self.write(Status::Scheduled, &[(*label, moved)]) }
                }
                Some((Status::Held | Status::Released | Status::Cancelled, _)) | None => Said::NotNow,
            },
            Asked::Confirm(label) => self.step(*label, &[Status::Scheduled], Status::Confirmed),
            Asked::Cancel(label) => self.step(*label, &[Status::Scheduled, Status::Confirmed], Status::Cancelled),
        }
    }
}

#[cfg(test)]
mod tests {
    use stateright::semantics::ConsistencyTester;

    use super::*;
    use crate::desk::History;

    /// Half an hour with the only doctor.
    fn visit(patient: usize, from: i64) -> Visit {
        Visit { doctor: 0, patient: Some(patient), room: None, from, until: from + 30 }
    }

    fn history() -> History {
        History::new(Pencil::default())
    }

    #[test]
    fn two_who_are_both_told_that_the_slot_is_theirs_are_found_out() -> Result<(), String> {
        let mut twice = history();
        twice.on_invoke(0, Asked::Book((0, 0), visit(0, 0)))?.on_invoke(1, Asked::Book((1, 0), visit(1, 15)))?;
        twice.on_return(0, Said::Done)?;
        assert!(twice.is_consistent(), "the other has no answer yet");
        let mut refused = twice.clone();
        assert!(refused.on_return(1, Said::Taken)?.is_consistent());
        assert!(!twice.on_return(1, Said::Done)?.is_consistent());
        Ok(())
    }

    #[test]
    fn a_patient_or_a_room_that_is_in_two_places_is_found_out() -> Result<(), String> {
        for (patient, room) in [(Some(0), None), (Some(1), Some(0))] {
            let there = Visit { doctor: 1, patient, room, from: 0, until: 30 };
            let here = Visit { room: Some(0), ..visit(0, 0) };
            let mut twice = history();
            twice.on_invret(0, Asked::Book((0, 0), here), Said::Done)?;
            assert!(!twice.on_invret(1, Asked::Book((1, 0), there), Said::Done)?.is_consistent());
        }
        Ok(())
    }

    #[test]
    fn a_refusal_without_anybody_who_has_the_slot_is_found_out() -> Result<(), String> {
        let mut alone = history();
        assert!(!alone.on_invret(0, Asked::Book((0, 0), visit(0, 0)), Said::Taken)?.is_consistent());
        // What was called off before, or is booked only afterwards, is no reason either.
        let mut before = history();
        before.on_invret(0, Asked::Book((0, 0), visit(0, 0)), Said::Done)?;
        before.on_invret(0, Asked::Cancel((0, 0)), Said::Done)?;
        assert!(!before.on_invret(1, Asked::Book((1, 0), visit(1, 0)), Said::Taken)?.is_consistent());
        let mut after = history();
        after.on_invret(1, Asked::Book((1, 0), visit(1, 0)), Said::Taken)?;
        assert!(!after.on_invret(0, Asked::Book((0, 0), visit(0, 0)), Said::Done)?.is_consistent());
        Ok(())
    }

    #[test]
    fn a_refusal_while_the_other_is_being_called_off_is_right_and_so_is_a_booking() -> Result<(), String> {
        for said in [Said::Taken, Said::Done] {
            let mut meanwhile = history();
            meanwhile.on_invret(0, Asked::Book((0, 0), visit(0, 0)), Said::Done)?;
            meanwhile.on_invoke(0, Asked::Cancel((0, 0)))?.on_invret(1, Asked::Book((1, 0), visit(1, 0)), said)?;
            assert!(meanwhile.on_return(0, Said::Done)?.is_consistent(), "{said:?}");
        }
        Ok(())
    }

    #[test]
    fn a_move_that_leaves_its_former_time_taken_is_found_out() -> Result<(), String> {
        let mut moved = history();
        moved.on_invret(0, Asked::Book((0, 0), visit(0, 0)), Said::Done)?;
        moved.on_invret(0, Asked::Move((0, 0), visit(0, 60)), Said::Done)?;
        assert!(!moved.on_invret(1, Asked::Book((1, 0), visit(1, 0)), Said::Taken)?.is_consistent());
        Ok(())
    }
}
