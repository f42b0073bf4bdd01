//! The frame from the outside: a small API behind it, and what every operation gets from it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use domain::ids::{FacilityId, StreamVersion, UserId};
use domain::role::{Area, Role};
use domain::values::EmailAddress;
use jiff::SignedDuration;
use poem::http::{Method, StatusCode};
use poem::test::{TestClient, TestResponse};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Json, Response};
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::auth::Caller;
use super::conditional::{IfMatch, etag};
use super::limits::Limits;
use super::mounting::Frame;
use super::origins::Origins;
use super::pagination::{Cursor, PageLimit, PageNumber, PageRequest};
use super::parameter::StrictUuid;
use super::permissions::{Permission, PermissionTable};
use super::problem::{PROBLEM_JSON, Problem};
use super::rate::RateSettings;
use super::received::{Creating, Revising};
use super::security_headers::SecurityHeaders;
use super::server::{App, FrameSettings, PlainRoute};
use super::shown::{Showing, Shown, Traced};
use super::strict_json::{BodyLimits, StrictJson};
use super::unparsed::Unparsed;
use accounts::member::Member;
use accounts::tokens::AccessTokens;

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    author: Unparsed<EmailAddress>,
    tags: Option<Vec<String>>,
    nested: Option<Box<Inner>>,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    count: u32,
}

#[derive(Object)]
struct Answer {
    text: String,
}

struct NotesApi;

const PERMISSIONS: PermissionTable = &[
    ("listNotes", Permission::SignedIn),
    ("addNote", Permission::Write(Area::Patients)),
    ("changeNote", Permission::Write(Area::Availability)),
    ("exportNotes", Permission::Write(Area::Exports)),
    ("waitForNote", Permission::Public),
    ("panic", Permission::Public),
];

#[OpenApi(prefix_path = "/api/v1/notes")]
impl NotesApi {
    #[oai(path = "/", method = "get", operation_id = "listNotes")]
    async fn list(
        &self,
        _caller: Caller,
        page: Query<Option<PageNumber>>,
        limit: Query<Option<PageLimit>>,
        cursor: Query<Option<Cursor>>,
    ) -> Result<Json<Answer>, Problem> {
        let request = PageRequest::new(page.0, limit.0, cursor.0)?;
        Ok(Json(Answer { text: "x".repeat(request.limit.0 as usize * 30) }))
    }

    #[oai(path = "/", method = "post", operation_id = "addNote")]
    async fn add(&self, _asked: Creating, StrictJson(note): StrictJson<Note>) -> Result<Traced<Json<Answer>>, Problem> {
        let mut violations = Vec::new();
        let Some(_author) = note.author.parse("author", &mut violations) else {
            return Err(Problem::validation_failed(violations));
        };
        let tags = note.tags.unwrap_or_default().len() + note.nested.map_or(0, |inner| inner.count as usize);
        Ok(Json(Answer { text: tags.to_string() }).showing(Shown::nothing()))
    }

    #[oai(path = "/:id", method = "put", operation_id = "changeNote")]
    async fn change(&self, id: Path<StrictUuid>, asked: Revising) -> Result<Response<Json<Answer>>, Problem> {
        let version = StreamVersion::from(3);
        asked.conditional()?;
        asked.given.get::<IfMatch>().map_or(Ok(()), |condition| condition.check(version))?;
        Ok(Response::new(Json(Answer { text: id.0.0.to_string() })).header("ETag", etag(version)))
    }

    #[oai(path = "/export", method = "post", operation_id = "exportNotes")]
    async fn export(&self, _caller: Caller, StrictJson(_note): StrictJson<Note>) -> Result<Json<Answer>, Problem> {
        Ok(Json(Answer { text: String::new() }))
    }

    #[oai(path = "/slow", method = "get", operation_id = "waitForNote")]
    async fn slow(&self) -> Result<Json<Answer>, Problem> {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok(Json(Answer { text: String::new() }))
    }

    #[oai(path = "/panic", method = "get", operation_id = "panic")]
    async fn panic(&self) -> Result<Json<Answer>, Problem> {
        panic!("patient Dupont")
    }
}

struct Server {
    client: TestClient<App>,
    token: String,
}

impl Server {
    fn start() -> Self {
        Self::start_with(FrameSettings::default())
    }

    fn start_with(settings: FrameSettings) -> Self {
        let tokens = AccessTokens::new(&[7; 32], SignedDuration::from_mins(15)).unwrap();
        let caller = Member {
            user_id: UserId(Uuid::from_u128(1)),
            facility_id: FacilityId(Uuid::from_u128(2)),
            role: Role::Doctor,
            session_id: Uuid::from_u128(3),
        };
        let token = tokens.issue(&caller).unwrap();
        let plain = PlainRoute::new(Method::GET, "/plain", poem::endpoint::make_sync(|_| "plain"));
        let body = BodyLimits { size: 1000, ..BodyLimits::default() };
        let limits = Limits { body, ..Limits::default() };
        let mut frame = Frame::default();
        frame.mount(NotesApi, PERMISSIONS);
        frame.route(plain);
        let app = frame.app(&Arc::new(tokens), FrameSettings { limits, ..settings }).unwrap();
        Self { client: TestClient::new(app), token: format!("Bearer {token}") }
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> TestResponse {
        let mut request = self.client.request(method, path.to_owned()).body(body.to_owned());
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", &self.token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await
    }

    async fn get(&self, path: &str) -> TestResponse {
        self.send(Method::GET, path, &[], "").await
    }

    async fn post(&self, body: &str) -> TestResponse {
        self.send(Method::POST, "/api/v1/notes", &[("content-type", "application/json")], body).await
    }
}

/// The `code` of a problem answer, and its violations as `field:rule`.
async fn problem(response: TestResponse, status: u16) -> (String, Vec<String>) {
    assert_eq!(response.0.status().as_u16(), status);
    assert_eq!(response.0.content_type(), Some(PROBLEM_JSON));
    assert!(response.0.headers().contains_key("x-request-id"));
    let request_id = response.0.header("x-request-id").map(str::to_owned);
    let body: Value = response.0.into_body().into_json().await.unwrap();
    assert_eq!(body["status"], status);
    assert_eq!(body["requestId"].as_str().map(str::to_owned), request_id);
    let violations = body["violations"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let violations = violations.map(|violation| format!("{}:{}", text(&violation["field"]), text(&violation["rule"])));
    (text(&body["code"]), violations.collect())
}

#[tokio::test]
async fn an_unknown_path_is_a_problem() {
    let server = Server::start();
    for path in ["/", "/api/v1/nothing", "/api/v1/notes/a/b", "/api", "/%00"] {
        assert_eq!(problem(server.get(path).await, 404).await.0, "route_not_found", "{path}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = Server::start();
    for (method, path, allow) in [
        ("DELETE", "/api/v1/notes", "GET, HEAD, POST"),
        ("OPTIONS", "/api/v1/notes", "GET, HEAD, POST"),
        ("TRACE", "/api/v1/notes/7", "PUT"),
        ("HEAD", "/api/v1/notes/7", "PUT"),
        ("PROPFIND", "/api/v1/notes/7", "PUT"),
        ("POST", "/plain", "GET, HEAD"),
        ("PATCH", "/openapi.json", "GET, HEAD"),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let response = server.send(method, path, &[], "").await;
        response.assert_header("allow", allow);
        assert_eq!(problem(response, 405).await.0, "method_not_allowed", "{path}");
    }
}

#[tokio::test]
async fn a_secured_operation_asks_who_calls_before_it_looks_at_anything_else() {
    let server = Server::start();
    for (authorization, code) in [
        ("Basic abc", "authentication_required"),
        ("Bearer ", "authentication_required"),
        ("Bearer v4.public.AAAA", "invalid_token"),
    ] {
        let headers = [("authorization", authorization)];
        let response = server.send(Method::GET, "/api/v1/notes?unknown=1", &headers, "").await;
        response.assert_header_exist("www-authenticate");
        assert_eq!(problem(response, 401).await.0, code);
    }
}

#[tokio::test]
async fn a_body_that_is_not_the_declared_one_is_refused_with_its_path() {
    let server = Server::start();
    for (body, violation) in [
        ("", ":required"),
        ("{", ":syntax"),
        ("[]", ":type"),
        ("{}", "author:required"),
        (r#"{"author":true}"#, "author:type"),
        (r#"{"author":12}"#, "author:type"),
        (r#"{"author":null}"#, "author:null"),
        (r#"{"author":"a@b.fr","tags":["x",7]}"#, "tags[1]:type"),
        (r#"{"author":"a@b.fr","nested":{"count":-1}}"#, "nested.count:type"),
        (r#"{"author":"a@b.fr","nested":{"count":1,"more":2}}"#, "nested.more:unknown_field"),
    ] {
        let refusal = problem(server.post(body).await, 400).await;
        assert_eq!(refusal, ("malformed_request".to_owned(), vec![violation.to_owned()]), "{body}");
    }
    let refusal = problem(server.post(r#"{"author":"nobody"}"#).await, 422).await;
    assert_eq!(refusal.0, "validation_failed");
    server.post(r#"{"author":"zoe@exemple.fr","tags":["x"]}"#).await.assert_json(json!({"text": "1"})).await;
}

#[tokio::test]
async fn only_json_within_the_limit_is_read() {
    let server = Server::start();
    for headers in [&[][..], &[("content-type", "text/plain")], &[("content-type", "application/json; charset=latin1")]]
    {
        let response = server.send(Method::POST, "/api/v1/notes", headers, "{}").await;
        assert_eq!(problem(response, 415).await.0, "unsupported_media_type");
    }
    let packed = [("content-type", "application/json"), ("content-encoding", "gzip")];
    assert_eq!(
        problem(server.send(Method::POST, "/api/v1/notes", &packed, "{}").await, 415).await.0,
        "unsupported_media_type"
    );

    let large = " ".repeat(1001);
    assert_eq!(problem(server.post(&large).await, 413).await.0, "body_too_large");
    let announced = [("content-type", "application/json"), ("content-length", "1001")];
    let response = server.send(Method::POST, "/api/v1/notes", &announced, &large).await;
    assert_eq!(problem(response, 413).await.0, "body_too_large");
}

#[tokio::test]
async fn parameters_are_the_declared_ones_once_each() {
    let server = Server::start();
    for (query, violation) in [
        ("?offset=1", "offset:unknown_parameter"),
        ("?page=1&page=2", "page:once"),
        ("?page=0", "page:format"),
        ("?page=", "page:format"),
        ("?page=%2B5", "page:format"),
        ("?page=%GG", "page:encoding"),
        ("?limit=201", "limit:format"),
        ("?cursor=%7B", "cursor:format"),
        ("?page=1&cursor=AA", "cursor:exclusive"),
    ] {
        let refusal = problem(server.get(&format!("/api/v1/notes{query}")).await, 400).await;
        assert_eq!(refusal, ("invalid_parameter".to_owned(), vec![violation.to_owned()]), "{query}");
    }
    let id = Uuid::from_u128(7);
    for (path, headers, violation) in [
        ("nobody".to_owned(), vec![], "id:format"),
        (id.simple().to_string(), vec![], "id:format"),
        (id.to_string(), vec![("if-match", "3")], "If-Match:format"),
        (id.to_string(), vec![("if-match", "\"3\""), ("if-match", "\"4\"")], "if-match:once"),
        (id.to_string(), vec![("if-match", "\"é\"")], "if-match:encoding"),
    ] {
        let response = server.send(Method::PUT, &format!("/api/v1/notes/{path}"), &headers, "").await;
        assert_eq!(problem(response, 400).await.1, [violation], "{path} {headers:?}");
    }
}

#[tokio::test]
async fn a_change_is_made_to_the_version_it_was_made_for() {
    let server = Server::start();
    let path = format!("/api/v1/notes/{}", Uuid::from_u128(7));
    assert_eq!(problem(server.send(Method::PUT, &path, &[], "").await, 428).await.0, "precondition_required");
    let stale = server.send(Method::PUT, &path, &[("if-match", "\"2\"")], "").await;
    assert_eq!(problem(stale, 412).await.0, "stale_version");
    let response = server.send(Method::PUT, &path, &[("if-match", "\"3\"")], "").await;
    response.assert_status_is_ok();
    response.assert_header("etag", "\"3\"");
}

#[tokio::test]
async fn every_answer_has_the_frames_headers() {
    let server = Server::start();
    for path in ["/api/v1/notes", "/api/v1/nothing"] {
        let response = server.send(Method::GET, path, &[("x-request-id", "web-7")], "").await;
        response.assert_header("x-request-id", "web-7");
        response.assert_header("cache-control", "no-store");
        response.assert_header("x-content-type-options", "nosniff");
    }
}

#[tokio::test]
async fn large_answers_are_compressed_and_small_ones_are_not() {
    let server = Server::start();
    let gzip = [("accept-encoding", "gzip")];
    let large = server.send(Method::GET, "/api/v1/notes", &gzip, "").await;
    large.assert_header("content-encoding", "gzip");
    let small = server.send(Method::GET, "/api/v1/notes?limit=1", &gzip, "").await;
    small.assert_header_is_not_exist("content-encoding");
    small.assert_header("vary", "accept-encoding");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_a_problem() {
    let response = Server::start().get("/api/v1/notes/slow").await;
    response.assert_header_exist("retry-after");
    assert_eq!(problem(response, 503).await.0, "timed_out");
}

#[tokio::test]
async fn a_panic_is_a_problem_without_its_message() {
    let response = Server::start().get("/api/v1/notes/panic").await;
    response.assert_status(StatusCode::INTERNAL_SERVER_ERROR);
    let body = response.0.into_body().into_string().await.unwrap();
    assert!(body.contains("internal_error") && !body.contains("Dupont"), "{body}");
}

#[tokio::test]
async fn the_document_says_what_the_frame_does() {
    let server = Server::start();
    let document: Value = server.get("/openapi.json").await.0.into_body().into_json().await.unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["components"]["schemas"]["Note"]["additionalProperties"], false);
    assert_eq!(document["components"]["schemas"]["Inner"]["additionalProperties"], false);
    assert_eq!(document["components"]["schemas"]["Inner"]["properties"]["count"]["minimum"], 0);
    assert!(document["components"]["schemas"]["Answer"].get("additionalProperties").is_none());
    assert!(!document.to_string().contains("nullable"));

    let statuses = |method: &str, path: &str| -> Vec<String> {
        document["paths"][path][method]["responses"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(statuses("get", "/api/v1/notes"), ["200", "400", "401", "403", "429", "500", "503"]);
    let put = ["200", "400", "401", "403", "404", "409", "412", "422", "428", "429", "500", "503"];
    assert_eq!(statuses("put", "/api/v1/notes/{id}"), put);
    let problem = &document["paths"]["/api/v1/notes"]["get"]["responses"]["400"]["content"];
    assert_eq!(problem[PROBLEM_JSON]["schema"]["$ref"], "#/components/schemas/Problem");
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_its_explanation() {
    let server = Server::start();
    let body: Value = server.get("/nothing").await.0.into_body().into_json().await.unwrap();
    let (path, anchor) = body["type"].as_str().unwrap().split_once('#').unwrap();
    let page = server.get(path).await.0.into_body().into_string().await.unwrap();
    assert!(page.contains(&format!("id=\"{anchor}\"")));
}

#[tokio::test]
async fn the_documentation_page_loads_nothing_from_elsewhere() {
    let response = Server::start().get("/docs").await;
    let policy = response.0.header("content-security-policy").unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let page = response.0.into_body().into_string().await.unwrap();
    assert!(page.contains("/api/v1/notes") && !page.contains("src=\"http"));
}

#[tokio::test]
async fn whoever_may_not_is_refused_before_their_request_is_looked_at_and_the_document_says_who_may() {
    let server = Server::start();
    let refused = server.send(Method::POST, "/api/v1/notes/export?x=1", &[], "{").await;
    assert_eq!(problem(refused, 403).await.0, "permission_denied", "a doctor exports nothing");
    let response = server.get("/openapi.json").await;
    let document: Value = response.0.into_body().into_json().await.unwrap();
    let add = &document["paths"]["/api/v1/notes"]["post"];
    assert_eq!(add["x-permission"], json!({"area": "patients", "access": "write"}));
    assert_eq!(add["description"], "Needs write access to `patients`.");
    assert_eq!(document["paths"]["/api/v1/notes"]["get"]["x-permission"], "signed_in");
}

#[tokio::test]
async fn every_answer_tells_the_browser_what_it_may_not_do() {
    let server = Server::start();
    for path in ["/api/v1/notes", "/nothing", "/docs", "/openapi.json"] {
        let response = server.get(path).await;
        response.assert_header("x-content-type-options", "nosniff");
        response.assert_header("referrer-policy", "no-referrer");
        response.assert_header_is_not_exist("strict-transport-security");
        let policy = response.0.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    }
    let headers = SecurityHeaders { strict_transport: true };
    let by_tls = Server::start_with(FrameSettings { headers, ..FrameSettings::default() });
    by_tls.get("/api/v1/notes").await.assert_header_exist("strict-transport-security");
}

#[tokio::test]
async fn whoever_asks_too_often_is_told_when_to_come_back() {
    let rates = RateSettings { user: NonZeroU32::new(2), ..RateSettings::default() };
    let server = Server::start_with(FrameSettings { rates, ..FrameSettings::default() });
    let first = server.get("/api/v1/notes").await;
    first.assert_header("ratelimit-policy", "\"user\";q=2;w=60");
    first.assert_header("ratelimit", "\"user\";r=1;t=30");
    server.get("/api/v1/notes").await.assert_status_is_ok();
    let refused = server.get("/api/v1/notes").await;
    refused.assert_header("retry-after", "30");
    refused.assert_header("ratelimit", "\"user\";r=0;t=30");
    assert_eq!(problem(refused, 429).await.0, "rate_limited");
    // Who is not known yet is counted by address alone.
    assert_eq!(problem(server.get("/nothing").await, 404).await.0, "route_not_found");
}

#[tokio::test]
async fn only_pages_of_allowed_origins_get_the_headers_of_cors() {
    let origins = Origins::new(["https://app.example".parse().unwrap()]);
    let server = Server::start_with(FrameSettings { origins, ..FrameSettings::default() });
    let preflight = [
        ("origin", "https://app.example"),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "authorization, if-match"),
    ];
    let response = server.send(Method::OPTIONS, "/api/v1/notes/7", &preflight, "").await;
    response.assert_status_is_ok();
    response.assert_header("access-control-allow-origin", "https://app.example");
    response.assert_header_exist("access-control-allow-headers");

    // Also what is refused can be read by the page.
    let allowed = [("origin", "https://app.example"), ("authorization", "Bearer x")];
    let response = server.send(Method::GET, "/api/v1/notes", &allowed, "").await;
    response.assert_header("access-control-allow-origin", "https://app.example");
    assert_eq!(problem(response, 401).await.0, "invalid_token");

    let own = [("origin", "https://api.example"), ("host", "api.example")];
    let response = server.send(Method::GET, "/api/v1/notes", &own, "").await;
    response.assert_status_is_ok();
    response.assert_header_is_not_exist("access-control-allow-origin");

    let foreign = [("origin", "https://evil.example")];
    let response = server.send(Method::GET, "/api/v1/notes", &foreign, "").await;
    response.assert_header_is_not_exist("access-control-allow-origin");
    assert_eq!(problem(response, 403).await.0, "origin_not_allowed");
    server.get("/api/v1/notes").await.assert_status_is_ok();
}
