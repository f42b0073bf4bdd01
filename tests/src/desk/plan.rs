//! What users are going to ask for. proptest makes the plans up, and finds the shortest one that goes wrong.

use proptest::collection::vec;
use proptest::prelude::*;

use super::pencil::{Asked, Label, Visit};

/// How long everything in a plan lasts, in minutes: so little that people meet.
pub const SPAN: i64 = 180;
const STEP: i64 = 15;
const DAY: i64 = 24 * 60;

/// What each person asks for.
#[derive(Clone, Debug)]
pub struct Plan(pub Vec<Vec<Wish>>);

/// What a user wants. It names one of the user's own appointments by counting from the last.
#[derive(Clone, Debug)]
pub enum Wish {
    /// A slot to be kept.
    Hold(Visit),
    /// Their slot to be given back.
    Release(usize),
    /// An appointment.
    Book(Visit),
    /// An appointment in the place of what they had.
    BookOwn(usize, Visit),
    /// The same every day, so many times.
    BookDaily(Visit, usize),
    /// Another time.
    Move(usize, Visit),
    /// To confirm.
    Confirm(usize),
    /// To call off.
    Cancel(usize),
}

impl Wish {
    /// The question, if they have asked for so many before; those that it asks for are counted.
    pub(super) fn asked(self, person: usize, asked_for: &mut usize) -> Asked {
        let before = *asked_for;
        // One that they never asked for is not there.
        let own = |back: usize| (person, before.checked_sub(1 + back).unwrap_or(usize::MAX));
        let mut another = || -> Label {
            *asked_for += 1;
            (person, *asked_for - 1)
        };
        match self {
            Self::Hold(visit) => Asked::Hold(another(), Visit { patient: None, ..visit }),
            Self::BookOwn(back, visit) if back < before => Asked::Book(own(back), visit),
            Self::Book(visit) | Self::BookOwn(_, visit) => Asked::Book(another(), visit),
            Self::BookDaily(visit, days) => {
                let on = |day: i64| Visit { from: visit.from + day * DAY, until: visit.until + day * DAY, ..visit };
                Asked::BookAll((0..days as i64).map(|day| (another(), on(day))).collect())
            }
            Self::Release(back) => Asked::Release(own(back)),
            Self::Move(back, visit) => Asked::Move(own(back), visit),
            Self::Confirm(back) => Asked::Confirm(own(back)),
            Self::Cancel(back) => Asked::Cancel(own(back)),
        }
    }
}

fn visits(rooms: usize) -> impl Strategy<Value = Visit> {
    let room = if rooms == 0 { Just(None).boxed() } else { prop::option::of(0..rooms).boxed() };
    (0..2_usize, 0..3_usize, room, 0..SPAN / STEP, 1..=3_i64).prop_map(|(doctor, patient, room, begin, length)| {
        let (from, until) = (begin * STEP, ((begin + length) * STEP).min(SPAN));
        Visit { doctor, patient: Some(patient), room, from, until }
    })
}

/// What can be wished for single appointments, in one of so many rooms or none.
pub fn single(rooms: usize) -> BoxedStrategy<Wish> {
    let own = || 0..2_usize;
    prop_oneof![
        4 => visits(rooms).prop_map(Wish::Book),
        3 => (own(), visits(rooms)).prop_map(|(own, visit)| Wish::Move(own, visit)),
        1 => own().prop_map(Wish::Confirm),
        2 => own().prop_map(Wish::Cancel),
    ]
    .boxed()
}

/// All that can be wished.
pub fn everything(rooms: usize) -> BoxedStrategy<Wish> {
    let own = || 0..2_usize;
    prop_oneof![
        10 => single(rooms),
        2 => visits(rooms).prop_map(Wish::Hold),
        2 => (own(), visits(rooms)).prop_map(|(own, visit)| Wish::BookOwn(own, visit)),
        1 => (visits(rooms), 2..=3_usize).prop_map(|(visit, days)| Wish::BookDaily(visit, days)),
        1 => own().prop_map(Wish::Release),
    ]
    .boxed()
}

/// Plans of so many people, each of whom wishes for at least one thing.
pub fn plans(people: usize, most: usize, wishes: BoxedStrategy<Wish>) -> impl Strategy<Value = Plan> {
    vec(vec(wishes, 1..=most), people).prop_map(Plan)
}
