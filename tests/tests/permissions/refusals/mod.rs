//! How every operation refuses: whole problem answers, one snapshot a chapter of the document. What any operation refuses
//! is tried of each by itself; what only some refuse is provoked in the file of its chapter.

mod appointments;
mod availability;
mod patients;
mod redacted;
mod session;
mod staff;
mod waiting_list;

use std::collections::{BTreeMap, BTreeSet};

use domain::role::Role;
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde_json::{Value, json};
use system_tests::practice::Practice;
use system_tests::server::{Answer, Client, Server, send};
use uuid::Uuid;

use self::redacted::redacted;
use super::document::{Operation, operations};
use super::isolation::{Belongings, body_of, kind_of_path, places_in_path};
use super::table::{Need, operations_with_needs, rights_of};

/// Refusals that an operation declares and that no snapshot needs: each has a test of its own, of all operations alike.
const OF_ALL_ALIKE: [&str; 6] = ["408", "413", "415", "429", "500", "503"];

/// What was refused: by operation, and by what was wrong.
#[derive(Default, Serialize)]
#[serde(transparent)]
struct Refusals(BTreeMap<String, BTreeMap<String, Value>>);

impl Refusals {
    /// Writes down a refusal.
    #[track_caller]
    fn note(&mut self, operation: &str, wrong: &str, answer: &Answer) {
        assert!(answer.status >= 400, "{operation}, {wrong}: not refused: {}", answer.text);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{operation}, {wrong}");
        let mut refusal = redacted(&answer.body);
        for header in ["Retry-After", "WWW-Authenticate"] {
            if let Some(value) = answer.header(header) {
                refusal[header] = json!(value);
            }
        }
        let before = self.0.entry(operation.to_owned()).or_default().insert(wrong.to_owned(), refusal);
        assert!(before.is_none(), "{operation}, {wrong}: noted twice");
    }

    /// The same for what may be accepted: then there is nothing to write down.
    fn note_if_refused(&mut self, operation: &str, wrong: &str, answer: &Answer) {
        if answer.status >= 400 {
            self.note(operation, wrong, answer);
        }
    }

    /// The statuses that were written down of an operation.
    fn statuses(&self, operation: &str) -> BTreeSet<String> {
        let refusals = self.0.get(operation).into_iter().flat_map(BTreeMap::values);
        refusals.map(|refusal| refusal["status"].to_string()).collect()
    }
}

/// An operation, asked as it wants to be asked but for what is wrong.
struct Trial<'a> {
    operation: &'a Operation,
    client: &'a Client,
    ours: &'a Belongings,
}

impl Trial<'_> {
    /// With identifiers that are ours, or that nobody has.
    fn request(&self, is_ours: bool) -> RequestBuilder {
        let path = self.operation.path_with(|name| match kind_of_path(&self.operation.path, name) {
            Some(kind) if is_ours => self.ours.of_kind(kind)[0].clone(),
            Some(_) => Uuid::now_v7().to_string(),
            None => "doctor".to_owned(),
        });
        self.client.request(self.operation.method.clone(), &path)
    }

    fn with_body(&self, request: RequestBuilder) -> RequestBuilder {
        let has_ids = !places_in_path(self.operation).is_empty();
        if !self.operation.takes_body {
            return request;
        }
        request.json(&if has_ids { body_of(&self.operation.id) } else { json!({}) })
    }

    fn with_header(&self, request: RequestBuilder, name: &str, value: &str) -> RequestBuilder {
        if self.operation.declares("header", name) { request.header(name, value) } else { request }
    }

    /// What any operation refuses.
    async fn note(&self, refusals: &mut Refusals) {
        let id = &self.operation.id;
        if self.operation.takes_token {
            let nobody = self.client.signed_out().request(self.operation.method.clone(), &self.operation.path);
            refusals.note(id, "nobody is signed in", &send(nobody).await);
        }
        let unknown = send(self.request(false).query(&[("telepathy", "on")])).await;
        refusals.note(id, "an unknown parameter", &unknown);
        if self.operation.takes_body {
            let body = json!({"telepathy": "on"});
            refusals.note(id, "another body", &send(self.request(false).json(&body)).await);
            refusals.note_if_refused(id, "an empty body", &send(self.request(false).json(&json!({}))).await);
        }
        let in_path = places_in_path(self.operation);
        if !in_path.is_empty() {
            let malformed = self.operation.path_with(|_| "x".to_owned());
            let malformed = self.client.request(self.operation.method.clone(), &malformed);
            refusals.note(id, "no identifier", &send(self.with_body(malformed)).await);
            let nobodys = self.with_header(self.with_body(self.request(false)), "If-Match", "*");
            refusals.note(id, "an identifier that nobody has", &send(nobodys).await);
        }
        if self.operation.declares("header", "If-Match") {
            let stale = self.with_body(self.request(true)).header("If-Match", "\"99\"");
            refusals.note_if_refused(id, "another version", &send(stale).await);
        }
        if self.operation.requires("header", "If-Match") {
            refusals.note(id, "no version", &send(self.with_body(self.request(true))).await);
        }
    }
}

/// The refusals of a chapter's operations: what any operation refuses, and what `provoke` makes of it.
async fn refusals_of(chapter: &str, provoke: impl AsyncFnOnce(&mut Refusals)) -> (Refusals, Practice) {
    let practice = Practice::new().await;
    let ours = Belongings::of(&practice).await;
    let mut refusals = Refusals::default();
    let mut chapter_operations = Vec::new();
    for (operation, need) in operations_with_needs().await {
        if operation.chapter != chapter {
            continue;
        }
        let allowed = |role: &Role| need.met_by(&rights_of(*role));
        let mut roles = Role::ALL.into_iter();
        let anonymous = Client::anonymous(Server::shared());
        let client = match need {
            Need::Public => &anonymous,
            Need::SignedIn | Need::Read(_) | Need::Write(_) => {
                practice.client(roles.clone().find(allowed).expect("somebody may"))
            }
        };
        Trial { operation: &operation, client, ours: &ours }.note(&mut refusals).await;
        if let Some(role) = roles.find(|role| !allowed(role)) {
            let refused = practice.client(role).request(operation.method.clone(), &operation.path_with(|_| "x".into()));
            refusals.note(&operation.id, &format!("a {} asks", role.name()), &send(refused).await);
        }
        chapter_operations.push(operation);
    }
    provoke(&mut refusals).await;
    // What is declared and not provoked is seen in the snapshot.
    for operation in &chapter_operations {
        let noted = refusals.statuses(&operation.id);
        let missing: Vec<&String> = operation
            .refusals
            .iter()
            .filter(|status| !noted.contains(*status) && !OF_ALL_ALIKE.contains(&status.as_str()))
            .collect();
        if !missing.is_empty() {
            let entry = refusals.0.entry(operation.id.clone()).or_default();
            entry.insert("declared, and not provoked here".to_owned(), json!(missing));
        }
    }
    (refusals, practice)
}

/// A step: a POST without a body.
async fn step(client: &Client, path: &str) -> Answer {
    send(client.request(Method::POST, path)).await
}

/// A request with a header.
async fn with(client: &Client, method: Method, path: &str, header: (&str, &str), body: &Value) -> Answer {
    send(client.request(method, path).header(header.0, header.1).json(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_and_the_trail_are_refused_like_this() {
    let (mut refusals, _) = refusals_of("Notifications", async |_| {}).await;
    let (trail, practice) = refusals_of("Audit", async |_| {}).await;
    refusals.0.extend(trail.0);
    let auditor = practice.client(Role::Auditor);
    let backwards = auditor.get("/audit/access?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z").await;
    refusals.note_if_refused("listAccesses", "it ends before it begins", &backwards);
    let torn = auditor.get("/audit/access?cursor=torn").await;
    refusals.note("listAccesses", "a cursor that is none", &torn);
    insta::assert_json_snapshot!("notifications_and_audit", refusals);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_has_its_refusals_written_down() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/permissions/refusals/snapshots");
    let mut written = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the snapshots") {
        let path = entry.expect("a snapshot").path();
        if path.extension().is_some_and(|extension| extension == "snap") {
            let text = std::fs::read_to_string(&path).expect("a snapshot");
            let (_, refusals) = text.split_once("\n---\n").expect("a head and a body");
            let refusals: BTreeMap<String, Value> = serde_json::from_str(refusals).expect("JSON");
            written.extend(refusals.into_keys());
        }
    }
    let served: BTreeSet<String> = operations().await.into_iter().map(|operation| operation.id).collect();
    // Whether the server lives takes no parameter and refuses nothing but those.
    let missing: Vec<_> =
        served.difference(&written).filter(|id| !["isAlive", "isReady"].contains(&id.as_str())).collect();
    assert!(missing.is_empty(), "no snapshot has {missing:?}: name the chapter in refusals/");
    let gone: Vec<_> = written.difference(&served).collect();
    assert!(gone.is_empty(), "no operations any more: {gone:?}");
}
