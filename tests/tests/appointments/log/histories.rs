//! Thousands of short histories of four people who book, keep, move, confirm and call off at once on two servers: each must
//! be one that a single person could have answered, one question after the other.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use commands::{CommandError, OccurrenceRefusal, SeriesBooking};
use domain::appointment::series::RecurrenceRule;
use domain::appointment::{AppointmentCommand, AppointmentError, Slot, Terms};
use domain::ids::{AppointmentId, PatientId, RoomId, SeriesId, UserId};
use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan};
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use stateright::semantics::ConsistencyTester;
use system_tests::desk::{Asked, Desk, Label, Said, Visit, everything, plans, play};
use uuid::Uuid;

use super::{Practice, book, details, minutes, new_id, next_week, paris};

const PEOPLE: usize = 4;
const WISHES: usize = 4;
/// At a time, each with a practice of its own.
const RUNNERS: u64 = 4;
const RUNS: u32 = 600;
/// A plan's span lies in one quarter of the hours of three days.
const QUARTERS: i64 = 4;

/// A practice that is played in by one plan after the other, each at a time of its own.
struct Scene {
    practice: Practice,
    doctors: [UserId; 2],
    patients: Vec<PatientId>,
    rooms: [RoomId; 2],
    played: AtomicI64,
    done: AtomicUsize,
    taken: AtomicUsize,
}

/// The practice as the people of one plan meet it.
struct Servers {
    scene: Arc<Scene>,
    first_day: Date,
    begins: i64,
    known: Mutex<HashMap<Label, AppointmentId>>,
}

impl Scene {
    async fn new() -> Arc<Self> {
        let practice = Practice::new().await;
        let doctors = [practice.doctor, practice.doctor().await];
        let patients = practice.patients(3).await;
        let rooms = [practice.room().await, practice.room().await];
        Arc::new(Self {
            practice,
            doctors,
            patients,
            rooms,
            played: AtomicI64::default(),
            done: AtomicUsize::default(),
            taken: AtomicUsize::default(),
        })
    }

    fn next(self: &Arc<Self>) -> Arc<Servers> {
        let number = self.played.fetch_add(1, Ordering::Relaxed);
        let first_day = next_week().checked_add((number / QUARTERS * 3).days()).expect("a day");
        let begins = (8 + 3 * (number % QUARTERS)) * 60;
        Arc::new(Servers { scene: Arc::clone(self), first_day, begins, known: Mutex::default() })
    }
}

impl Servers {
    fn id(&self, label: Label) -> AppointmentId {
        *self.known.lock().expect("nobody panics").entry(label).or_insert_with(new_id)
    }

    fn slot(&self, visit: &Visit) -> Slot {
        let Visit { doctor, room, from, until, .. } = *visit;
        Slot {
            practitioner_id: self.scene.doctors[doctor],
            room_id: room.map(|room| self.scene.rooms[room]),
            during: minutes(self.first_day, self.begins + from, self.begins + until),
            additional_slots: Vec::new(),
        }
    }

    fn patient(&self, visit: &Visit) -> PatientId {
        self.scene.patients[visit.patient.expect("a patient")]
    }

    async fn book_daily(&self, person: usize, visits: &[(Label, Visit)]) -> Said {
        let first = &visits[0].1;
        let slot = self.slot(first);
        let booking = SeriesBooking {
            series_id: SeriesId(Uuid::now_v7()),
            patient_id: self.patient(first),
            practitioner_id: slot.practitioner_id,
            room_id: slot.room_id,
            start: slot.during.from.to_zoned(paris()).datetime(),
            duration: SignedDuration::from_mins(first.until - first.from),
            rule: RecurrenceRule::parse(&format!("FREQ=DAILY;COUNT={}", visits.len())).expect("a rule"),
            except: Vec::new(),
            besides: Vec::new(),
            details: details(),
            terms: Terms::default(),
            partial: false,
        };
        let practice = &self.scene.practice;
        let outcome = practice.servers[person % 2].book_series(&booking, &practice.context()).await;
        let outcome = outcome.expect("it is decided");
        let mut known = self.known.lock().expect("nobody panics");
        for ((label, _), occurrence) in visits.iter().zip(&outcome.occurrences) {
            match &occurrence.outcome {
                Ok(id) if outcome.position.is_some() => _ = known.insert(*label, *id),
                Ok(_) | Err(OccurrenceRefusal::Refused(AppointmentError::Conflicts(_))) => {}
                Err(refusal) => panic!("{refusal}"),
            }
        }
        let conflicts = outcome.occurrences.iter().any(|occurrence| occurrence.outcome.is_err());
        assert_ne!(conflicts, outcome.position.is_some(), "all of it or nothing");
        if conflicts { Said::Taken } else { Said::Done }
    }
}

impl Desk for Servers {
    async fn ask(&self, person: usize, asked: Asked) -> Said {
        let said = self.answer(person, &asked).await;
        match said {
            Said::Done => _ = self.scene.done.fetch_add(1, Ordering::Relaxed),
            Said::Taken => _ = self.scene.taken.fetch_add(1, Ordering::Relaxed),
            Said::NotNow => {}
        }
        said
    }
}

impl Servers {
    async fn answer(&self, person: usize, asked: &Asked) -> Said {
        let (label, command) = match asked {
            Asked::BookAll(visits) => return self.book_daily(person, visits).await,
            Asked::Hold(label, visit) => {
                (label, AppointmentCommand::HoldSlot { slot: self.slot(visit), override_availability: false })
            }
            Asked::Release(label) => (label, AppointmentCommand::ReleaseSlot),
            Asked::Book(label, visit) => (label, book(self.patient(visit), self.slot(visit))),
            Asked::Move(label, visit) => {
                let (slot, terms) = (self.slot(visit), Terms::default());
                (label, AppointmentCommand::RescheduleAppointment { slot, terms })
            }
            Asked::Confirm(label) => (label, AppointmentCommand::ConfirmAppointment),
            Asked::Cancel(label) => (label, AppointmentCommand::CancelAppointment { reason: None }),
        };
        let practice = &self.scene.practice;
        match practice.servers[person % 2].change_appointment(self.id(*label), &command, &practice.context()).await {
            Ok(_) => Said::Done,
            Err(CommandError::Refused(AppointmentError::Conflicts(conflicts))) => {
                assert!(!conflicts.is_empty(), "refused for nothing");
                Said::Taken
            }
            Err(
                CommandError::NotFound
                | CommandError::Refused(AppointmentError::NotNow { .. } | AppointmentError::AlreadyBooked),
            ) => Said::NotNow,
            Err(error) => panic!("{asked:?}: {error}"),
        }
    }
}

#[test]
fn whatever_is_asked_at_once_is_answered_as_if_it_had_been_asked_one_by_one() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    std::thread::scope(|scope| {
        for number in 0..RUNNERS {
            let runtime = runtime.handle().clone();
            scope.spawn(move || {
                let scene = runtime.block_on(Scene::new());
                // The same plans every time; what comes of them is for the machine to say.
                let seed = [u8::try_from(number).expect("few"); 32];
                let config = Config { cases: RUNS, failure_persistence: None, ..Config::default() };
                let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
                let outcome =
                    TestRunner::new_with_rng(config, random).run(&plans(PEOPLE, WISHES, everything(2)), |plan| {
                        let history = runtime.block_on(play(scene.next(), &plan));
                        proptest::prop_assert!(
                            history.is_consistent(),
                            "nobody could have answered like this: {:?}",
                            history
                        );
                        Ok(())
                    });
                let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
                let (done, taken) = (count(&scene.done), count(&scene.taken));
                println!("{done} wishes were granted, {taken} met somebody");
                match outcome {
                    Ok(()) => assert!(done > 1000 && taken > 500, "people meet, and not only that"),
                    Err(TestError::Fail(why, plan)) => panic!("{why}\n{plan:#?}"),
                    Err(TestError::Abort(why)) => panic!("{why}"),
                }
            });
        }
    });
}
