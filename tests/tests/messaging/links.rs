//! Links by which patients answer: opened and answered as a telephone would, on a real server.

use embedded_servers::ScratchDir;
use event_store_schema::EventLog;
use jiff::Timestamp;
use policies::patient_links::{LinkKind, PatientLink, PatientLinks};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use system_tests::agenda::{Agenda, path, revision, today};
use system_tests::practice::Underneath;
use system_tests::server::Server;
use uuid::Uuid;

/// A practice, and the links that its server makes.
struct House {
    agenda: Agenda,
    links: PatientLinks,
    log: EventLog,
    url: String,
}

/// A page as it came.
struct Opened {
    status: u16,
    html: String,
    response: Vec<(String, String)>,
}

impl Opened {
    async fn read(response: Response) -> Self {
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        Self { status: response.status().as_u16(), response: headers.collect(), html: response.text().await.unwrap() }
    }

    fn header(&self, name: &str) -> &str {
        let found = self.response.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    #[track_caller]
    fn expect(self, status: u16, heading: &str) -> Self {
        assert_eq!(self.status, status, "{}", self.html);
        assert!(self.html.contains(&format!("<h1>{heading}</h1>")), "{}", self.html);
        self
    }

    fn choices(&self) -> Vec<&str> {
        self.html.split("name=\"answer\" value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }
}

impl House {
    async fn new() -> Self {
        Self::in_server(Server::shared()).await
    }

    async fn in_server(server: &Server) -> Self {
        let log = Underneath::of(server).open_log().await;
        let origin = Some("https://rdv.cabinet.example");
        let links = PatientLinks::open(log.keys(), origin).await.unwrap();
        Self { agenda: Agenda::in_server(server).await, links, log, url: server.report.url.clone() }
    }

    fn token(&self, id: &Value, starts: &Value) -> String {
        let (id, moment) = (id.as_str().unwrap().parse().unwrap(), starts.as_str().unwrap().parse().unwrap());
        self.token_of(PatientLink { kind: LinkKind::Appointment, id, moment })
    }

    fn token_of(&self, link: PatientLink) -> String {
        let address = self.links.address(link).unwrap();
        address.strip_prefix("https://rdv.cabinet.example/rdv/").unwrap().to_owned()
    }

    /// An appointment in a week, and the token of its link.
    async fn booked(&self) -> (Value, String) {
        let appointment = self.agenda.book(&self.agenda.visit("09:30", "10:00")).await;
        let token = self.token(&appointment["id"], &appointment["start"]);
        (appointment, token)
    }

    async fn open(&self, token: &str) -> Opened {
        Opened::read(client().get(self.page(token)).send().await.unwrap()).await
    }

    async fn answer(&self, token: &str, answer: &str) -> Opened {
        Opened::read(self.form(token, answer).send().await.unwrap()).await
    }

    fn form(&self, token: &str, answer: &str) -> RequestBuilder {
        let form = client().post(self.page(token)).header("content-type", "application/x-www-form-urlencoded");
        form.body(format!("answer={answer}"))
    }

    fn page(&self, token: &str) -> String {
        format!("{}/rdv/{token}", self.url)
    }

    async fn status(&self, appointment: &Value) -> Value {
        self.agenda.secretary().get(&path(appointment)).await.expect(200).body["status"].clone()
    }
}

fn client() -> Client {
    Client::builder().no_proxy().redirect(Policy::none()).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_confirms_and_then_cancels_without_an_account() {
    let house = House::new().await;
    let (appointment, token) = house.booked().await;

    let page = house.open(&token).await.expect(200, "Votre rendez-vous");
    assert_eq!(page.choices(), ["confirm", "cancel"]);
    assert!(page.html.contains("à 9 h 30") && page.html.contains("<html lang=\"fr\">"), "{}", page.html);
    for secret in ["Goff", "Zoé", "Kerjean", "Suivi", "Toux", "fille", "consultation"] {
        assert!(!page.html.contains(secret), "{secret}");
    }
    assert!(!page.html.contains("<script"));
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("x-robots-tag"), "noindex, nofollow");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(house.status(&appointment).await, "scheduled", "looking changes nothing");

    let answered = house.answer(&token, "confirm").await;
    assert_eq!((answered.status, answered.header("location")), (303, format!("/rdv/{token}").as_str()));
    let page = house.open(&token).await.expect(200, "Votre rendez-vous est confirmé");
    assert_eq!(page.choices(), ["cancel"]);
    assert_eq!(house.answer(&token, "confirm").await.status, 303, "said twice");

    assert_eq!(house.answer(&token, "cancel").await.status, 303);
    let page = house.open(&token).await.expect(200, "Ce rendez-vous est annulé");
    assert_eq!(page.choices(), [""; 0]);
    assert_eq!(house.answer(&token, "confirm").await.status, 303, "too late, as the page says");
    assert_eq!(house.status(&appointment).await, "cancelled");

    let stream = domain::ids::StreamId::of("appointment", appointment["id"].as_str().unwrap().parse().unwrap());
    let events = house.log.load(&stream, domain::ids::StreamVersion::ZERO).await.unwrap();
    let types: Vec<_> = events.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(types, ["AppointmentBooked", "AppointmentConfirmed", "AppointmentCancelled"]);
    for event in &events[1..] {
        assert_eq!(event.payload["byPatient"], true, "{}", event.event_type);
        assert!(event.metadata.client_address.is_some() && event.metadata.request_id.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_an_appointment_that_was_moved_or_is_over_does_nothing() {
    let house = House::new().await;
    let (appointment, token) = house.booked().await;
    let later = [("startTime", json!("11:00")), ("endTime", json!("11:30"))];
    let revised = revision(&house.agenda.visit("09:30", "10:00"), &later);
    let moved = house.agenda.revise(&appointment, &revised).await.expect(200).body;
    house.answer(&token, "cancel").await;
    assert_eq!(house.status(&appointment).await, "scheduled");
    let page = house.open(&token).await.expect(410, "Ce rendez-vous a été déplacé");
    assert!(page.choices().is_empty() && !page.html.contains("11 h"), "{}", page.html);
    let token = house.token(&moved["id"], &moved["start"]);
    house.open(&token).await.expect(200, "Votre rendez-vous");

    let mut visit = house.agenda.visit("09:00", "09:30");
    visit["date"] = json!(today().yesterday().unwrap());
    visit["overrideAvailability"] = json!(true);
    visit["justification"] = json!("Saisie après la visite");
    let past = house.agenda.book(&visit).await;
    let token = house.token(&past["id"], &past["start"]);
    house.answer(&token, "cancel").await;
    assert!(house.open(&token).await.expect(410, "Ce lien ne sert plus").choices().is_empty());
    assert_eq!(house.status(&past).await, "scheduled");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_that_is_none_gets_the_same_page() {
    let house = House::new().await;
    let (appointment, token) = house.booked().await;
    let (id, moment) = (appointment["id"].as_str().unwrap().parse().unwrap(), appointment["start"].as_str().unwrap());
    let moment: Timestamp = moment.parse().unwrap();
    let nothing = house.token_of(PatientLink { kind: LinkKind::Appointment, id: Uuid::now_v7(), moment });
    let nobody_answers = house.token_of(PatientLink { kind: LinkKind::Offer, id: Uuid::now_v7(), moment });
    let mut forged = token.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'Q' } else { 'A' });
    let another_house = system_tests::house::House::new().await.open_log().await;
    let origin = Some("https://a.example");
    let stranger = PatientLinks::open(another_house.keys(), origin).await.unwrap();
    let stranger = stranger.address(PatientLink { kind: LinkKind::Appointment, id, moment }).unwrap();
    let stranger = stranger.rsplit('/').next().unwrap().to_owned();
    let expected = house.open("x").await.expect(404, "Ce lien n’est pas valable").html;
    for token in [&nothing, &nobody_answers, &forged, &stranger, &format!("{token}A"), "%C3%A9", "%ff"] {
        assert_eq!(house.open(token).await.expect(404, "Ce lien n’est pas valable").html, expected, "{token}");
    }
    assert_eq!(house.answer(&forged, "cancel").await.expect(404, "Ce lien n’est pas valable").html, expected);
    let page = house.answer(&token, "delete").await.expect(400, "Cette réponse n’a pas été comprise");
    assert!(page.choices().is_empty());
    house.answer(&token, &"x".repeat(1000)).await.expect(400, "Cette réponse n’a pas été comprise");
    assert_eq!(house.status(&appointment).await, "scheduled");
}

/// With web pages of others allowed, every line logged, and few tries a minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_in_no_log_and_no_metric_and_cannot_be_guessed_at_will() {
    let folder = ScratchDir::new("links").unwrap();
    let arguments = ["--allowed-origins", "https://app.example", "--log-level", "debug", "--rate-limit-auth", "20"];
    let server = Server::start(&folder.path().join("data"), &arguments);
    let house = House::in_server(&server).await;
    let (appointment, token) = house.booked().await;
    // As a browser sends the form of a page that names itself to nobody.
    let answered = house.form(&token, "confirm").header("origin", "null").send().await.unwrap();
    assert_eq!(answered.status().as_u16(), 303);
    house.open(&token).await.expect(200, "Votre rendez-vous est confirmé");
    assert_eq!(house.status(&appointment).await, "confirmed");

    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(house.open(&token).await.status);
    }
    assert_eq!((statuses.first(), statuses.last()), (Some(&200), Some(&429)));

    let metrics = client().get(&server.report.metrics_url).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("route=\"/rdv/{token}\""), "{metrics}");
    let log = server.log();
    assert!(log.contains("/rdv/{token}"));
    for told in [&metrics, &log] {
        assert!(!told.contains(&token));
    }
}
