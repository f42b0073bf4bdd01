use serde_json::{Value, json};
use system_tests::practice::{Practice, patient};

fn ins(last_digit_of_serial: u64, first_name: &str, birth_date: &str) -> Value {
    let body: u64 = 2_840_275_123_450 + last_digit_of_serial;
    let matricule = format!("{body}{:02}", 97 - body % 97);
    json!({"lastName": "Le Goff", "firstName": first_name, "birthDate": birth_date, "gender": "female",
           "ins": {"matricule": matricule, "oid": "1.2.250.1.213.1.4.10"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_simultaneous_registrations_of_one_identity_one_succeeds_and_199_name_it() {
    let practice = Practice::new().await;
    let tries: Vec<_> = (0..200)
        .map(|number| {
            let client = practice.secretary().clone();
            // Written differently, the same all the same.
            let last_name = ["Le Goff", "LE GOFF", "le  goff", "Le-Goff"][number % 4];
            tokio::spawn(async move { client.post("/patients", &patient(last_name, "Zoé")).await })
        })
        .collect();
    let (mut registered, mut refused) = (Vec::new(), Vec::new());
    for outcome in tries {
        let answer = outcome.await.unwrap();
        match answer.status {
            201 => registered.push(answer),
            _ => refused.push(answer.expect_problem(409, "likely_duplicate")),
        }
    }
    assert_eq!((registered.len(), refused.len()), (1, 199));
    let candidate = &registered[0].body;
    for answer in &refused {
        let conflicts = answer.body["conflicts"].as_array().unwrap();
        assert_eq!(conflicts.len(), 1);
        assert_eq!(conflicts[0]["resourceId"], candidate["id"]);
        assert_eq!(conflicts[0]["reference"], candidate["patientNumber"]);
        assert_eq!(conflicts[0]["rule"], "same_identity");
    }
    assert_eq!(practice.secretary().get("/patients").await.expect(200).body["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_national_health_identity_is_a_duplicate_whatever_the_name() {
    let practice = Practice::new().await;
    let secretary = practice.secretary();
    let first = secretary.post("/patients", &ins(1, "Zoé", "1984-02-29")).await.expect(201).body;
    let refused =
        secretary.post("/patients", &ins(1, "Chloé", "1984-02-28")).await.expect_problem(409, "likely_duplicate");
    assert_eq!(refused.body["conflicts"][0]["resourceId"], first["id"]);
    assert_eq!(refused.body["conflicts"][0]["rule"], "same_ins");
    secretary.post("/patients", &ins(2, "Chloé", "1984-02-28")).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_who_is_known_to_be_distinct_is_registered_with_a_reason() {
    let practice = Practice::new().await;
    let secretary = practice.secretary();
    let first = practice.register("Le Goff", "Zoé").await;
    let mut twin = patient("Le Goff", "Zoé");
    twin["confirmDistinct"] = json!(true);
    let refused = secretary.post("/patients", &twin).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.violated_fields(), ["reason"]);
    twin["reason"] = json!("Homonyme, née dans une autre commune");
    let second = secretary.post("/patients", &twin).await.expect(201).body;

    let third = secretary.post("/patients", &patient("Le Goff", "Zoé")).await.expect_problem(409, "likely_duplicate");
    let mut candidates: Vec<_> =
        third.body["conflicts"].as_array().unwrap().iter().map(|c| c["resourceId"].clone()).collect();
    candidates.sort_by_key(ToString::to_string);
    let mut both = vec![first["id"].clone(), second["id"].clone()];
    both.sort_by_key(ToString::to_string);
    assert_eq!(candidates, both);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_patient_still_stands_in_the_way_of_a_second_file() {
    let practice = Practice::new().await;
    let first = practice.register("Le Goff", "Zoé").await;
    let id = first["id"].as_str().unwrap();
    practice.secretary().delete(&format!("/patients/{id}")).await.expect(200);
    let refused = practice
        .secretary()
        .post("/patients", &patient("Le Goff", "Zoé"))
        .await
        .expect_problem(409, "likely_duplicate");
    assert_eq!(refused.body["conflicts"][0]["resourceId"], first["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_into_another_patients_identity_is_refused_and_a_correction_away_frees_it() {
    let practice = Practice::new().await;
    let secretary = practice.secretary();
    practice.register("Le Goff", "Zoé").await;
    let other = practice.register("Le Goff", "Chloé").await;
    let path = format!("/patients/{}", other["id"].as_str().unwrap());
    let mut correction = patient("Le Goff", "Zoé");
    correction["reason"] = json!("Faute de frappe");
    secretary.put(&path, &correction).await.expect_problem(409, "likely_duplicate");
    correction["firstName"] = json!("Cléo");
    secretary.put(&path, &correction).await.expect(200);
    practice.register("Le Goff", "Chloé").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn practices_know_nothing_of_each_others_patients() {
    let (one, other) = (Practice::new().await, Practice::new().await);
    one.register("Le Goff", "Zoé").await;
    other.register("Le Goff", "Zoé").await;
}
