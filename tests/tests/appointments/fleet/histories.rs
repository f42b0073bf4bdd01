//! Recorded histories of what people were told over HTTP, by two processes: each must be one that a single person with a
//! pencil could have answered.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use jiff::ToSpan;
use jiff::civil::Date;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use stateright::semantics::ConsistencyTester;
use system_tests::agenda::in_a_week;
use system_tests::desk::{Asked, Desk, Label, SPAN, Said, Visit, plans, play, single};
use system_tests::server::{Answer, send};

use super::{Counter, conflicts};

const PEOPLE: usize = 4;
const WISHES: usize = 5;
const RUNS: usize = 150;
/// So many plans are played beside each other, each at a time of its own.
const AT_ONCE: usize = 6;

struct Scene {
    counter: Arc<Counter>,
    doctors: [String; 2],
    patients: Vec<String>,
    done: AtomicUsize,
    taken: AtomicUsize,
}

/// The practice as the people of one plan meet it: for three hours of a day.
struct Servers {
    scene: Arc<Scene>,
    day: Date,
    begins: i64,
    known: Mutex<HashMap<Label, Value>>,
}

impl Servers {
    fn body(&self, visit: &Visit) -> Value {
        let clock = |minute: i64| format!("{:02}:{:02}", (self.begins + minute) / 60, (self.begins + minute) % 60);
        json!({
            "practitionerId": self.scene.doctors[visit.doctor], "date": self.day, "startTime": clock(visit.from),
            "endTime": clock(visit.until), "type": "consultation",
        })
    }

    fn known(&self, label: Label) -> Option<Value> {
        self.known.lock().expect("nobody panics").get(&label).cloned()
    }

    async fn answer(&self, person: usize, asked: &Asked) -> Said {
        let client = self.scene.counter.client(person);
        let answer = match asked {
            Asked::Book(label, visit) => {
                let mut body = self.body(visit);
                body["patientId"] = json!(self.scene.patients[visit.patient.expect("a patient")]);
                let answer = client.post("/appointments", &body).await;
                return self.note(*label, answer, 201);
            }
            Asked::Move(label, visit) => self.known(*label).map(|known| {
                let tag = format!("\"{}\"", known["version"]);
                let request = client.request(Method::PUT, &system_tests::agenda::path(&known));
                (*label, request.header("If-Match", tag).json(&self.body(visit)))
            }),
            Asked::Confirm(label) => self.known(*label).map(|known| {
                (*label, client.request(Method::POST, &format!("{}/confirm", system_tests::agenda::path(&known))))
            }),
            Asked::Cancel(label) => self
                .known(*label)
                .map(|known| (*label, client.request(Method::DELETE, &system_tests::agenda::path(&known)))),
            Asked::Hold(..) | Asked::Release(_) | Asked::BookAll(_) => unreachable!("nobody wishes for it here"),
        };
        match answer {
            None => Said::NotNow,
            Some((label, request)) => self.note(label, send(request).await, 200),
        }
    }

    fn note(&self, label: Label, answer: Answer, good: u16) -> Said {
        match (answer.status, answer.body["code"].as_str()) {
            (status, None) if status == good => {
                self.known.lock().expect("nobody panics").insert(label, answer.body);
                Said::Done
            }
            (409, Some("appointment_conflict")) => {
                conflicts(&answer);
                Said::Taken
            }
            (409, Some("invalid_state")) => Said::NotNow,
            _ => panic!("{}", answer.text),
        }
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

#[tokio::test(flavor = "multi_thread")]
async fn what_two_servers_answer_could_have_been_answered_by_one_person_with_a_pencil() {
    let counter = Counter::open().await;
    let doctors = [counter.agenda.doctor.clone(), counter.agenda.another_doctor("Petit").await];
    let patients = counter.patients(3).await;
    let (done, taken) = (AtomicUsize::default(), AtomicUsize::default());
    let scene = Arc::new(Scene { counter, doctors, patients, done, taken });
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let wishes = plans(PEOPLE, WISHES, single(0));
    let played: Vec<_> = (0..RUNS).map(|_| wishes.new_tree(&mut runner).expect("a plan").current()).collect();
    for (round, plans) in (0_i64..).zip(played.chunks(AT_ONCE)) {
        let playing: Vec<_> = (0_i64..)
            .zip(plans.iter().cloned())
            .map(|(number, plan)| {
                let place = round * AT_ONCE as i64 + number;
                let day = in_a_week().checked_add((place / 4).days()).expect("a day");
                let begins = 8 * 60 + SPAN * (place % 4);
                let desk = Servers { scene: Arc::clone(&scene), day, begins, known: Mutex::default() };
                tokio::spawn(async move { play(Arc::new(desk), &plan).await })
            })
            .collect();
        for history in playing {
            let history = history.await.expect("no panic");
            assert!(history.is_consistent(), "nobody could have answered like this: {history:#?}");
        }
    }
    let (done, taken) = (scene.done.load(Ordering::Relaxed), scene.taken.load(Ordering::Relaxed));
    println!("{done} wishes were granted, {taken} met somebody");
    assert!(done > 200 && taken > 100, "people meet, and not only that");
}
