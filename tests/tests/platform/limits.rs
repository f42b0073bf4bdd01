//! Who is limited, and what a proxy is believed.

use domain::role::Role;
use embedded_servers::ScratchDir;
use reqwest::Method;
use serde_json::json;
use system_tests::practice::Practice;
use system_tests::server::{Client, Server, send};

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_limited_where_it_really_is_and_more_strictly_when_it_tries_passwords() {
    let folder = ScratchDir::new("limits").unwrap();
    let flags = "--trusted-proxies 127.0.0.0/8 --rate-limit-address 60 --rate-limit-auth 3 --rate-limit-user 40";
    let flags: Vec<&str> = flags.split(' ').chain(["--allowed-origins", "https://app.example"]).collect();
    let server = Server::start(&folder.path().join("data"), &flags);
    let practice = Practice::in_server(&server).await;
    let anonymous = Client::anonymous(&server);
    let guess = |address: &str| {
        let body = json!({"email": "nobody@example.org", "password": "guessed"});
        send(anonymous.request(Method::POST, "/auth/login").header("X-Forwarded-For", address).json(&body))
    };
    for remaining in [2, 1, 0] {
        let answer = guess("203.0.113.7").await.expect(401);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"auth\";q=3;w=60, \"address\";q=60;w=60"));
        let auth = format!("\"auth\";r={remaining};");
        assert!(answer.header("ratelimit").unwrap().starts_with(&auth), "{answer:?}");
    }
    // What the client wrote itself stands further left, and changes nothing.
    let refused = guess("198.51.100.1, 203.0.113.7").await.expect_problem(429, "rate_limited");
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() <= 20);
    guess("203.0.113.8").await.expect(401);

    let user = async |address: &str| {
        let request = practice.client(Role::Doctor).request(Method::GET, "/facilities/current");
        send(request.header("X-Forwarded-For", address)).await.status
    };
    let mut statuses = Vec::new();
    for number in 0..41 {
        statuses.push(user(&format!("192.0.2.{number}")).await);
    }
    assert!(statuses[..40].iter().all(|status| *status != 429), "a user moves from address to address: {statuses:?}");
    assert_eq!(statuses.last(), Some(&429));
    // The metadata and the trail have the address as well.
    let registered = practice.register("Le Goff", "Zoé").await;
    let path = format!("/patients/{}", registered["id"].as_str().unwrap());
    let nurse = practice.client(Role::Nurse).request(Method::GET, &path).header("X-Forwarded-For", "192.0.2.77");
    send(nurse).await.expect(200);
    let log = practice.client(Role::Dpo).get(&format!("{path}/access-log")).await.expect(200).body;
    assert_eq!(log["items"][0]["clientAddress"], "192.0.2.77");

    for _ in 0..70 {
        send(anonymous.request(Method::GET, "/health/live").header("X-Forwarded-For", "203.0.113.9")).await.expect(200);
    }
    let page = send(anonymous.request(Method::GET, "/auth/me").header("Origin", "https://app.example")).await;
    assert_eq!(page.expect(401).header("access-control-allow-origin"), Some("https://app.example"));
}
