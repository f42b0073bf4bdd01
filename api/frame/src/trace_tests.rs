//! What operations show, from the outside: nothing leaves untraced, and nothing untold.

use std::sync::Arc;
use std::time::Duration;

use accounts::member::Member;
use accounts::tokens::AccessTokens;
use domain::ids::{FacilityId, PatientId, StreamVersion, UserId};
use domain::role::{Area, Role};
use event_store_schema::{AccessTrail, Database};
use jiff::SignedDuration;
use poem::test::{TestClient, TestResponse};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use serde_json::{Value, json};
use uuid::Uuid;

use super::answers::Read;
use super::auth::Caller;
use super::mounting::Frame;
use super::permissions::{Permission, PermissionTable};
use super::problem::{Problem, ProblemCode};
use super::received::{Looking, Reading};
use super::server::{App, FrameSettings};
use super::shown::{Showing, Shown, Traced};

#[derive(Object)]
struct Answer {
    text: String,
}

fn answer() -> Answer {
    Answer { text: "Dupont".to_owned() }
}

struct RecordsApi;

const PATIENT: PatientId = PatientId(Uuid::from_u128(7));

const PERMISSIONS: PermissionTable = &[
    ("forgotten", Permission::Read(Area::Patients)),
    ("forgottenChange", Permission::Write(Area::Patients)),
    ("nothing", Permission::Read(Area::Patients)),
    ("untraced", Permission::Read(Area::Availability)),
    ("told", Permission::Read(Area::Patients)),
    ("known", Permission::Read(Area::Patients)),
    ("restricted", Permission::Read(Area::MedicalRecords)),
    ("refusal", Permission::Write(Area::Patients)),
];

#[OpenApi(prefix_path = "/api/v1")]
impl RecordsApi {
    #[oai(path = "/forgotten", method = "get", operation_id = "forgotten")]
    async fn forgotten(&self, _caller: Caller) -> Result<Json<Answer>, Problem> {
        Ok(Json(answer()))
    }

    #[oai(path = "/forgotten", method = "post", operation_id = "forgottenChange")]
    async fn forgotten_change(&self, _caller: Caller) -> Result<Json<Answer>, Problem> {
        Ok(Json(answer()))
    }

    #[oai(path = "/nothing", method = "get", operation_id = "nothing")]
    async fn nothing(&self, _caller: Caller) -> Result<Traced<Json<Answer>>, Problem> {
        Ok(Json(answer()).showing(Shown::nothing()))
    }

    #[oai(path = "/untraced", method = "get", operation_id = "untraced")]
    async fn untraced(&self, _caller: Caller) -> Result<Json<Answer>, Problem> {
        Ok(Json(answer()))
    }

    #[oai(path = "/told", method = "get", operation_id = "told")]
    async fn told(&self, _asked: Looking) -> Result<Traced<Json<Answer>>, Problem> {
        Ok(Json(answer()).showing(Shown::patient(PATIENT)))
    }

    #[oai(path = "/known", method = "get", operation_id = "known")]
    async fn known(&self, asked: Reading) -> Result<Traced<Read<Answer>>, Problem> {
        let answer = Read::of(&asked, StreamVersion::from(3), || Ok(answer()))?;
        Ok(answer.showing(Shown::patient(PATIENT)))
    }

    #[oai(path = "/restricted", method = "get", operation_id = "restricted")]
    async fn restricted(&self, _asked: Looking) -> Result<Traced<Json<Answer>>, Problem> {
        Ok(Json(answer()).showing(Shown::of("medical_record", None, Some(PATIENT)).restricted(true)))
    }

    #[oai(path = "/refusal", method = "post", operation_id = "refusal")]
    async fn refusal(&self, _caller: Caller) -> Result<Json<Answer>, Problem> {
        Err(Problem::new(ProblemCode::LikelyDuplicate).showing(Shown::search([PATIENT])))
    }
}

/// The trail's database is nowhere, so whatever is to be traced cannot be.
struct Server {
    client: TestClient<App>,
    token: String,
}

impl Server {
    fn start() -> Self {
        let tokens = AccessTokens::new(&[7; 32], SignedDuration::from_mins(15)).unwrap();
        let member = Member {
            user_id: UserId(Uuid::from_u128(1)),
            facility_id: FacilityId(Uuid::from_u128(2)),
            role: Role::Doctor,
            session_id: Uuid::from_u128(3),
        };
        let token = format!("Bearer {}", tokens.issue(&member).unwrap());
        let nowhere = Database::connect("postgres://nobody@127.0.0.1:1/none", 1).unwrap();
        let trail = Some(AccessTrail::open(nowhere, Duration::from_millis(200)));
        let mut frame = Frame::default();
        frame.mount(RecordsApi, PERMISSIONS);
        let app = frame.app(&Arc::new(tokens), FrameSettings { trail, ..FrameSettings::default() }).unwrap();
        Self { client: TestClient::new(app), token }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> TestResponse {
        let request = self.client.get(format!("/api/v1/{path}")).header("authorization", &self.token);
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await
    }
}

/// Status, code and fields of a problem that shows nothing of the answer.
async fn refused(response: TestResponse) -> (u16, String, Vec<String>) {
    let status = response.0.status().as_u16();
    let text = response.0.into_body().into_string().await.unwrap();
    assert!(!text.contains("Dupont"), "{text}");
    let problem: Value = serde_json::from_str(&text).unwrap();
    let violations = problem["violations"].as_array().into_iter().flatten();
    let fields = violations.map(|violation| violation["field"].as_str().unwrap().to_owned()).collect();
    (status, problem["code"].as_str().unwrap().to_owned(), fields)
}

#[tokio::test]
async fn an_answer_about_patients_that_does_not_say_what_it_shows_is_not_sent() {
    let server = Server::start();
    assert_eq!(refused(server.get("forgotten", &[]).await).await, (500, "internal_error".to_owned(), vec![]));
    let change = server.client.post("/api/v1/forgotten").header("authorization", &server.token).send().await;
    assert_eq!(refused(change).await, (500, "internal_error".to_owned(), vec![]));
    for path in ["nothing", "untraced"] {
        server.get(path, &[]).await.assert_json(json!({"text": "Dupont"})).await;
    }
}

#[tokio::test]
async fn what_cannot_be_traced_is_not_shown() {
    let server = Server::start();
    let not_ready = (503, "not_ready".to_owned(), vec![]);
    assert_eq!(refused(server.get("told", &[]).await).await, not_ready);
    // Also if the client has it already: it is shown again.
    assert_eq!(refused(server.get("known", &[("if-none-match", "\"3\"")]).await).await, not_ready);
    let refusal = server.client.post("/api/v1/refusal").header("authorization", &server.token).send().await;
    assert_eq!(refused(refusal).await, not_ready, "a refusal that shows somebody");
}

#[tokio::test]
async fn a_restricted_record_is_shown_for_a_declared_reason_and_purpose() {
    let server = Server::start();
    let required = |fields: &[&str]| {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        (403, "access_reason_required".to_owned(), fields)
    };
    let (purpose, reason) = (("X-Access-Purpose", "ETREAT"), ("X-Access-Reason", "Urgence"));
    for (headers, fields) in
        [(&[][..], &["X-Access-Reason", "X-Access-Purpose"][..]), (&[purpose], &["X-Access-Reason"])]
    {
        assert_eq!(refused(server.get("restricted", headers).await).await, required(fields));
    }
    let declared = server.get("restricted", &[purpose, reason]).await;
    assert_eq!(refused(declared).await, (503, "not_ready".to_owned(), vec![]));
    let malformed = server.get("restricted", &[("X-Access-Purpose", "curiosity"), reason]).await;
    let field = vec!["X-Access-Purpose".to_owned()];
    assert_eq!(refused(malformed).await, (400, "invalid_parameter".to_owned(), field));
}

#[tokio::test]
async fn headers_that_are_declared_together_are_declared_and_checked_one_by_one() {
    let server = Server::start();
    let document = server.client.get("/openapi.json").send().await;
    let document: Value = document.0.into_body().into_json().await.unwrap();
    let parameters = document["paths"]["/api/v1/known"]["get"]["parameters"].as_array().unwrap();
    let names: Vec<_> = parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["If-None-Match", "X-Access-Purpose", "X-Access-Reason"]);
    assert!(parameters.iter().all(|parameter| parameter["in"] == "header" && parameter["required"] == false));
    assert_eq!(parameters[1]["schema"]["enum"][0], "TREAT");
    assert!(document["paths"]["/api/v1/known"]["get"]["security"].is_array());
    assert!(document["paths"]["/api/v1/nothing"]["get"]["parameters"].is_null());
    for (headers, field) in [
        (&[("if-none-match", "3")][..], "If-None-Match"),
        (&[("if-none-match", "\"3\""), ("if-none-match", "\"4\"")], "if-none-match"),
        (&[("x-access-reason", "é")], "x-access-reason"),
    ] {
        let refused = refused(server.get("known", headers).await).await;
        assert_eq!(refused, (400, "invalid_parameter".to_owned(), vec![field.to_owned()]), "{headers:?}");
    }
}
