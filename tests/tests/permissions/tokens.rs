//! Every operation with no token, and with each kind of token that opens nothing.

use accounts::member::Member;
use accounts::tokens::{AccessGrant, AccessTokens};
use domain::ids::UserId;
use domain::permissions::Permissions;
use domain::role::Role;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::json;
use system_tests::practice::{Practice, Underneath};
use system_tests::server::{Client, Server, send};
use system_tests::staff::within_a_second;
use uuid::Uuid;

use super::roles::{assert_admitted, harmless, headers_only};
use super::table::{Need, operations_with_needs};
use super::{hire, id};

const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// A token as a server makes them.
fn issue(tokens: &AccessTokens, caller: &Member, issued_at: Timestamp) -> String {
    let permissions = Permissions::default_of(caller.role);
    let grant = AccessGrant {
        member: caller.clone(),
        permissions,
        id: Uuid::now_v7(),
        issued_at,
        authenticated_at: issued_at,
        second_factor: true,
    };
    tokens.issue_for(&grant).unwrap()
}

/// The token with another letter in a part of `v4.public.<claims and signature>.<footer>`, so far into the part.
fn altered(token: &str, part: usize, percent: usize) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let at = parts[part].len() * percent / 100;
    let other = if &parts[part][at..=at] == "A" { "B" } else { "A" };
    parts[part].replace_range(at..=at, other);
    parts.join(".")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_what_is_public_opens_without_a_good_token() {
    let (practice, elsewhere) = (Practice::new().await, Practice::new().await);
    let admin = practice.client(Role::Admin);
    // An administrator of the practice, who may do the most.
    let member = hire(&practice, Role::Admin, "Roux").await;
    let (session, revoked) = (member.log_in().await, member.log_in().await);
    let sessions = admin.get(&format!("{}/sessions", member.path())).await.expect(200).body;
    let [latest, first] = sessions["items"].as_array().unwrap().as_slice() else { panic!("{sessions}") };
    admin.delete(&format!("{}/sessions/{}", member.path(), id(latest))).await.expect(204);
    within_a_second(&revoked, "/facilities/current", |answer| answer.body["code"] == "session_ended").await;
    let suspended = hire(&practice, Role::Admin, "Diallo").await;
    let suspended_session = suspended.log_in().await;
    let suspension = json!({"reason": "Essai"});
    admin.post(&format!("{}/suspend", suspended.path()), &suspension).await.expect(200);
    within_a_second(&suspended_session, "/facilities/current", |answer| answer.body["code"] == "session_ended").await;

    let caller = Member {
        user_id: UserId(member.id().parse().unwrap()),
        facility_id: practice.facility_id,
        role: Role::Admin,
        session_id: id(first).parse().unwrap(),
    };
    let log = Underneath::of(Server::shared()).open_log().await;
    let secret = log.keys().secret("access-token-signing").await.unwrap();
    let ours = AccessTokens::new(secret.as_slice().try_into().unwrap(), LIFETIME).unwrap();
    let another_house = AccessTokens::new(&[7; 32], LIFETIME).unwrap();
    let (now, yesterday) = (Timestamp::now(), Timestamp::now() - SignedDuration::from_hours(24));
    let good = issue(&ours, &caller, now);
    let door = session.signed_out();
    door.with_token(&good).get("/auth/me").await.expect(200);

    let mut refused: Vec<(String, Option<String>, &str)> = vec![
        ("no token".to_owned(), None, "authentication_required"),
        ("an expired token".to_owned(), Some(issue(&ours, &caller, yesterday)), "token_expired"),
        (
            "a token of tomorrow".to_owned(),
            Some(issue(&ours, &caller, now + SignedDuration::from_hours(24))),
            "invalid_token",
        ),
        ("a token of another house".to_owned(), Some(issue(&another_house, &caller, now)), "invalid_token"),
        ("a token of a revoked session".to_owned(), Some(revoked.token().to_owned()), "session_ended"),
        ("a token of a suspended member".to_owned(), Some(suspended_session.token().to_owned()), "session_ended"),
    ];
    for (part, place) in [(0, "version"), (1, "purpose"), (2, "claims"), (3, "footer")] {
        refused.push((format!("a changed byte of the {place}"), Some(altered(&good, part, 50)), "invalid_token"));
    }
    refused.push(("a changed byte of the signature".to_owned(), Some(altered(&good, 2, 95)), "invalid_token"));

    // What row-level security goes by is the practice that the claims name.
    let other = Member { facility_id: elsewhere.facility_id, ..caller };
    let spliced = splice(&good, &issue(&ours, &other, now));
    refused.push((
        "the claims of one practice and the signature of another".to_owned(),
        Some(spliced),
        "invalid_token",
    ));

    for (operation, need) in operations_with_needs().await {
        for (kind, token, code) in &refused {
            let client = token.as_ref().map_or_else(|| door.clone(), |token| door.with_token(token));
            let answer = send(harmless(&client, &operation)).await;
            let what = format!("{} with {kind}", operation.id);
            if need == Need::Public {
                assert_admitted(&answer, &what);
            } else {
                assert_eq!(
                    (answer.status, answer.body["code"].as_str()),
                    (401, Some(*code)),
                    "{what}: {}",
                    answer.text
                );
                let challenge = answer.header("www-authenticate").unwrap_or_default();
                assert!(challenge.starts_with("Bearer"), "{what}: {challenge}");
                if operation.method == Method::GET {
                    assert_eq!(send(headers_only(&client, &operation)).await.status, 401, "{what}, headers only");
                }
            }
        }
    }
    session.get("/auth/me").await.expect(200);
}

/// The claims of the second token under the signature of the first.
fn splice(signed: &str, claims: &str) -> String {
    // Both bodies are as long, and the last 64 bytes, 86 letters, are the signature.
    let (signed, claims): (Vec<&str>, Vec<&str>) = (signed.split('.').collect(), claims.split('.').collect());
    assert_eq!(signed[2].len(), claims[2].len());
    let at = signed[2].len() - 90;
    [signed[0], signed[1], &format!("{}{}", &claims[2][..at], &signed[2][at..]), signed[3]].join(".")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_by_the_authorization_header_and_by_nothing_else() {
    let practice = Practice::new().await;
    let token = practice.client(Role::Admin).token();
    let door = Client::anonymous(Server::shared());
    for (operation, need) in operations_with_needs().await {
        if need == Need::Public {
            continue;
        }
        let path = operation.path_with(|_| Uuid::now_v7().to_string());
        let in_the_address = format!("{path}?access_token={token}");
        let request = |path: &str| door.request(operation.method.clone(), path);
        for request in [
            request(&in_the_address),
            request(&path).header("Cookie", format!("access_token={token}")),
            request(&path).header("X-Access-Token", token),
            request(&path).header("Authorization", format!("Basic {token}")),
        ] {
            let refused = send(request).await;
            assert_eq!(refused.status, 401, "{}: {}", operation.id, refused.text);
        }
    }
}
