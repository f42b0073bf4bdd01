//! Staff: the document that is sent, and what members of staff are found by.

use domain::user::User;
use projections::users::Users;
use serde_json::{Value, json};
use system_tests::given::given;

use crate::DOCTOR;

fn registered() -> Value {
    json!({
        "role": "doctor", "rppsNumber": "10002909371", "specialties": ["SM54"],
        "personal": {"lastName": "Kermarrec", "firstName": "Anaïs", "email": "Anais.Kermarrec@exemple.fr"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_staff_has_the_document_that_is_sent() {
    given(Users)
        .event::<User>(DOCTOR, "UserRegistered", registered())
        .event::<User>(DOCTOR, "PasswordChanged", json!({"by": "invitation"}))
        .then([
            (
                "users",
                "name, role, status, words, version",
                json!([[
                    "Anaïs Kermarrec",
                    "doctor",
                    "active",
                    " kermarrec anais anais.kermarrec@exemple.fr 10002909371",
                    2,
                ]]),
            ),
            (
                "users",
                "document",
                json!([[{
                    "id": DOCTOR, "role": "doctor", "status": "active", "version": 2,
                    "createdAt": "2026-11-02T08:01:00Z", "updatedAt": "2026-11-02T08:02:00Z",
                    "lastName": "Kermarrec", "firstName": "Anaïs", "email": "Anais.Kermarrec@exemple.fr",
                    "rppsNumber": "10002909371", "specialties": ["SM54"], "mfaEnabled": false,
                }]]),
            ),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_leaves_the_file_as_it_is() {
    given(Users)
        .event::<User>(DOCTOR, "UserRegistered", registered())
        .event::<User>(DOCTOR, "LoginRefused", json!({"cause": "wrong_password"}))
        .event::<User>(DOCTOR, "UserSuspended", json!({}))
        .then([("users", "status, version, document ->> 'version'", json!([["suspended", 3, "3"]]))])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_erased_member_of_staff_what_is_public_is_left() {
    given(Users)
        .event::<User>(DOCTOR, "UserRegistered", json!({"role": "nurse", "specialties": []}))
        .then([
            ("users", "name, words, last_name_key", json!([[null, "", "\u{10FFFF}"]])),
            (
                "users",
                "document",
                json!([[{
                    "id": DOCTOR, "role": "nurse", "status": "invited", "version": 1,
                    "createdAt": "2026-11-02T08:01:00Z", "updatedAt": "2026-11-02T08:01:00Z",
                    "specialties": [], "mfaEnabled": false, "forgotten": true,
                }]]),
            ),
        ])
        .await;
}
