use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use system_tests::server::{Answer, Client};

use super::{Counter, conflicts};

const TRIES: usize = 1000;

/// Asks again whenever the server says that it has too much to do, as a client does.
async fn insistent(client: &Client, visit: &Value) -> Answer {
    loop {
        let answer = client.post("/appointments", visit).await;
        if answer.status != 503 {
            return answer;
        }
        assert!(answer.header("retry-after").is_some(), "{}", answer.text);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_who_ask_two_servers_for_one_slot_exactly_one_gets_it() {
    let counter = Counter::open().await;
    let patients = counter.patients(20).await;
    let tries: Vec<_> = (0..TRIES)
        .map(|number| {
            let counter = Arc::clone(&counter);
            let mut visit = counter.agenda.visit("09:00", "09:30");
            visit["patientId"] = json!(patients[number % patients.len()]);
            tokio::spawn(async move { insistent(counter.client(number), &visit).await })
        })
        .collect();
    let (mut booked, mut refused) = (Vec::new(), Vec::new());
    for answer in tries {
        let answer = answer.await.expect("no panic");
        if answer.status == 201 { booked.push(answer) } else { refused.push(answer) }
    }
    assert_eq!((booked.len(), refused.len()), (1, TRIES - 1));
    for answer in refused {
        let answer = answer.expect_problem(409, "appointment_conflict");
        let alternatives = answer.body["alternatives"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert!(!alternatives.is_empty(), "the doctor has all day: {}", answer.text);
        for conflict in conflicts(&answer) {
            assert_eq!(conflict["resourceId"], booked[0].body["id"]);
            let period = json!({"start": booked[0].body["start"], "end": booked[0].body["end"]});
            assert_eq!(conflict["period"], period);
        }
    }
}
