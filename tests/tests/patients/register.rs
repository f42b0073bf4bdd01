use serde_json::json;
use system_tests::practice::{Practice, patient};

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_patient_is_answered_whole_and_read_back_at_once() {
    let practice = Practice::new().await;
    let input = json!({
        "lastName": "Le Goff", "firstName": "Zoé", "birthDate": "1984-02-29", "gender": "female",
        "nationality": "Française", "idNumber": "X4RTBPFW4",
        "address": {"street": "12 rue de la République", "city": "Brest", "postalCode": "29200", "country": "France"},
        "contact": {
            "phone": "06 12 34 56 78", "email": "zoe@example.org",
            "emergencyContact": {"name": "Anne Le Goff", "relationship": "Mère", "phone": "+33 6 98 76 54 32"}
        },
        "insurance": {"provider": "CPAM", "number": "SAN987654321", "type": "Publique"},
    });
    let answer = practice.secretary().post("/patients", &input).await.expect(201);
    let id = answer.body["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), Some(format!("/api/v1/patients/{id}").as_str()));
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert!(answer.header("event-position").unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(answer.body["status"], "active");
    assert_eq!(answer.body["version"], 1);
    assert_eq!(answer.body["contact"]["phone"], "+33612345678");
    assert_eq!(answer.body["address"]["country"], "FR");
    assert_eq!(answer.body["insurance"]["type"], "public");

    let read = practice.secretary().get(&format!("/patients/{id}")).await.expect(200);
    assert_eq!(read.body, answer.body, "the read model shows what the write answered");
    assert_eq!(read.header("etag"), Some("\"1\""));
    let list = practice.secretary().get("/patients").await.expect(200);
    assert_eq!(list.body["total"], 1);
    assert_eq!(list.body["items"][0]["id"], id);
}

#[tokio::test(flavor = "multi_thread")]
async fn patient_numbers_are_the_year_and_a_sequence_in_each_practice() {
    let year2 = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::get("Europe/Paris").unwrap()).year() % 100;
    for practice in [Practice::new().await, Practice::new().await] {
        for sequence in 1..=3 {
            let registered = practice.register("Numéro", &"I".repeat(sequence)).await;
            assert_eq!(registered["patientNumber"], format!("P{year2:02}{sequence:04}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_registrations_at_once_get_numbers_of_their_own() {
    let practice = Practice::new().await;
    let registrations = (0..60).map(|number| {
        let client = practice.secretary().clone();
        let letter = |n: u8| char::from(b'a' + n);
        let name = format!("{}{}", letter(number / 26), letter(number % 26));
        tokio::spawn(async move { client.post("/patients", &patient("Foule", &name)).await.expect(201) })
    });
    let mut numbers = Vec::new();
    for registration in registrations.collect::<Vec<_>>() {
        numbers.push(registration.await.unwrap().body["patientNumber"].as_str().unwrap().to_owned());
    }
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 60);
    assert!(numbers.last().unwrap().ends_with("0060"), "no gaps: {numbers:?}");
    assert_eq!(practice.secretary().get("/patients").await.expect(200).body["total"], 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_need_not_wait_for_the_read_models() {
    let practice = Practice::new().await;
    let request = practice.secretary().request(reqwest::Method::POST, "/patients").json(&patient("Hâte", "Zoé"));
    let answer = system_tests::server::send(request.header("Prefer", "respond-async")).await.expect(201);
    assert_eq!(answer.header("preference-applied"), Some("respond-async"));
}
