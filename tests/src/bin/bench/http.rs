//! A bare HTTP/1.1 client: a kept connection, a request of ready bytes. It reads the status and the length of the answer.
//! Anything more would measure the client.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Whom requests go to, and as whom.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub token: String,
}

impl Target {
    /// A request's bytes.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Vec<u8> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let length = if method == "GET" { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n{kind}{length}\r\n{body}",
            self.address, self.token
        )
        .into_bytes()
    }

    /// An answer's JSON, on a connection of its own.
    pub async fn get(&self, path: &str) -> Value {
        let mut connection = Connection::open(self).await;
        let status = connection.call(&self.request("GET", path, None)).await;
        assert_eq!(status, 200, "GET {path}: {}", String::from_utf8_lossy(connection.body()));
        serde_json::from_slice(connection.body()).expect("JSON")
    }
}

/// A kept connection.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    body: std::ops::Range<usize>,
    head_after: Duration,
}

impl Connection {
    /// A new one.
    pub async fn open(target: &Target) -> Self {
        let stream = TcpStream::connect(target.address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, received: Vec::with_capacity(64 * 1024), body: 0..0, head_after: Duration::ZERO }
    }

    /// Sends a request and waits for the whole answer; its status.
    pub async fn call(&mut self, request: &[u8]) -> u16 {
        self.received.clear();
        let sent = Instant::now();
        self.stream.write_all(request).await.expect("the server reads");
        let mut whole = None;
        while whole.is_none_or(|whole| self.received.len() < whole) {
            let read = self.stream.read_buf(&mut self.received).await.expect("the server answers");
            assert!(read > 0, "the server closed the connection: {}", String::from_utf8_lossy(&self.received));
            if whole.is_none()
                && let Some(head) = self.received.windows(4).position(|end| end == b"\r\n\r\n")
            {
                self.head_after = sent.elapsed();
                let length = content_length(&self.received[..head]);
                self.body = head + 4..head + 4 + length;
                whole = Some(self.body.end);
            }
        }
        std::str::from_utf8(&self.received[9..12]).ok().and_then(|code| code.parse().ok()).expect("a status")
    }

    /// How long the last answer's head took. The server has made the whole body by then; what follows is its way.
    pub const fn head_after(&self) -> Duration {
        self.head_after
    }

    /// The body of the last answer.
    pub fn body(&self) -> &[u8] {
        &self.received[self.body.clone()]
    }
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head);
    let named = head.lines().filter_map(|line| line.split_once(':'));
    let mut length =
        named.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value.trim());
    length.next_back().and_then(|value| value.parse().ok()).unwrap_or(0)
}
