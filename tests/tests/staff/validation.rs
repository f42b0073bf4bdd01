use domain::role::Role;
use serde_json::{Value, json};
use system_tests::practice::Practice;

use super::{Member, RPPS, details, member, put};

fn with(field: &str, value: Value) -> Value {
    let mut body = member(Role::Doctor, "Le Goff", "Anaïs");
    body[field] = value;
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn each_impossible_value_is_refused_by_field_and_rule_without_being_repeated() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    for (field, at, value, rule) in [
        ("role", "role", json!("chirurgien"), "role_code"),
        ("lastName", "lastName", json!("4711"), "name_characters"),
        ("firstName", "firstName", json!(" ' "), "name_letter"),
        ("email", "email", json!("zoe@example"), "email_domain"),
        ("phone", "phone", json!("06 12 34 56 7"), "phone_france"),
        ("rppsNumber", "rppsNumber", json!("10005678901"), "luhn_key"),
        ("adeliNumber", "adeliNumber", json!("ABCDEFGHI"), "adeli_format"),
        ("specialties", "specialties[1]", json!(["SM54", "SM00"]), "specialty_code"),
        ("specialties", "specialties[1]", json!(["SM54", "SM54"]), "duplicate_specialty"),
    ] {
        let refused = admin.post("/users", &with(field, value.clone())).await.expect_problem(422, "validation_failed");
        let violations = refused.body["violations"].as_array().unwrap();
        assert_eq!(violations.len(), 1, "{}", refused.text);
        assert_eq!((&violations[0]["field"], &violations[0]["rule"]), (&json!(at), &json!(rule)));
        let repeated = value.as_str().is_some_and(|value| refused.text.contains(value));
        assert!(!repeated, "{} repeats the value", refused.text);
    }
    let mut many = with("lastName", json!("4711"));
    many["email"] = json!("x");
    many["specialties"] = json!(["x"]);
    let refused = admin.post("/users", &many).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.violated_fields(), ["email", "lastName", "specialties[0]"]);
    let mut unnumbered = with("phone", json!("02 61 91 00 20"));
    unnumbered.as_object_mut().unwrap().remove("rppsNumber");
    let refused = admin.post("/users", &unnumbered).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.violated_fields(), ["rppsNumber"]);
    assert_eq!(admin.get("/users").await.expect(200).body["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_of_another_shape_is_refused_with_the_path() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    for (field, value) in [
        ("role", json!(1)),
        ("lastName", json!(true)),
        ("firstName", json!(["Zoé"])),
        ("email", json!({})),
        ("phone", Value::Null),
        ("rppsNumber", json!(10_002_909_371_u64)),
        ("adeliNumber", json!(false)),
        ("specialties", json!("SM54")),
        ("specialties", json!([54])),
        ("password", json!("cerf volant sur la jetée")),
        ("status", json!("active")),
        ("reason", json!("Arrivée")),
    ] {
        let refused = admin.post("/users", &with(field, value)).await.expect_problem(400, "malformed_request");
        assert!(refused.violated_fields()[0].starts_with(field), "{}", refused.text);
    }
    for field in ["role", "lastName", "firstName", "email"] {
        let mut incomplete = with("rppsNumber", json!(RPPS));
        incomplete.as_object_mut().unwrap().remove(field);
        let refused = admin.post("/users", &incomplete).await.expect_problem(400, "malformed_request");
        assert_eq!(refused.violated_fields(), [field]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_an_account_is_asked_for_as_strictly() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    let nurse = Member::hire(admin, Role::Nurse, "Diallo").await;
    let profile = || details(&member(Role::Nurse, "Diallo", "Maë"));
    let mut with_role = profile();
    with_role["role"] = json!("admin");
    put(admin, &nurse.path(), "*", &with_role).await.expect_problem(400, "malformed_request");
    let mut reasoned = profile();
    reasoned["reason"] = json!("\u{7}");
    put(admin, &nurse.path(), "*", &reasoned).await.expect_problem(422, "validation_failed");

    for act in ["suspend", "reinstate", "role"] {
        let path = format!("{}/{act}", nurse.path());
        for body in
            [json!({}), json!({"reason": 1, "role": "nurse"}), json!({"reason": "Essai", "role": "nurse", "x": 1})]
        {
            admin.post(&path, &body).await.expect_problem(400, "malformed_request");
        }
        let mut empty = json!({"reason": ""});
        if act == "role" {
            empty["role"] = json!("chef");
        }
        let refused = admin.post(&path, &empty).await.expect_problem(422, "validation_failed");
        assert_eq!(refused.violated_fields(), if act == "role" { vec!["reason", "role"] } else { vec!["reason"] });
    }
    admin.get("/users/x").await.expect_problem(400, "invalid_parameter");
    admin.delete(&format!("{}/sessions/x", nurse.path())).await.expect_problem(400, "invalid_parameter");
}
