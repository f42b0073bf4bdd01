//! A live screen: a WebSocket client of the realtime interface.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::server::Server;

/// How long a screen waits for something that has to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open socket.
pub struct Screen(WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>);

impl Screen {
    /// Connects without saying who it is.
    pub async fn connect(server: &Server) -> Self {
        let address = format!("{}/api/v1/realtime", server.report.url.replacen("http", "ws", 1));
        Self(connect_async(address).await.expect("the socket opens").0)
    }

    /// Connects, says who it is and from where it wants to go on, and waits until it is accepted.
    pub async fn open(server: &Server, token: &str, position: Option<u64>) -> Self {
        let mut screen = Self::connect(server).await;
        let mut hello = json!({"type": "authenticate", "token": token});
        if let Some(position) = position {
            hello["position"] = json!(position);
        }
        screen.say(&hello.to_string()).await;
        assert_eq!(screen.next().await["event"], "ready");
        screen
    }

    /// Sends a text.
    pub async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.expect("the socket takes it");
    }

    /// The next message; a panic if none comes in time.
    pub async fn next(&mut self) -> Value {
        self.next_within(PATIENCE).await.expect("a message comes in time")
    }

    /// The next message, if one comes within this time.
    pub async fn next_within(&mut self, patience: Duration) -> Option<Value> {
        loop {
            match tokio::time::timeout(patience, self.0.next()).await.ok()?.expect("the socket is open") {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).expect("messages are JSON")),
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("not a message: {other:?}"),
            }
        }
    }

    /// The next frame of the log, past all that tells of people coming and going.
    pub async fn next_frame(&mut self) -> Value {
        loop {
            let message = self.next().await;
            if !matches!(message["event"].as_str(), Some("user_connected" | "user_disconnected")) {
                return message;
            }
        }
    }

    /// How the server closes the socket.
    pub async fn closed(&mut self) -> Option<CloseFrame> {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("the socket is closed in time") {
                Some(Ok(Message::Close(frame))) => return frame,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }
}
