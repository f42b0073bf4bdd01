//! What becomes of a connection whose request is answered before its body has arrived: the client gets the answer, and
//! knows whether the connection goes on.

use std::time::Duration;

use system_tests::server::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Twice what a body may have.
const TOO_LARGE: usize = 2 * 1024 * 1024;

async fn connect(server: &Server) -> (TcpStream, String) {
    let host = server.report.url.strip_prefix("http://").expect("plain HTTP").to_owned();
    (TcpStream::connect(&host).await.expect("a connection"), host)
}

/// The head of the next answer, in small letters, and its body as far as it announces one.
async fn answer(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        assert_ne!(stream.read_buf(&mut read).await.expect("an answer"), 0, "closed without an answer");
    };
    let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    while read.len() < end + length {
        assert_ne!(stream.read_buf(&mut read).await.expect("a body"), 0, "closed within the body");
    }
    (head, read.split_off(end))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_still_sends_when_refused_gets_the_answer_and_knows_that_the_connection_ends() {
    let (mut stream, host) = connect(Server::shared()).await;
    let head = format!(
        "POST /api/v1/patients HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {TOO_LARGE}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..16 {
        stream.write_all(&vec![b' '; TOO_LARGE / 16]).await.expect("nobody closes on what is still sent");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (head, body) = answer(&mut stream).await;
    assert!(head.starts_with("http/1.1 413 "), "{head}");
    assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
    assert!(String::from_utf8_lossy(&body).contains("\"code\":\"body_too_large\""));
    assert_eq!(stream.read(&mut [0; 1]).await.expect("an orderly end"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_body_that_nobody_read_does_not_end_the_connection() {
    let (mut stream, host) = connect(Server::shared()).await;
    let refused = format!("POST /api/v1/nothing HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10000\r\n\r\n");
    for _ in 0..20 {
        stream.write_all(&[refused.as_bytes(), &[b'x'; 10_000]].concat()).await.unwrap();
        let (head, _) = answer(&mut stream).await;
        assert!(head.starts_with("http/1.1 404 "), "{head}");
        assert!(!head.contains("\r\nconnection: close\r\n"), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_before_sending_is_refused_without_being_asked_for_the_body() {
    let (mut stream, host) = connect(Server::shared()).await;
    let asking = format!(
        "POST /api/v1/patients HTTP/1.1\r\nHost: {host}\r\nContent-Length: {TOO_LARGE}\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(asking.as_bytes()).await.unwrap();
    let (head, _) = answer(&mut stream).await;
    assert!(head.starts_with("http/1.1 413 "), "{head}");
    assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
    assert_eq!(stream.read(&mut [0; 1]).await.expect("an orderly end"), 0);
}
