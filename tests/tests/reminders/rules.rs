//! How a practice reminds its patients, over HTTP.

use domain::role::Role;
use embedded_servers::ScratchDir;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::agenda::Agenda;
use system_tests::practice::{Practice, Underneath};
use system_tests::server::{Answer, Client, Server, send};
use system_tests::staff::within_a_second;
use tokio_postgres::NoTls;
use uuid::Uuid;

const PATH: &str = "/facilities/current/reminders";

async fn put(client: &Client, if_match: &str, body: &Value) -> Answer {
    send(client.request(Method::PUT, PATH).header("If-Match", if_match).json(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_practice_decides_and_reads_what_it_decided() {
    let practice = Practice::new().await;
    let secretary = practice.secretary();
    let usual = within_a_second(secretary, PATH, |answer| answer.status == 200).await;
    assert_eq!(
        usual.body,
        json!({
            "enabled": true,
            "reminders": [{"type": "email", "time": "24h_before"}, {"type": "sms", "time": "2h_before"}],
            "byType": [], "quietHours": {"start": "21:00", "end": "08:00"}, "version": usual.body["version"],
        })
    );
    let tag = usual.header("etag").expect("an ETag").to_owned();
    let wanted = json!({
        "enabled": true,
        "reminders": [{"type": "sms", "time": "90min_before"}, {"type": "email", "time": "2d_before"}],
        "byType": [{"type": "surgery", "reminders": []}],
    });
    let changed = put(secretary, &tag, &wanted).await.expect(200);
    let expected = json!({
        "enabled": true,
        "reminders": [{"type": "email", "time": "48h_before"}, {"type": "sms", "time": "90min_before"}],
        "byType": [{"type": "surgery", "reminders": []}], "version": changed.body["version"],
    });
    assert_eq!(changed.body, expected);
    assert_eq!(secretary.get(PATH).await.expect(200).body, expected);
    put(secretary, &tag, &wanted).await.expect_problem(412, "stale_version");
    let again =
        send(secretary.request(Method::GET, PATH).header("If-None-Match", changed.header("etag").expect("a tag")));
    again.await.expect(304);
    put(practice.client(Role::Nurse), "*", &wanted).await.expect_problem(403, "permission_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appointment_has_reminders_of_its_own_if_that_is_wished() {
    let agenda = Agenda::new().await;
    let booked = agenda.book(&agenda.visit("10:00", "10:30")).await;
    let path = format!("/appointments/{}/reminders", booked["id"].as_str().expect("an id"));
    let usual = agenda.secretary().get(&path).await.expect(200).body;
    let shown = |of: &Value| {
        let reminders = of["reminders"].as_array().expect("reminders").iter();
        reminders.map(|one| format!("{} {} {}", one["type"], one["time"], one["state"])).collect::<Vec<_>>()
    };
    let practices = [r#""email" "24h_before" "pending""#, r#""sms" "2h_before" "pending""#];
    assert_eq!((&usual["own"], shown(&usual)), (&json!(false), practices.map(str::to_owned).to_vec()));
    let choose = |body: Value| send(agenda.secretary().request(Method::PUT, &path).json(&body));
    let own = choose(json!({"reminders": [{"type": "sms", "time": "3h_before"}]})).await.expect(200).body;
    assert_eq!((&own["own"], shown(&own)), (&json!(true), vec![r#""sms" "3h_before" "pending""#.to_owned()]));
    assert_eq!(agenda.secretary().get(&path).await.expect(200).body, own);
    assert_eq!(choose(json!({})).await.expect(200).body, usual);
    let twice = json!({"reminders": [{"type": "sms", "time": "3h_before"}, {"type": "sms", "time": "180min_before"}]});
    let refused = choose(twice).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.violated_fields(), ["reminders[1]"]);
    let nowhere = format!("/appointments/{}/reminders", Uuid::now_v7());
    agenda.secretary().get(&nowhere).await.expect_problem(404, "resource_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_mean_is_refused_with_its_field() {
    let practice = Practice::new().await;
    let email = |time: &str| json!({"type": "email", "time": time});
    for (reminders, by_type, quiet, field) in [
        (json!([email("14min_before")]), json!([]), json!(null), "reminders[0].time"),
        (json!([email("31d_before")]), json!([]), json!(null), "reminders[0].time"),
        (json!([email("tomorrow")]), json!([]), json!(null), "reminders[0].time"),
        (json!([email("24h_before"), email("1d_before")]), json!([]), json!(null), "reminders[1]"),
        (json!([{"type": "letter", "time": "24h_before"}]), json!([]), json!(null), "reminders[0].type"),
        (
            json!([]),
            json!([{"type": "exam", "reminders": []}, {"type": "exam", "reminders": []}]),
            json!(null),
            "byType[1].type",
        ),
        (
            json!([]),
            json!([{"type": "exam", "reminders": [email("1min_before")]}]),
            json!(null),
            "byType[0].reminders[0].time",
        ),
        (json!([]), json!([]), json!({"start": "21:00", "end": "21:00"}), "quietHours"),
        (json!([]), json!([]), json!({"start": "9 pm", "end": "08:00"}), "quietHours.start"),
    ] {
        let mut body = json!({"enabled": true, "reminders": reminders, "byType": by_type});
        if !quiet.is_null() {
            body["quietHours"] = quiet;
        }
        let refused = put(practice.secretary(), "*", &body).await.expect_problem(422, "validation_failed");
        assert_eq!(refused.violated_fields(), [field], "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_leaves_before_the_reminders_are_shown_says_so() {
    let folder = ScratchDir::new("late-reminders").expect("a folder");
    let server = Server::start(&folder.path().join("data"), &[]);
    let agenda = Agenda::in_server(&server).await;
    let booked = agenda.book(&agenda.visit("10:00", "10:30")).await;
    let path = format!("/appointments/{}/reminders", booked["id"].as_str().expect("an id"));
    agenda.secretary().get(&path).await.expect(200);
    let choose = || {
        let own = json!({"reminders": [{"type": "sms", "time": "3h_before"}]});
        send(agenda.secretary().request(Method::PUT, &path).json(&own))
    };
    let (owner, connection) = Underneath::of(&server).owner.connect(NoTls).await.expect("the database");
    tokio::spawn(connection);
    owner.batch_execute("BEGIN; SELECT FROM read_model.reminder_plans FOR UPDATE").await.expect("a lock");
    let early = choose().await.expect(200);
    assert_eq!((early.header("preference-applied"), &early.body["own"]), (Some("respond-async"), &json!(false)));
    owner.batch_execute("COMMIT").await.expect("the lock is gone");
    assert_eq!(agenda.secretary().get(&path).await.expect(200).body["own"], true);
}
