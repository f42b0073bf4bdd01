//! The documents of the interface, held against the former ones in `former/`: clients that were made from those still
//! work. Every difference stands here with its reason.

use std::collections::BTreeMap;
use std::fmt;

use reqwest::Method;
use serde_json::Value;
use system_tests::server::{Client, Server, send};

/// Differences of one kind that are meant, and why.
struct Meant {
    which: fn(&Difference) -> bool,
    why: &'static str,
}

/// The differences of the OpenAPI document that are meant.
const MEANT: [Meant; 6] = [
    Meant {
        which: |difference| difference.is_of_a_header("description"),
        why: "the frame reads the headers, so each is described alike wherever it is taken",
    },
    Meant {
        which: Difference::is_words_of_a_success,
        why: "the frame has the answers, so each is described alike wherever it is given",
    },
    Meant {
        which: Difference::is_of_step_up,
        why: "what gives or takes access needs a fresh proof of identity, and says so",
    },
    Meant {
        which: |difference| difference.is_one_of(&LOCK),
        why: "a device is known by a token, and an administrator lifts the lock of an account",
    },
    Meant {
        which: |difference| difference.is_one_of(&FEEDS),
        why: "a calendar feed ends with what happens to whoever made it, and can be taken over",
    },
    Meant { which: |difference| difference.is_one_of(&RESETS), why: "the link of a reset goes to its owner by e-mail" },
];

/// Where the document tells of the lock after wrong passwords.
const LOCK: [&str; 4] = [
    "paths › /api/v1/users/{id}/unlock",
    "paths › /api/v1/auth/login › post › description",
    "components › schemas › LoginRequest › properties › device_token",
    "components › schemas › LoginAnswer › properties › device_token",
];

/// Where the document tells of the end of a calendar feed.
const FEEDS: [&str; 3] = [
    "paths › /api/v1/practitioners/{practitionerId}/calendar-feed/take-over",
    "components › schemas › CalendarFeed › properties › endedAt",
    "components › schemas › CalendarFeed › properties › createdBy › description",
];

/// Where the document tells of resets by e-mail.
const RESETS: [&str; 6] = [
    "paths › /api/v1/auth/password/forgot",
    "components › schemas › ForgottenPassword",
    "paths › /api/v1/users/{id}/password-reset › post › parameters › query handOut",
    "paths › /api/v1/users/{id}/password-reset › post › responses › 400",
    "components › schemas › UserWithLink › properties › link › description",
    "components › schemas › UserWithLink › properties › link › allOf",
];

/// What two documents say otherwise.
#[derive(Debug, PartialEq)]
struct Difference {
    at: Vec<String>,
    former: Option<Value>,
    served: Option<Value>,
}

impl Difference {
    /// Whether it is this member of a header that an operation takes.
    fn is_of_a_header(&self, member: &str) -> bool {
        let [.., parameters, parameter, last] = self.at.as_slice() else { return false };
        parameters == "parameters" && parameter.starts_with("header ") && last == member
    }

    /// Whether it is that an operation needs a fresh proof of identity, or that its description says so at its end.
    fn is_of_step_up(&self) -> bool {
        let [_paths, _path, _method, last] = self.at.as_slice() else { return false };
        let described = self.served.as_ref().and_then(Value::as_str);
        let said = described.is_some_and(|text| text.ends_with("last five minutes (`POST auth/step-up`)."));
        last == "x-step-up" || (last == "description" && said)
    }

    /// Whether it is at one of these places.
    fn is_one_of(&self, places: &[&str]) -> bool {
        places.contains(&self.at.join(" › ").as_str())
    }

    /// Whether it is how an answer that is no refusal, or a header of it, is described.
    fn is_words_of_a_success(&self) -> bool {
        let (responses, status) = match self.at.as_slice() {
            [.., responses, status, last] if last == "description" && responses == "responses" => (responses, status),
            [.., responses, status, headers, _, last] if last == "description" && headers == "headers" => {
                (responses, status)
            }
            _ => return false,
        };
        responses == "responses" && status.as_str() < "400"
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
        write!(f, "{}\n  former: {}\n  served: {}", self.at.join(" › "), text(&self.former), text(&self.served))
    }
}

/// By what the entries of a list are known, if their order says nothing.
fn key_of(list: &str, entry: &Value) -> Option<String> {
    match list {
        "parameters" => Some(format!("{} {}", entry["in"].as_str()?, entry["name"].as_str()?)),
        "tags" => entry["name"].as_str().or(entry.as_str()).map(str::to_owned),
        "required" => entry.as_str().map(str::to_owned),
        _ => None,
    }
}

/// The entries of an object, or of a list whose order says nothing.
fn entries(name: &str, value: &Value) -> Option<BTreeMap<String, Value>> {
    match value {
        Value::Object(members) => Some(members.iter().map(|(name, value)| (name.clone(), value.clone())).collect()),
        Value::Array(list) => list.iter().map(|entry| Some((key_of(name, entry)?, entry.clone()))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn compare(at: &[String], former: &Value, served: &Value, found: &mut Vec<Difference>) {
    let name = at.last().map_or("", String::as_str);
    let (Some(before), Some(now)) = (entries(name, former), entries(name, served)) else {
        if former != served {
            found.push(Difference { at: at.to_vec(), former: Some(former.clone()), served: Some(served.clone()) });
        }
        return;
    };
    for (key, former) in &before {
        let at = [at, std::slice::from_ref(key)].concat();
        match now.get(key) {
            Some(served) => compare(&at, former, served, found),
            None => found.push(Difference { at, former: Some(former.clone()), served: None }),
        }
    }
    for (key, served) in now.iter().filter(|(key, _)| !before.contains_key(*key)) {
        let at = [at, std::slice::from_ref(key)].concat();
        found.push(Difference { at, former: None, served: Some(served.clone()) });
    }
}

fn differences(former: &str, served: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(&[], &serde_json::from_str(former).expect("JSON"), served, &mut found);
    found
}

/// Fails with every difference that is not meant, and shows the others.
fn hold(found: &[Difference], meant: &[Meant]) {
    let (expected, surprising): (Vec<_>, Vec<_>) =
        found.iter().partition(|difference| meant.iter().any(|meant| (meant.which)(difference)));
    for meant in meant {
        println!("{} differences: {}", expected.iter().filter(|one| (meant.which)(one)).count(), meant.why);
    }
    let told: Vec<String> = surprising.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{} differences that nobody named:\n{}", told.len(), told.join("\n"));
}

async fn served(path: &str) -> Value {
    send(Client::anonymous(Server::shared()).raw(Method::GET, path)).await.expect(200).body
}

#[tokio::test(flavor = "multi_thread")]
async fn the_served_document_is_the_former_one_but_for_what_is_named_here() {
    hold(&differences(include_str!("former/openapi.json"), &served("/openapi.json").await), &MEANT);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_asyncapi_document_is_the_former_one() {
    hold(&differences(include_str!("former/asyncapi.json"), &served("/asyncapi.json").await), &[]);
}

#[test]
fn a_difference_of_documents_is_found_and_order_is_none() {
    let former = r#"{"required": ["a", "b"], "enum": ["x", "y"], "parameters": [
        {"in": "header", "name": "If-Match", "description": "one"}, {"in": "query", "name": "limit"}],
        "responses": {"200": {"description": "one"}, "404": {"description": "one"}}}"#;
    let served = serde_json::json!({"enum": ["y", "x"], "required": ["b", "a"], "more": 1, "parameters": [
        {"in": "query", "name": "limit"}, {"in": "header", "name": "If-Match", "description": "another"}],
        "responses": {"200": {"description": "another"}, "404": {"description": "another"}}});
    let found = differences(former, &served);
    let at: Vec<String> = found.iter().map(|difference| difference.at.join("/")).collect();
    let answers = ["responses/200/description", "responses/404/description"];
    assert_eq!(at, ["enum", "parameters/header If-Match/description", answers[0], answers[1], "more"]);
    let meant = |difference: &Difference| MEANT.iter().position(|meant| (meant.which)(difference));
    assert_eq!(found.iter().map(meant).collect::<Vec<_>>(), [None, Some(0), Some(1), None, None]);
}
