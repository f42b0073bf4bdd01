use domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::{Practice, patient};
use system_tests::screen::Screen;
use system_tests::server::{Client, Server, send};

/// Whoever registers a patient is answered with what was registered.
const REGISTERED: &str = "secretary write patient granted";

fn id(patient: &Value) -> String {
    patient["id"].as_str().unwrap().to_owned()
}

/// What the trail says of a patient: `role deed resourceType result`, oldest first, without looks at the trail itself.
async fn trail_of(practice: &Practice, patient: &str) -> Vec<String> {
    let log =
        practice.client(Role::Dpo).get(&format!("/patients/{patient}/access-log?limit=200")).await.expect(200).body;
    let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
    let mut rows: Vec<String> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["resourceType"] != "access_log")
        .map(|row| ["role", "deed", "resourceType", "result"].map(|field| text(row, field)).join(" "))
        .collect();
    rows.reverse();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_listing_searching_and_the_history_are_traced_for_each_patient_shown() {
    let practice = Practice::new().await;
    let (zoe, other) = (id(&practice.register("Le Goff", "Zoé").await), id(&practice.register("Martin", "Ana").await));
    let (doctor, nurse) = (practice.client(Role::Doctor), practice.client(Role::Nurse));
    doctor.get(&format!("/patients/{zoe}")).await.expect(200);
    nurse.get("/patients").await.expect(200);
    nurse.get("/patients?search=goff").await.expect(200);
    nurse.get("/patients?search=nobody").await.expect(200);
    practice.client(Role::Auditor).get(&format!("/patients/{zoe}/history")).await.expect(200);
    assert_eq!(
        trail_of(&practice, &zoe).await,
        [
            REGISTERED,
            "doctor read patient granted",
            "nurse search patient granted",
            "nurse search patient granted",
            "auditor read patient_history granted",
        ]
    );
    assert_eq!(trail_of(&practice, &other).await, [REGISTERED, "nurse search patient granted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_change_answers_is_traced_even_if_nothing_was_changed() {
    let practice = Practice::new().await;
    let zoe = id(&practice.register("Le Goff", "Zoé").await);
    let (nurse, path) = (practice.client(Role::Nurse), format!("/patients/{zoe}"));
    let same = patient("Le Goff", "Zoé");
    nurse.put(&path, &same).await.expect(200);
    let restrict = || {
        let request = practice.client(Role::Doctor).request(Method::POST, &format!("{path}/restrict"));
        send(request.header("Idempotency-Key", "once").json(&json!({"reason": "Conflit de voisinage"})))
    };
    restrict().await.expect(200);
    restrict().await.expect(200);
    let (written, restricted) = ("nurse write patient granted", "doctor write patient granted");
    assert_eq!(trail_of(&practice, &zoe).await, [REGISTERED, written, restricted, restricted]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_shown_a_likely_duplicate_has_found_that_patient() {
    let practice = Practice::new().await;
    let zoe = id(&practice.register("Le Goff", "Zoé").await);
    let again = practice.client(Role::Nurse).post("/patients", &patient("Le Goff", "Zoé")).await;
    again.expect_problem(409, "likely_duplicate");
    assert_eq!(trail_of(&practice, &zoe).await, [REGISTERED, "nurse search patient granted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trace_says_for_what_why_and_by_which_request() {
    let practice = Practice::new().await;
    let zoe = id(&practice.register("Le Goff", "Zoé").await);
    let path = format!("/patients/{zoe}");
    let request = practice.client(Role::Doctor).request(Method::GET, &path);
    let request = request.header("X-Request-Id", "web-42").header("X-Access-Purpose", "ETREAT");
    send(request.header("X-Access-Reason", "M%C3%A9decin%20de%20garde")).await.expect(200);
    practice.client(Role::Dpo).get(&path).await.expect(200);
    let log = practice.client(Role::Auditor).get(&format!("{path}/access-log")).await.expect(200).body;
    let rows = log["items"].as_array().unwrap();
    assert_eq!((&rows[0]["role"], &rows[0]["purpose"]), (&json!("dpo"), &json!("HCOMPL")));
    assert_eq!((&rows[1]["purpose"], &rows[1]["reason"]), (&json!("ETREAT"), &json!("Médecin de garde")));
    assert_eq!((&rows[1]["requestId"], &rows[1]["clientAddress"]), (&json!("web-42"), &json!("127.0.0.1")));
    assert!(rows[1]["sessionId"].is_string() && rows[1]["at"].is_string());

    for (header, value) in [("X-Access-Purpose", "CURIOSITY"), ("X-Access-Reason", "%FF")] {
        let refused = send(practice.client(Role::Doctor).request(Method::GET, &path).header(header, value)).await;
        assert_eq!(refused.expect_problem(400, "invalid_parameter").violated_fields(), [header]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_tries_are_traced_and_answers_do_not_change_by_it() {
    let practice = Practice::new().await;
    let zoe = id(&practice.register("Le Goff", "Zoé").await);
    let (admin, doctor) = (practice.client(Role::Admin), practice.client(Role::Doctor));
    admin.delete(&format!("/patients/{zoe}")).await.expect_problem(403, "permission_denied");
    doctor.get(&format!("/patients/{zoe}/access-log")).await.expect_problem(403, "permission_denied");
    let refused = ["admin write patient refused", "doctor read patient refused"];
    assert_eq!(trail_of(&practice, &zoe).await, [REGISTERED, refused[0], refused[1]]);
    // The router reads an identifier that is percent-encoded, and so does the trail.
    let encoded = format!("/patients/%{:x}{}", zoe.as_bytes()[0], &zoe[1..]);
    admin.delete(&encoded).await.expect_problem(403, "permission_denied");
    assert_eq!(trail_of(&practice, &zoe).await, [REGISTERED, refused[0], refused[1], refused[0]]);
    doctor.get("/audit/access").await.expect_problem(403, "permission_denied");
    let all = practice.client(Role::Dpo).get("/audit/access").await.expect(200).body;
    let rows = all["items"].as_array().unwrap();
    let looked = rows.iter().find(|row| row["result"] == "refused" && row["resourceType"] == "access_log").unwrap();
    assert_eq!((&looked["role"], looked.get("patientId")), (&json!("doctor"), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_shown_to_those_who_may_read_audit_and_filtered_as_asked() {
    let practice = Practice::new().await;
    let (zoe, ana) = (id(&practice.register("Le Goff", "Zoé").await), id(&practice.register("Martin", "Ana").await));
    for _ in 0..3 {
        practice.client(Role::Doctor).get(&format!("/patients/{zoe}")).await.expect(200);
        practice.client(Role::Nurse).get(&format!("/patients/{ana}")).await.expect(200);
    }
    for role in Role::ALL {
        let may = role.access(domain::role::Area::Audit).may_read();
        for path in [format!("/patients/{zoe}/access-log"), "/audit/access".to_owned()] {
            assert_eq!(practice.client(role).get(&path).await.status, if may { 200 } else { 403 }, "{role:?} {path}");
        }
    }
    let auditor = practice.client(Role::Auditor);
    let list = async |query: &str| auditor.get(&format!("/audit/access?{query}")).await.expect(200).body;
    let first = list(&format!("patientId={ana}&limit=2")).await;
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let nurse = first["items"].as_array().unwrap().iter().find(|row| row["role"] == "nurse").unwrap();
    let of_nurse = list(&format!("actorId={}", nurse["actorId"].as_str().unwrap())).await;
    let of_nurse = of_nurse["items"].as_array().unwrap();
    assert_eq!(of_nurse.iter().filter(|row| row["deed"] == "read" && row["result"] == "granted").count(), 3);

    let (oldest, newest) = (of_nurse.last().unwrap()["at"].as_str().unwrap(), of_nurse[0]["at"].as_str().unwrap());
    let between = list(&format!("actorId={}&from={oldest}&to={newest}", nurse["actorId"].as_str().unwrap())).await;
    assert_eq!(between["items"].as_array().unwrap().len(), of_nurse.len() - 1);

    let (mut seen, mut path) = (0, format!("patientId={zoe}&limit=2"));
    loop {
        let page = list(&path).await;
        seen += page["items"].as_array().unwrap().iter().filter(|row| row["role"] == "doctor").count();
        match page["nextCursor"].as_str() {
            Some(cursor) => path = format!("patientId={zoe}&limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, 4, "three reads, and the refused look at the trail");
    for query in ["from=yesterday", "patientId=x", "cursor=AAAA", "deed=read"] {
        auditor.get(&format!("/audit/access?{query}")).await.expect_problem(400, "invalid_parameter");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_practice_sees_nothing_of_the_trail() {
    let (ours, theirs) = (Practice::new().await, Practice::new().await);
    let zoe = id(&theirs.register("Le Goff", "Zoé").await);
    theirs.client(Role::Doctor).get(&format!("/patients/{zoe}")).await.expect(200);
    let dpo = ours.client(Role::Dpo);
    dpo.get(&format!("/patients/{zoe}/access-log")).await.expect_problem(404, "resource_not_found");
    let found = dpo.get(&format!("/audit/access?patientId={zoe}")).await.expect(200).body;
    assert_eq!(found["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_told_of_a_patient_on_a_live_screen_is_in_the_trail() {
    let practice = Practice::new().await;
    let mut screen = Screen::open(Server::shared(), practice.client(Role::Nurse).token(), None).await;
    let zoe = id(&practice.register("Le Goff", "Zoé").await);
    screen.next_frame().await;
    let pushed = async || trail_of(&practice, &zoe).await == [REGISTERED, "nurse push patient granted"];
    for _ in 0..100 {
        if pushed().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{:?}", trail_of(&practice, &zoe).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_who_is_not_there_leaves_no_trace() {
    let practice = Practice::new().await;
    let nobody = "0198a000-0000-7000-8000-000000000001";
    let client: &Client = practice.client(Role::Doctor);
    client.get(&format!("/patients/{nobody}")).await.expect_problem(404, "resource_not_found");
    client.post("/patients", &patient("Le Goff", "Zoé")).await.expect(201);
    let all = practice.client(Role::Dpo).get("/audit/access").await.expect(200).body;
    let deeds: Vec<_> = all["items"].as_array().unwrap().iter().map(|row| &row["deed"]).collect();
    assert_eq!(deeds, ["write"], "whoever registers is shown what was registered, and nobody else anything");
}
