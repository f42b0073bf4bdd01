//! The calendar feed of a practitioner.

use domain::role::Role;
use jiff::ToSpan;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::server::{Answer, Client, Server, send};
use system_tests::staff::{Member, PASSWORD, accept, within_a_second};

use super::{Desk, monday, with_header};

impl Desk {
    fn feed(&self) -> String {
        format!("/practitioners/{}/calendar-feed", self.doctor.id())
    }

    /// Where the feed is read, made anew.
    async fn new_feed(&self) -> String {
        let made = self.secretary().post(&self.feed(), &json!({})).await.expect(201);
        assert_eq!(made.header("cache-control"), Some("no-store"));
        made.body["path"].as_str().unwrap().strip_prefix("/api/v1").unwrap().to_owned()
    }
}

/// What a calendar program reads there.
async fn read(path: &str) -> Answer {
    send(Client::anonymous(Server::shared()).request(Method::GET, path)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_shows_when_and_where_and_nothing_of_whom_or_what() {
    let desk = Desk::open().await;
    let room = desk.secretary().post("/facilities/current/rooms", &json!({"name": "Salle, bleue"})).await.expect(201);
    let patient = desk.practice.register("Quéffelec", "Zoé").await;
    let body = json!({
        "patientId": patient["id"],
        "practitionerId": desk.doctor.id(),
        "roomId": room.body["id"],
        "date": monday().to_string(),
        "startTime": "09:00",
        "duration": 30,
        "additionalSlots": [{"start": "10:00", "end": "10:30"}],
        "type": "surgery",
        "title": "Ablation",
        "reason": "Naevus suspect",
        "notes": "Anxieuse",
    });
    let booked = desk.secretary().post("/appointments", &body).await.expect(201).body;
    let cancelled = desk.book("Ana", monday() + 1.day(), 11, 0).await;
    let path = desk.new_feed().await;
    let feed = read(&path).await.expect(200);
    assert_eq!(feed.header("content-type"), Some("text/calendar; charset=utf-8"));
    assert_eq!(feed.header("cache-control"), Some("private, max-age=300"));
    let text = feed.text.replace("\r\n ", "");
    assert!(text.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n") && text.ends_with("END:VCALENDAR\r\n"), "{text}");
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 3);
    let start: jiff::Timestamp = booked["start"].as_str().unwrap().parse().unwrap();
    assert!(text.contains(&format!("DTSTART:{}\r\n", start.strftime("%Y%m%dT%H%M%SZ"))), "{text}");
    assert!(text.contains(&format!("UID:{}\r\n", booked["id"].as_str().unwrap())), "{text}");
    assert!(text.contains("LOCATION:Salle\\, bleue\r\n") && text.contains("SUMMARY:Rendez-vous\r\n"), "{text}");
    for secret in ["Qu", "Zo", "Ablation", "Naevus", "Anxieuse", "surgery", patient["id"].as_str().unwrap()] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }

    // The same appointments are the same calendar; one that is called off is gone.
    let again = Client::anonymous(Server::shared());
    let known = |tag: &str| send(with_header(&again, Method::GET, &path, "If-None-Match", tag));
    known(feed.header("etag").unwrap()).await.expect(304);
    desk.secretary().delete(&format!("/appointments/{}", cancelled.0)).await.expect(200);
    let later = known(feed.header("etag").unwrap()).await.expect(200);
    assert_eq!(later.text.matches("BEGIN:VEVENT").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_a_feed_is_told_once_and_void_when_it_is_replaced_or_revoked() {
    let desk = Desk::open().await;
    desk.secretary().get(&desk.feed()).await.expect_problem(404, "resource_not_found");
    let first = desk.new_feed().await;
    read(&first).await.expect(200);
    let told = desk.secretary().get(&desk.feed()).await.expect(200).body;
    assert_eq!((told.get("path"), &told["practitionerId"]), (None, &json!(desk.doctor.id())));
    let second = desk.new_feed().await;
    assert_ne!(first, second);
    read(&first).await.expect_problem(404, "resource_not_found");
    read(&second).await.expect(200);
    desk.secretary().delete(&desk.feed()).await.expect(204);
    read(&second).await.expect_problem(404, "resource_not_found");
    desk.secretary().delete(&desk.feed()).await.expect_problem(404, "resource_not_found");
    read("/calendars/x").await.expect_problem(400, "invalid_parameter");
    let secret = second.rsplit('/').next().unwrap();
    assert!(!Server::shared().log().contains(secret), "the server's log holds the secret of a feed");
}

#[tokio::test(flavor = "multi_thread")]
async fn practitioners_make_their_own_feed_and_whoever_keeps_calendars_makes_anybodys() {
    let (desk, elsewhere) = (Desk::open().await, Desk::open().await);
    let admin = desk.practice.client(Role::Admin);
    let nurse = Member::hire(admin, Role::Nurse, "Petit").await;
    let session = nurse.log_in().await;
    let own = format!("/practitioners/{}/calendar-feed", nurse.id());
    let made = session.post(&own, &json!({})).await.expect(201).body;
    let path = made["path"].as_str().unwrap().strip_prefix("/api/v1").unwrap();
    read(path).await.expect(200);
    session.post(&desk.feed(), &json!({})).await.expect_problem(403, "permission_denied");
    session.get(&desk.feed()).await.expect_problem(403, "permission_denied");
    desk.secretary().post(&elsewhere.feed(), &json!({})).await.expect_problem(404, "resource_not_found");
    // Whoever may not come in any more is no longer read of.
    admin.post(&format!("{}/suspend", nurse.path()), &json!({"reason": "Essai"})).await.expect(200);
    read(path).await.expect_problem(404, "resource_not_found");
}

/// Where a feed that was just made is read.
fn path_of(made: &Answer) -> String {
    made.body["path"].as_str().unwrap().strip_prefix("/api/v1").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_ends_with_what_happens_to_whoever_made_it_unless_somebody_takes_it_over() {
    let desk = Desk::open().await;
    let admin = desk.practice.client(Role::Admin);
    let colleague = Member::hire(admin, Role::Secretary, "Petit").await;
    let reason = json!({"reason": "Essai"});
    let suspend = async |member: &Member| {
        admin.post(&format!("{}/suspend", member.path()), &reason).await.expect(200);
        admin.post(&format!("{}/reinstate", member.path()), &reason).await.expect(200);
    };
    let change_role = async |member: &Member| {
        let role = json!({"role": "nurse", "reason": "Essai"});
        admin.post(&format!("{}/role", member.path()), &role).await.expect(200);
        let role = json!({"role": "secretary", "reason": "Essai"});
        admin.post(&format!("{}/role", member.path()), &role).await.expect(200);
    };
    let reset = async |member: &Member| {
        let link = admin.post(&format!("{}/password-reset", member.path()), &Value::Null).await.expect(200).body;
        accept(&admin.signed_out(), &link, PASSWORD).await.expect(204);
    };

    for what in ["suspension", "another role", "a reset"] {
        let session = colleague.log_in().await;
        // What ended the sessions before may still be on its way.
        within_a_second(&session, "/auth/me", |me| me.status == 200).await;
        let path = path_of(&session.post(&desk.feed(), &json!({})).await.expect(201));
        read(&path).await.expect(200);
        match what {
            "suspension" => suspend(&colleague).await,
            "another role" => change_role(&colleague).await,
            _ => reset(&colleague).await,
        }
        let ended = read(&path).await;
        assert_eq!(ended.status, 404, "after {what}: {}", ended.text);
        assert!(desk.secretary().get(&desk.feed()).await.expect(200).body["endedAt"].is_string(), "after {what}");
    }

    // Taken over before or after, it goes on at the same address, and is no longer the colleague's.
    let take_over = format!("{}/take-over", desk.feed());
    let path = path_of(&colleague.log_in().await.post(&desk.feed(), &json!({})).await.expect(201));
    suspend(&colleague).await;
    read(&path).await.expect_problem(404, "resource_not_found");
    let taken = desk.secretary().post(&take_over, &json!({})).await.expect(200).body;
    assert_eq!((taken.get("path"), taken.get("endedAt")), (None, None));
    read(&path).await.expect(200);
    change_role(&colleague).await;
    read(&path).await.expect(200);
    let stranger = Member::hire(admin, Role::Nurse, "Roux").await.log_in().await;
    stranger.post(&take_over, &json!({})).await.expect_problem(403, "permission_denied");
    desk.secretary().delete(&desk.feed()).await.expect(204);
    desk.secretary().post(&take_over, &json!({})).await.expect_problem(404, "resource_not_found");
}
