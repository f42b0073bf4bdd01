use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::{Practice, patient};
use system_tests::server::send;

/// The patient with one field replaced; `path` in dots.
fn with(path: &str, value: Value) -> Value {
    let mut body = patient("Le Goff", "Zoé");
    let mut at = &mut body;
    for key in path.split('.') {
        at = &mut at[key];
    }
    *at = value;
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn each_impossible_value_is_refused_by_field_and_rule_without_being_repeated() {
    let practice = Practice::new().await;
    for (field, value, rule) in [
        ("lastName", "4711", "name_characters"),
        ("firstName", " ' ", "name_letter"),
        ("birthDate", "1984-02-30", "date_exists"),
        ("birthDate", "2984-02-28", "birth_date_future"),
        ("birthDate", "1084-02-28", "birth_date_too_old"),
        ("gender", "X", "gender_code"),
        ("contact.phone", "06 12 34 56 7", "phone_france"),
        ("contact.email", "zoe@example", "email_domain"),
        ("ins", "184127645108947", "nir_key"),
    ] {
        let body = if field == "ins" {
            with("ins", json!({"matricule": value, "oid": "1.2.250.1.213.1.4.10"}))
        } else {
            with(field, json!(value))
        };
        let refused = practice.secretary().post("/patients", &body).await.expect_problem(422, "validation_failed");
        let violations = refused.body["violations"].as_array().unwrap();
        assert_eq!(violations.len(), 1, "{}", refused.text);
        let expected = if field == "ins" { "ins.matricule" } else { field };
        assert_eq!((violations[0]["field"].as_str(), violations[0]["rule"].as_str()), (Some(expected), Some(rule)));
        assert!(!refused.text.contains(value) || value.len() < 2, "{} repeats the value", refused.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_violations_are_named_at_once() {
    let practice = Practice::new().await;
    let mut body = patient("4711", "");
    body["contact"] = json!({"email": "x", "emergencyContact": {"name": "Anne", "phone": "1"}});
    let refused = practice.secretary().post("/patients", &body).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.violated_fields(), ["contact.email", "contact.emergencyContact.phone", "firstName", "lastName"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_of_another_shape_is_refused_with_the_path() {
    let practice = Practice::new().await;
    for (body, field) in [
        (with("lastName", json!(true)), "lastName"),
        (with("lastName", json!(12)), "lastName"),
        (with("lastName", json!(["Le Goff"])), "lastName"),
        (with("nationality", Value::Null), "nationality"),
        (with("contact.emergencyContact.phone", json!({})), "contact.emergencyContact.phone"),
        (with("surprise", json!("x")), "surprise"),
        (with("address.surprise", json!("x")), "address.surprise"),
        (with("confirmDistinct", json!("true")), "confirmDistinct"),
    ] {
        let refused = practice.secretary().post("/patients", &body).await.expect_problem(400, "malformed_request");
        assert!(refused.violated_fields()[0].starts_with(field.split('.').next().unwrap()), "{}", refused.text);
    }
    let mut incomplete = patient("Le Goff", "Zoé");
    incomplete.as_object_mut().unwrap().remove("birthDate");
    practice.secretary().post("/patients", &incomplete).await.expect_problem(400, "malformed_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_is_refused() {
    let practice = Practice::new().await;
    let post = |content_type: &'static str, body: &'static str| {
        practice.secretary().request(Method::POST, "/patients").header("Content-Type", content_type).body(body)
    };
    for body in ["", "{", "[]", "null", "\"x\"", "{}x", "\u{feff}{}", "{\"lastName\":\"a\",\"lastName\":\"b\"}"] {
        send(post("application/json", body)).await.expect_problem(400, "malformed_request");
    }
    for content_type in ["text/plain", "application/xml", "application/x-www-form-urlencoded"] {
        send(post(content_type, "{}")).await.expect_problem(415, "unsupported_media_type");
    }
    let large = practice.secretary().request(Method::POST, "/patients").header("Content-Type", "application/json");
    send(large.body(vec![b' '; 2 * 1024 * 1024])).await.expect_problem(413, "body_too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_paths_methods_and_headers_are_refused_in_the_same_form() {
    let practice = Practice::new().await;
    let client = practice.secretary();
    for id in ["x", "0198a000000070008000000000000001", "%00", "..%2f..", "0198a000-0000-7000-8000-00000000000g"] {
        let answer = client.get(&format!("/patients/{id}")).await;
        assert!([400, 404].contains(&answer.status), "{id}: {}", answer.text);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    client.get("/nothing").await.expect_problem(404, "route_not_found");
    let refused = send(client.request(Method::PATCH, "/patients")).await.expect_problem(405, "method_not_allowed");
    assert_eq!(refused.header("allow"), Some("GET, HEAD, POST"));
    for (name, value) in [("Idempotency-Key", "a b"), ("Idempotency-Key", ""), ("If-Match", "x")] {
        let request = client.request(Method::POST, "/patients").header(name, value).json(&patient("Le Goff", "Zoé"));
        let answer = send(request).await;
        // POST declares no If-Match, so there it is ignored like any other header.
        let expected = if name == "If-Match" { 201 } else { 400 };
        assert_eq!(answer.status, expected, "{name}: {}", answer.text);
    }
}
