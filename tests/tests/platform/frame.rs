//! What every operation has in common, seen from outside.

use reqwest::Method;
use serde_json::Value;
use system_tests::practice::Practice;
use system_tests::server::{Client, Server, send};

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_that_it_lives_and_is_ready() {
    let anonymous = Client::anonymous(Server::shared());
    anonymous.get("/health/live").await.expect(200);
    let ready = anonymous.get("/health/ready").await.expect(200).body;
    let checks: Vec<_> = ready["checks"].as_array().unwrap().iter().map(|check| check["name"].clone()).collect();
    assert!(checks.len() >= 3, "{ready}");
    assert!(ready["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true), "{ready}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_of_the_document_refuses_the_anonymous_but_the_public_ones() {
    let anonymous = Client::anonymous(Server::shared());
    let document = send(anonymous.raw(Method::GET, "/openapi.json")).await.expect(200).body;
    let mut operations = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let concrete = path.replace("{id}", "0198a000-0000-7000-8000-000000000001");
            let method: Method = method.to_uppercase().parse().unwrap();
            let answer = send(anonymous.raw(method.clone(), &concrete)).await;
            // A calendar program knows an address and nothing else: the address is the secret.
            let public = path.contains("/health/")
                || path.starts_with("/api/v1/calendars/")
                || ["/login", "/keys", "/refresh", "/password/accept", "/password/forgot"]
                    .iter()
                    .any(|open| path == &format!("/api/v1/auth{open}"));
            assert_eq!(answer.status == 401, !public, "{method} {path}: {}", answer.status);
            operations += 1;
        }
    }
    assert!(operations >= 12, "{operations}");
    send(anonymous.raw(Method::GET, "/docs")).await.expect(200);
    let asyncapi = send(anonymous.raw(Method::GET, "/asyncapi.json")).await.expect(200).body;
    assert!(asyncapi["asyncapi"].as_str().unwrap().starts_with('3'));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_comes_back_and_a_bad_one_is_replaced() {
    let anonymous = Client::anonymous(Server::shared());
    let with = |id: &'static str| send(anonymous.request(Method::GET, "/health/live").header("X-Request-Id", id));
    assert_eq!(with("abc-1").await.header("x-request-id"), Some("abc-1"));
    let replaced = with("<script>").await;
    assert!(uuid::Uuid::parse_str(replaced.header("x-request-id").unwrap()).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_are_compressed_and_small_ones_are_not() {
    let practice = Practice::new().await;
    for name in 'a'..='z' {
        practice.register("Nom", &name.to_string()).await;
    }
    for encoding in ["gzip", "br", "zstd"] {
        let get =
            |path: &str| send(practice.secretary().request(Method::GET, path).header("Accept-Encoding", encoding));
        assert_eq!(get("/patients?limit=50").await.header("content-encoding"), Some(encoding));
        assert_eq!(get("/patients?limit=1").await.header("content-encoding"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_requests_queries_batches_lag_and_pool() {
    let practice = Practice::new().await;
    practice.register("Le Goff", "Zoé").await;
    practice.secretary().get("/patients").await.expect(200);
    let metrics = reqwest::get(&Server::shared().report.metrics_url).await.unwrap().text().await.unwrap();
    for name in [
        "http_request_duration_seconds",
        "query_duration_seconds",
        "log_append_batch_size",
        "projection_lag_events",
        "database_pool_connections",
    ] {
        assert!(metrics.contains(name), "{name} is not among the metrics:\n{metrics}");
    }
    assert!(metrics.contains("route=\"/api/v1/patients/:id\"") || metrics.contains("route=\"/api/v1/patients\""));
    assert!(!metrics.to_lowercase().contains("goff"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_setting_ends_the_program_with_a_sentence() {
    let run = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command = std::process::Command::new(system_tests::server::program("medicalpro"));
        command.arg("serve").args(arguments).envs(environment.iter().copied());
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (arguments, environment, named) in [
        (vec!["--listen", "nowhere"], vec![], "--listen"),
        (vec![], vec![("DATABASE_URL", "mysql://x")], "DATABASE_URL"),
        (vec![], vec![("DATABASE_URL", "postgres://u@localhost/db")], "MEDICALPRO_MASTER_KEY"),
        (vec!["--surprise"], vec![], "--surprise"),
        (vec![], vec![("NATS_URL", "::::")], "NATS_URL"),
    ] {
        let (code, message) = run(&arguments, &environment);
        assert_eq!(code, Some(2), "{message}");
        assert!(message.contains(named), "{named}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_name_the_request_and_the_page_that_explains_them() {
    let anonymous = Client::anonymous(Server::shared());
    let refused = anonymous.get("/patients").await.expect_problem(401, "authentication_required");
    assert_eq!(refused.body["instance"], "/api/v1/patients");
    assert_eq!(refused.body["requestId"], Value::from(refused.header("x-request-id").unwrap()));
    assert_eq!(refused.body["type"], "/docs/errors#authentication_required");
}
